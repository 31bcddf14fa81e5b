/* What an operator must say of itself. One table entry per operator (and opset range, where a change of meaning asks
 * for it) in the family files of op/. */
#ifndef FOVEA_GRAPH_OPERATOR_H
#define FOVEA_GRAPH_OPERATOR_H

#include "graph/settings.h"

struct kernels;

/* Domain of the operators that only execution graphs hold. */
#define DOMAIN_INTERNAL "fovea.internal"

/* Shape rule. Types and shapes of the present inputs are known; `data` of an input is set when its elements are known
 * before running. The rule fills dtype and shape of every present output; a data-dependent shape gets rank
 * SHAPE_UNKNOWN_RANK. It must refuse whatever compute could not bear: compute trusts what infer accepted. */
struct infer_context {
    const struct node *node;
    int input_count, output_count;
    const struct tensor *const *inputs; /* NULL entries: omitted */
    struct tensor *outputs;             /* only dtype and shape are written */
    struct memory *memory;
};
typedef int operator_infer(struct infer_context *context, struct error *error);

/* Execution. Inputs hold data; outputs of known shape hold memory; an output whose shape infer left open has data NULL
 * and rank -1 and is allocated by compute_allocate. Elements are in storage types (dtype_storage). */
struct compute_context {
    const struct node *node;
    int input_count, output_count;
    const struct tensor *const *inputs;
    struct tensor *const *outputs; /* NULL entries: omitted */
    void *scratch;                 /* definition->scratch() bytes, 64-byte aligned */
    const void *packed;            /* what definition->pack() made, or NULL */
    struct memory *memory;         /* for data-dependent outputs only */
    struct thread_pool *pool;
    const struct kernels *kernels;
    bool direct;         /* no Winograd convolutions */
    bool half;           /* constant weights are packed in half precision */
    uint64_t seed, step; /* random operators: functions of (seed, step, node, element) */
    bool training;
    bool last_reader; /* nobody reads input 0 behind this node: what takes its data over sets that to NULL */
};
typedef int operator_compute(struct compute_context *context, struct error *error);
/* Gives output `index` its shape and zeroed memory. */
int compute_allocate(struct compute_context *context, int index, int rank, const int64_t *dims, struct error *error);

/* Bytes for `scratch` or `packed`; only types, shapes and constant inputs' data are set in the context, and of what is
 * packed not even these. */
typedef size_t operator_bytes(const struct compute_context *context);
/* Rearranges input 1 into `packed` once per session; compute then does not read it: its data may be gone. */
typedef void operator_pack(const struct compute_context *context, void *packed);

/* Appends nodes that compute the gradients of the wanted inputs from those of the outputs (op/emit.h). */
struct gradient_context {
    struct graph *graph;
    struct node *node;
    struct value *const *output_gradients; /* per output; NULL: zero */
    const bool *wanted;                    /* per input */
    struct value **input_gradients;        /* to fill where wanted; NULL stays zero */
    bool held;                             /* statistics count as constants (pass/held.h) */
};
typedef int operator_gradient(struct gradient_context *context, struct error *error);

/* How it would be computed, in a word, where the shapes decide on one of several ways. */
typedef const char *operator_method(const struct compute_context *context);

/* Appends nodes that compute the wanted outputs from the inputs (op/emit.h): for operators that are made of others. */
struct expand_context {
    struct graph *graph;
    const struct node *node;     /* of this graph or another: attributes, names of outputs */
    struct value *const *inputs; /* values of `graph` with known shapes; NULL entries: omitted */
    int input_count, output_count;
    struct value **outputs; /* to fill where node->outputs has an entry */
};
typedef int operator_expand(struct expand_context *context, struct error *error);
/* As operator_expand, for an operator that can be computed without its parts as well: 1, or 0 where too little is known
 * before running and nothing was appended. Inputs may have no known shape. */
typedef int operator_resolve_known(struct expand_context *context, struct error *error);

/* Backward interval [low, high] along one axis, unclipped. */
struct interval {
    int64_t low, high;
};

/* Which input cells one box of output cells reads. Global operations (statistics, gates, pools to 1x1) set `global` and
 * fill in the local part only, or set `none` when there is no local part. */
struct field_context {
    const struct node *node;
    const struct tensor *const *inputs; /* type, shape, data if constant */
    const struct tensor *outputs;
    int input, output;            /* which edge is asked */
    const struct interval *cells; /* per axis of the output */
    struct interval *reads;       /* per axis of the input, to fill */
    bool global;                  /* to set: reads everything along spatial axes through statistics */
    bool none;                    /* to set: no local contribution */
};
typedef int operator_field(struct field_context *context, struct error *error);

