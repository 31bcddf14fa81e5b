/* What an operator must say of itself. One table entry per operator (and opset range, where a change of meaning asks for
 * it) in the family files of op/. */
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
    void *scratch;                 /* operator->scratch() bytes, 64-byte aligned */
    const void *packed;            /* what operator->pack() made, or NULL */
    struct memory *memory;         /* for data-dependent outputs only */
    struct thread_pool *pool;
    const struct kernels *kernels;
    uint64_t seed, step; /* random operators: functions of (seed, step, node, element) */
    bool training;
};
typedef int operator_compute(struct compute_context *context, struct error *error);
/* Gives output `index` its shape and zeroed memory. */
int compute_allocate(struct compute_context *context, int index, int rank, const int64_t *dims, struct error *error);

/* Bytes for `scratch` or `packed`; only types, shapes and constant inputs' data are set in the context. */
typedef size_t operator_bytes(const struct compute_context *context);
/* Rearranges constant inputs into `packed` once per session. */
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

/* Appends nodes that compute the wanted outputs from the inputs (op/emit.h): for operators that are made of others. */
struct expand_context {
    struct graph *graph;
    const struct node *node;     /* of this graph or another: attributes, names of outputs */
    struct value *const *inputs; /* values of `graph` with known shapes; NULL entries: omitted */
    int input_count, output_count;
    struct value **outputs; /* to fill where node->outputs has an entry */
};
typedef int operator_expand(struct expand_context *context, struct error *error);

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
    int input, output;              /* which edge is asked */
    const struct interval *cells;   /* per axis of the output */
    struct interval *reads;         /* per axis of the input, to fill */
    bool global;                    /* to set: reads everything along spatial axes through statistics */
    bool none;                      /* to set: no local contribution */
};
typedef int operator_field(struct field_context *context, struct error *error);

/* Multiply-accumulates of one execution (one a*b+c counts 1); only products of convolutions and matrices count. */
typedef int64_t operator_macs(const struct infer_context *context);

/* Steps of one execution where neither its products nor its operands' elements tell how long it takes. */
typedef int64_t operator_steps(const struct infer_context *context);

enum operator_flags {
    OPERATOR_VIEW = 1,          /* output 0 has the very elements of input 0 (Reshape, Identity) */
    OPERATOR_IN_PLACE = 2,      /* output 0 may overwrite any input of its own type and shape */
    OPERATOR_RANDOM = 4,        /* never folded */
    OPERATOR_SHAPE_ONLY = 8,    /* reads its inputs' shapes only: folds when they are known */
    OPERATOR_POINTWISE = 16,    /* each output element depends on the input elements at its own place only */
    OPERATOR_STRAIGHT_THROUGH = 32, /* its gradient is a convention, not a derivative */
    OPERATOR_NORMALIZES = 64    /* output 0 depends on input 0 at its own place, else through statistics: of rows of the
                                   last axes, or global ones */
};

/* Sets of element types, for the coverage table and the checks. */
#define TYPE_BIT(dtype) (1u << (dtype))
#define TYPES_FLOAT (TYPE_BIT(DTYPE_FLOAT) | TYPE_BIT(DTYPE_DOUBLE) | TYPE_BIT(DTYPE_FLOAT16) | TYPE_BIT(DTYPE_BFLOAT16))
#define TYPES_INTEGER                                                                                                  \
    (TYPE_BIT(DTYPE_INT8) | TYPE_BIT(DTYPE_INT16) | TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64) |                    \
     TYPE_BIT(DTYPE_UINT8) | TYPE_BIT(DTYPE_UINT16) | TYPE_BIT(DTYPE_UINT32) | TYPE_BIT(DTYPE_UINT64))
#define TYPES_NUMBER (TYPES_FLOAT | TYPES_INTEGER)
#define TYPES_ALL (TYPES_NUMBER | TYPE_BIT(DTYPE_BOOL))

/* Numbers of inputs and outputs; most -1: any number. */
#define ARITY(least_inputs_, most_inputs_, least_outputs_, most_outputs_)                                              \
    .min_inputs = (least_inputs_), .max_inputs = (most_inputs_), .min_outputs = (least_outputs_),                      \
    .max_outputs = (most_outputs_)
/* The struct that `attributes_` fill (graph/settings.h). */
#define SETTINGS(settings_, attributes_) .attributes = (attributes_), .settings_size = sizeof(settings_)

struct operator {
    const char *domain, *name;
    int since, until; /* opsets this entry covers; until 0: to the newest */
    int min_inputs, max_inputs; /* max -1: any number */
    int min_outputs, max_outputs;
    uint32_t types; /* of input 0 (of output 0 for operators without inputs): set of TYPE_BIT */
    unsigned flags;
    const struct attribute_rule *attributes; /* ended by one without a name; NULL: it has none */
    size_t settings_size;
    operator_infer *infer;
    operator_compute *compute;
    operator_gradient *gradient; /* NULL: not differentiable */
    operator_field *field;       /* NULL: treated as global */
    operator_macs *macs;         /* NULL: 0 */
    operator_steps *steps;       /* NULL: 0 */
    operator_bytes *scratch;     /* NULL: 0 */
    operator_bytes *packed;      /* NULL: nothing to pack */
    operator_pack *pack;
    operator_expand *expand; /* not NULL: pass_expand replaces the node by its parts (op/expansion.h) */
};

#endif