/* The part of a node that makes a box of cells of output 0, from no more of its inputs than these cells read. Asked for
 * the reads first (`part` NULL), then with the part, a copy of the node whose attributes are to be changed where they
 * must: its inputs hold `reads` alone. The rule is given boxes within the shapes, and answers alike both times. */
struct confine_context {
    const struct node *node;
    struct interval *cells;                   /* of output 0, per axis: the rule widens them to what it can make */
    struct interval (*reads)[SHAPE_MAX_RANK]; /* per input: to narrow; all of it at first */
    bool moves; /* to set: the result is what input 0 reads, in that order; there is no part */
    struct node *part;
};
typedef int operator_confine(struct confine_context *context, struct error *error);

/* Multiply-accumulates of one execution (one a*b+c counts 1); only products of convolutions and matrices count. */
typedef int64_t operator_macs(const struct infer_context *context);

/* Steps of one execution where neither its products nor its operands' elements tell how long it takes. */
typedef int64_t operator_steps(const struct infer_context *context);

/* Weights that a constant input holds, several in one of its elements; 0: it holds none in this way. */
typedef int64_t operator_weights(const struct node *node, int input);

/* Whether output 0 is input 0 where both have the same type and shape, whatever the elements are. */
typedef bool operator_identity(const struct node *node);

/* f(0) and f'(0) of f(x) = f(0) + x gate(x), the form in which pass/held.h holds the gate constant; f'(0) stands for
 * the gate near 0 where f(0) is not 0. False: this node has no such form. */
typedef bool operator_start(const struct node *node, double *start, double *slope);

/* What is worth knowing of a node before it runs: of the values that it reads, types, shapes and constants are known.
 */
struct operator_remark {
    bool unsteady; /* the result depends on chance, or on the other samples of a batch; else: runtimes differ */
    char text[200];
};
/* False: there is nothing to say. */
typedef bool operator_remarks(const struct node *node, struct operator_remark *remark);

/* How surely a factor that the operator makes is a gate of the other (pass/held.h). */
enum gate_rank {
    GATE_OF_OPERANDS, /* as what it computes with */
    GATE_NONE,        /* features: what keeps their scale or sets it */
    GATE_NORM,        /* sizes of vectors, of which factors are made */
    GATE_FUNCTION,    /* bounded or steep functions */
    GATE_SHARE        /* between 0 and 1 */
};

/* What is true of an operator, for those who ask what a node does rather than which it is. */
enum operator_trait {
    OPERATOR_VIEW = 1,              /* output 0 has the very elements of input 0 (Reshape, Identity) */
    OPERATOR_IN_PLACE = 2,          /* output 0 may overwrite any input of its own type and shape */
    OPERATOR_RANDOM = 4,            /* never folded */
    OPERATOR_SHAPE_ONLY = 8,        /* reads its inputs' shapes only: folds when they are known */
    OPERATOR_POINTWISE = 16,        /* each output element depends on the input elements at its own place only */
    OPERATOR_STRAIGHT_THROUGH = 32, /* its gradient is a convention, not a derivative */
    OPERATOR_NORMALIZES = 64, /* output 0 depends on input 0 at its own place, else through statistics: of rows of the
                                 last axes, or global ones */
    OPERATOR_KEEPS = 1 << 7,  /* in inference each element of output 0 is that of input 0, rounded to another type at
                                 most (Identity, Cast, Dropout) */
    OPERATOR_MOVES = 1 << 8,  /* outputs hold elements of the inputs in other places, some of them or several times;
                                 shapes, sizes and indices say which (Transpose, Slice, Gather, Concat, Expand) */
    OPERATOR_SELECTS =
        1 << 9, /* which elements come out depends on values (TopK, NonMaxSuppression, ReduceMax, Where) */
    OPERATOR_PRODUCT = 1 << 10,     /* sums of products of two operands (Conv, Gemm, MatMul, Einsum, quantised ones) */
    OPERATOR_CONVOLUTION = 1 << 11, /* of windows along spatial axes, weights [out, in, ...] or transposed */
    OPERATOR_SUM = 1 << 12,         /* adds its operands up, with signs or equal weights (Add, Sub, Sum, Mean) */
    OPERATOR_MULTIPLIES = 1 << 13,  /* multiplies or divides its operands, element by element (Mul, Div) */
    OPERATOR_ACTIVATION = 1 << 14,  /* a nonlinear function of one operand that networks put behind their layers */
    OPERATOR_GATE = 1 << 15,        /* an activation with bounded results, which others are multiplied by */
    OPERATOR_SOFTMAX = 1 << 16,     /* shares of one, or their logarithms, along an axis */
    OPERATOR_POOLS = 1 << 17,       /* joins windows along spatial axes without weights, or all of them */
    OPERATOR_GLOBAL_POOL = 1 << 18, /* over all spatial cells */
    OPERATOR_RESAMPLES = 1 << 19,   /* interpolates along axes (Resize, Upsample) */
    OPERATOR_QUANTIZES = 1 << 20,   /* passes values on in steps of a quantum */
    OPERATOR_REDUCES = 1 << 21,     /* joins the elements along axes to one */
    OPERATOR_ATTENTION = 1 << 22,   /* softmax of products of queries and keys, times values; also without the
                                       softmax, in linear order */
    OPERATOR_SOURCE = 1 << 23,      /* makes elements of attributes, shapes or chance alone (Constant, Range, Shape) */
    OPERATOR_FUNCTION = 1 << 24,    /* any other function of the elements at one place (Sqrt, Exp, Less) */
    OPERATOR_OTHER = 1 << 25,       /* none of these */
    OPERATOR_PERMUTES = 1 << 26,    /* changes the order of the axes and nothing else (Transpose) */
    OPERATOR_COMMUTES = 1 << 27,    /* its operands may change places (Add, Mul, Max) */
    OPERATOR_MATRIX = 1 << 28,      /* a product whose last axis counts the columns of the second operand, where it is
                                       not transposed (MatMul, Gemm) */
    OPERATOR_NORMALIZES_ROWS = 1 << 29, /* by statistics of rows of the last axes (LayerNormalization) */
    OPERATOR_FINDS = 1 << 30,           /* output 0 holds places, not elements (ArgMax, NonZero, NonMaxSuppression) */
    OPERATOR_EXACT_FIELD = INT64_C(1) << 31, /* `field` says of every axis what an element depends on, except across
                                                what is normalised together */
    OPERATOR_CONTAINERS = INT64_C(1) << 32   /* takes or gives sequences or optionals; all others are refused them */
};

/* What an input is to the operator. */
enum operand_role {
    ROLE_UNSAID, /* no entry may leave it so */
    ROLE_DATA,   /* what is computed with */
    ROLE_WEIGHT, /* factor of sums of products: a weight where it is constant */
    ROLE_SCALE,  /* of a normalisation, per channel */
    ROLE_SHIFT,  /* added per channel: bias, beta */
    ROLE_MEAN,   /* statistics */
    ROLE_VARIANCE,
    ROLE_SLOPE,   /* of an activation, per channel */
    ROLE_TERM,    /* of a sum, element by element */
    ROLE_FACTOR,  /* of a product, element by element; a dividend too */
    ROLE_DIVISOR, /* likewise */
    ROLE_CHOICE,  /* one of those that an element of the result comes from (Where, Max, Scatter) */
    ROLE_KEY,     /* queries and keys of attention: compared, not passed on */
    ROLE_SHAPE,   /* sizes, axes, pads, steps: decides the outputs' shapes */
    ROLE_INDICES, /* places of elements */
    ROLE_QUANTUM, /* step or zero point of quantised numbers */
    ROLE_MASK,    /* which elements count, or what is added to hide them */
    ROLE_CONTROL  /* other numbers that steer: bounds, ratios, thresholds, modes */
};

/* Sets of element types, for the coverage table and the checks. */
#define TYPE_BIT(dtype) (1u << (dtype)) /* of no container */
#define TYPES_FLOAT                                                                                                    \
    (TYPE_BIT(DTYPE_FLOAT) | TYPE_BIT(DTYPE_DOUBLE) | TYPE_BIT(DTYPE_FLOAT16) | TYPE_BIT(DTYPE_BFLOAT16))
#define TYPES_INTEGER                                                                                                  \
    (TYPE_BIT(DTYPE_INT8) | TYPE_BIT(DTYPE_INT16) | TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64) |                    \
     TYPE_BIT(DTYPE_UINT8) | TYPE_BIT(DTYPE_UINT16) | TYPE_BIT(DTYPE_UINT32) | TYPE_BIT(DTYPE_UINT64))
#define TYPES_NUMBER (TYPES_FLOAT | TYPES_INTEGER)
#define TYPES_ALL (TYPES_NUMBER | TYPE_BIT(DTYPE_BOOL))
#define TYPES_FLOAT8                                                                                                   \
    (TYPE_BIT(DTYPE_FLOAT8E4M3FN) | TYPE_BIT(DTYPE_FLOAT8E4M3FNUZ) | TYPE_BIT(DTYPE_FLOAT8E5M2) |                      \
     TYPE_BIT(DTYPE_FLOAT8E5M2FNUZ))
#define TYPES_PACKED                                                                                                   \
    (TYPE_BIT(DTYPE_INT4) | TYPE_BIT(DTYPE_UINT4) | TYPE_BIT(DTYPE_INT2) | TYPE_BIT(DTYPE_UINT2) |                     \
     TYPE_BIT(DTYPE_FLOAT4E2M1))
/* With those that are only moved and converted. */
#define TYPES_MOVED (TYPES_ALL | TYPES_FLOAT8 | TYPES_PACKED | TYPE_BIT(DTYPE_FLOAT8E8M0))

/* Numbers of inputs and outputs; most -1: any number. */
#define ARITY(least_inputs_, most_inputs_, least_outputs_, most_outputs_)                                              \
    .min_inputs = (least_inputs_), .max_inputs = (most_inputs_), .min_outputs = (least_outputs_),                      \
    .max_outputs = (most_outputs_)
/* The struct that `attributes_` fill (graph/settings.h). */
#define SETTINGS(settings_, attributes_) .attributes = (attributes_), .settings_size = sizeof(settings_)

#define OPERATOR_ROLES 12
#define OPERATOR_PICKS 4

enum packed_form {
    PACKED_OWN,
    PACKED_PANELS,     /* of products x w (kernel/linear.h) */
    PACKED_TRANSPOSED, /* likewise, of x w^T */
    PACKED_HALVES,     /* the elements in their order, in half precision */
};

struct operator_definition {
    const char *domain, *name;
    bool any_domain;            /* a plugin's name: files put it in whatever domain, at whatever opset */
    int since, until;           /* opsets this entry covers; until 0: to the newest */
    int min_inputs, max_inputs; /* max -1: any number */
    int min_outputs, max_outputs;
    uint32_t types;  /* of input 0 (of output 0 for operators without inputs): set of TYPE_BIT */
    uint64_t traits; /* set of operator_trait */
    unsigned char
        roles[OPERATOR_ROLES]; /* enum operand_role of each input; the last one named goes for all behind it */
    unsigned char picks[OPERATOR_PICKS]; /* of what selects: the input, counted from 1, that output i has elements of
                                            in places that depend on values; 0: of none. Nothing said: output 0 of
                                            input 0 where it does not hold places */
    const struct attribute_rule *attributes; /* ended by one without a name; NULL: it has none */
    size_t settings_size;
    operator_infer *infer;
    operator_compute *compute;
    operator_gradient *gradient; /* NULL: not differentiable */
    operator_field *field;       /* NULL: treated as global */
    operator_confine *confine;   /* NULL: makes all or nothing, but where it is pointwise */
    operator_start *start;       /* NULL: its gate is not held */
    enum gate_rank gate;
    operator_identity *identity;  /* NULL: where it is a view or keeps its elements (OPERATOR_VIEW, OPERATOR_KEEPS) */
    operator_remarks *remarks;    /* NULL: none, but for what random operators share (op/remark.h) */
    operator_macs *macs;          /* NULL: 0 */
    operator_steps *steps;        /* NULL: 0 */
    operator_weights *weights;    /* NULL: 0 */
    operator_bytes *scratch;      /* NULL: 0 */
    operator_bytes *packed_bytes; /* NULL: nothing to pack */
    operator_pack *pack;
    operator_bytes *packed_form;           /* not PACKED_OWN: nodes with this number and `packed_bytes` pack the same
                                              weights to the same bytes, which a session holds once; NULL: 0 */
    operator_method *method;               /* NULL: there is one way */
    operator_expand *expand;               /* not NULL: pass_expand replaces the node by its parts (op/expansion.h) */
    operator_resolve_known *resolve_known; /* not NULL: likewise, where it can */
};

/* The input that an output picks elements from, as `picks` has it; -1: none. */
int operator_picked(const struct operator_definition *entry, int output);
/* What input `input` is to the operator. */
enum operand_role operator_role(const struct operator_definition *entry, int input);

/* Whether the node is there, its operator is known and has one of the traits. */
static inline bool node_has(const struct node *node, uint64_t traits)
{
    return node && node->definition && node->definition->traits & traits;
}
/* What its input is to the node; ROLE_UNSAID where its operator is not known. */
static inline enum operand_role node_role(const struct node *node, int input)
{
    return node->definition ? operator_role(node->definition, input) : ROLE_UNSAID;
}

#endif
