/* The graph: what a model file holds (source graph, one-to-one with the file) and what is executed (a lowered clone
 * whose parts point back by `origin`). Objects live in the graph's arena and are freed with it; tensor payloads are
 * counted references (struct constant). */
#ifndef FOVEA_GRAPH_GRAPH_H
#define FOVEA_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/context.h"
#include "base/suggest.h"
#include "tensor/tensor.h"

struct graph;
struct node;
struct operator_definition;

/* Byte range of a message in the model file, header (tag and length) not included; length 0: not from a file. */
struct span {
    uint64_t offset, length;
};

/* Where a tensor's elements stand as long as nobody has needed them. */
struct payload {
    enum { PAYLOAD_NONE, PAYLOAD_MODEL_FILE, PAYLOAD_EXTERNAL } place;
    const char *location;    /* external: relative path, checked; else NULL */
    uint64_t offset, length; /* raw little-endian elements */
};

/* A tensor of a model: an initialiser, a Constant node's value, a folded result. Counted; shared by graph clones. */
struct constant {
    int references;
    struct memory *memory;
    struct tensor tensor; /* dtype and shape always; data NULL until loaded (constant_data) */
    struct payload payload;
    bool typed;                          /* elements came in float_data and the like: already in tensor.data */
    bool sparse;                         /* was a SparseTensorProto; tensor.data is the dense tensor */
    const struct payload_reader *reader; /* of the file it comes from, NULL: none; reads the payload */
    struct span span;                    /* TensorProto or SparseTensorProto in that file */
};

/* Reads payloads of one model file; made by onnx/, outlives every constant that refers to it (counted). */
struct payload_reader {
    int (*read)(const struct payload_reader *reader, const struct constant *constant, void *file_bytes,
                struct error *error);
    void (*retain)(const struct payload_reader *reader);
    void (*release)(const struct payload_reader *reader);
};

/* One declared dimension: a size, or a name ("N"), or neither. */
struct dimension {
    int64_t size;     /* -1: free */
    const char *name; /* or NULL */
};

/* What value_info of the file says of an inner value: nothing rests on it but what fovea does not compute. */
struct told_type {
    enum dtype dtype;
    int rank;
    const struct dimension *dimensions;
};

struct use {
    struct node *node;
    int input;
};

struct value {
    const char *name; /* as in the file; internal values get "%id" */
    int id;           /* dense within its graph */
    struct graph *graph;
    enum dtype dtype;                 /* UNDEFINED until known */
    struct shape shape;               /* rank -1 until bound */
    const struct dimension *declared; /* of inputs, outputs, value_info; NULL: none */
    int declared_rank;                /* -1: none */
    const struct told_type *told;     /* of a node's result; NULL: nothing */
    struct node *producer;            /* NULL: graph input, initialiser or outer value */
    int producer_output;
    struct constant *constant; /* elements known before running: initialiser or folded; else NULL */
    bool is_input;             /* in graph->inputs; with a constant: an initialiser listed as input (IR < 4) */
    bool is_output;            /* in graph->outputs */
    struct use *uses;
    size_t use_count, use_capacity;
    struct value *origin; /* execution graph: the value of the source graph it stands for, or NULL */
    const char *behind; /* execution graph: what fovea does not compute and this is made of, as messages call it; NULL:
                           nothing of that kind (pass/foreign.h) */
    bool as_told;       /* execution graph: type and shape are the file's word for what is behind */
    struct span span;   /* source graph: TensorProto or SparseTensorProto of an initialiser */
    bool changed;       /* source graph: `dtype` or `declared` of an input or output differs from the file */
    bool spare;         /* source graph: an initialiser that nothing read in the file; saved although nothing does */
};

enum attribute_type {
    ATTRIBUTE_UNDEFINED = 0, /* codes of AttributeProto.AttributeType */
    ATTRIBUTE_FLOAT = 1,
    ATTRIBUTE_INT = 2,
    ATTRIBUTE_STRING = 3,
    ATTRIBUTE_TENSOR = 4,
    ATTRIBUTE_GRAPH = 5,
    ATTRIBUTE_FLOATS = 6,
    ATTRIBUTE_INTS = 7,
    ATTRIBUTE_STRINGS = 8,
    ATTRIBUTE_TENSORS = 9,
    ATTRIBUTE_GRAPHS = 10,
    ATTRIBUTE_SPARSE_TENSOR = 11,
    ATTRIBUTE_SPARSE_TENSORS = 12,
    ATTRIBUTE_TYPE_PROTO = 13,
    ATTRIBUTE_TYPE_PROTOS = 14
};

/* Any bytes; also NUL-terminated. */
struct string {
    const char *data;
    size_t length;
};

struct attribute {
    const char *name;
    enum attribute_type type;
    const char *reference; /* function bodies: name of the function's attribute (type UNDEFINED then), or NULL */
    size_t count;          /* elements of the plural kinds */
    struct span span;      /* source graph: AttributeProto; kept by no edit (node_add_attribute clears it) */
    union {
        float f;
        int64_t i;
        struct string s;
        const float *floats;
        const int64_t *ints;
        const struct string *strings;
        struct constant *tensor; /* also of SPARSE_TENSOR: dense */
        struct graph *graph;
        struct graph **graphs;
        enum dtype dtype; /* of TYPE_PROTO; UNDEFINED: a type that no value has here */
    };
};

/* An entry of metadata_props. */
struct metadata {
    const char *key, *value;
};

struct node {
    const char *name;                             /* may be "" */
    const char *op_type, *domain;                 /* domain "" is ai.onnx */
    const char *overload;                         /* tells functions of one name apart; NULL: none */
    int opset;                                    /* version of the domain that is in force here */
    const struct operator_definition *definition; /* NULL until resolved, or not supported */
    const void *settings; /* what the attributes say, as the operator's family declares it (settings.h); or NULL */
    struct graph *graph;
    struct node *previous, *next;
    struct value **inputs; /* NULL entries: omitted optional inputs */
    int input_count, input_capacity;
    size_t *places; /* of each input: where the value's uses list it */
    size_t place_capacity;
    struct value **outputs; /* NULL entries: omitted */
    int output_count, output_capacity;
    struct attribute *attributes;
    int attribute_count;
    struct node *origin;             /* execution graph: the source node it comes from, or NULL */
    const char *refused;             /* execution graph: why it is not computed, where its operator is known; or NULL */
    struct span span;                /* source graph: NodeProto */
    bool changed;                    /* source graph: differs from its span */
    const struct metadata *metadata; /* source graph: entries to be saved beside those of the file */
    int metadata_count;
    int mark; /* free for the pass that runs */
};

struct opset_import {
    const char *domain;
    int64_t version;
};

struct graph {
    struct context *context;
    struct arena *arena;
    const char *name;
    struct graph *parent; /* of a subgraph, else NULL */
    const struct opset_import *opsets;
    int opset_count;
    struct node *first, *last;
    int node_count;
    struct value **values; /* by id */
    size_t value_count, value_capacity;
    struct value **inputs;
    int input_count, input_capacity;
    struct value **outputs;
    int output_count, output_capacity;
    struct constant **constants; /* references this graph holds, released with it */
    size_t constant_count, constant_capacity;
    struct value_table *names; /* name -> value; private to value_table.c */
    const struct span *spans;  /* source graph: its GraphProto; several when the file gives it in parts */
    int span_count;
    struct work folding; /* what constant folding may still compute */
    bool folding_set;
};

/* A model-local function; its body is kept as a graph whose inputs and outputs are the function's. */
struct function {
    const char *domain, *name;
    struct graph *body;
    const char *overload; /* or NULL */
    const char **attributes;
    int attribute_count;
    const struct attribute *defaults; /* attributes that a call may leave out */
    int default_count;
};

/* A loaded model file. */
struct model {
    struct context *context;
    struct arena *arena;
    const char *path;
    int64_t ir_version;
    const char *producer_name, *producer_version, *domain, *doc_string;
    int64_t model_version;
    struct metadata *metadata;
    int metadata_count;
    const char *activation; /* "softmax", "sigmoid" or "none": what the caller says of its scores; NULL: nothing */
    int64_t named_classes;  /* that the caller gives names for; 0: none, or the file's own count */
    struct function *functions;
    int function_count;
    struct graph *graph;
    struct model_file *file; /* spans and source for saving; private to onnx/ */
};

/* ---- graph.c: making and editing. All return NULL or -1 with an error when memory ends. ---- */

/* `parent` NULL for a top-level graph (new arena); a subgraph shares its parent's arena and is freed with it. */
struct graph *graph_create(struct context *context, struct graph *parent, const char *name, struct error *error);
void graph_destroy(struct graph *graph);
/* A new value; `name` NULL makes an internal one. A name that exists already is ERROR_INPUT. Copies the name. */
struct value *graph_add_value(struct graph *graph, const char *name, struct error *error);
/* By name, here or in the graphs around; NULL when there is none. */
struct value *graph_find_value(const struct graph *graph, const char *name);
/* "; did you mean 'conv1'?" of the names of all values, of inputs, or "" (base/suggest.h). */
const char *graph_suggest_value(const struct graph *graph, const char *name, char out[SUGGESTION_TEXT]);
const char *graph_suggest_input(const struct graph *graph, const char *name, char out[SUGGESTION_TEXT]);
int graph_add_input(struct graph *graph, struct value *value, struct error *error);
int graph_add_output(struct graph *graph, struct value *value, struct error *error);
/* Replaces the list of outputs. */
int graph_set_outputs(struct graph *graph, struct value *const *outputs, int count, struct error *error);
/* Gives `value` its elements; takes over the caller's reference. */
int graph_set_constant(struct graph *graph, struct value *value, struct constant *constant, struct error *error);
/* An internal value holding `constant` (reference taken over). */
struct value *graph_add_constant(struct graph *graph, struct constant *constant, struct error *error);
/* A node at the end of the list, inputs and outputs all NULL. */
struct node *graph_add_node(struct graph *graph, const char *domain, const char *op_type, const char *name,
                            int input_count, int output_count, struct error *error);
/* Moves `node` before `before` (NULL: to the end). */
void graph_move_node(struct graph *graph, struct node *node, struct node *before);
/* Unlinks the node and empties its subgraphs; its inputs lose a use, its outputs their producer. */
void graph_remove_node(struct graph *graph, struct node *node);
/* Every node's `mark` becomes 0. */
void graph_clear_marks(struct graph *graph);
/* Adds the bits `mark` to the nodes that `value` is made by, and takes them from all others. */
void graph_mark_ancestors(struct graph *graph, const struct value *value, int mark);
/* The version of `domain` that the graph imports (parents are asked); 0 when it is not imported. */
int graph_opset(const struct graph *graph, const char *domain);
/* A deep copy with its own arena and shared constants; `origin` links set; subgraphs copied. */
struct graph *graph_clone(const struct graph *graph, struct error *error);
/* A copy of `node` at the end of `to`, a graph of its own arena: operands through `map` (by id of the values of
 * node->graph; NULL entries: omitted), subgraphs copied, `origin` set. */
struct node *graph_copy_node(struct graph *to, struct node *node, struct value **map, struct error *error);
/* Copies the nodes of `subgraph`, one that node `holder` has, to the end of `to`: `actuals` stand for its inputs, and
 * `inputs` for those of the holder, among which are all values that it captures. Without a holder (NULL) `to` is a
 * graph around it, whose values it reads as they are. `outputs` gets what stands for its outputs. Nothing is inferred.
 */
int graph_copy_subgraph(struct graph *to, const struct node *holder, struct value *const *inputs,
                        const struct graph *subgraph, struct value *const *actuals, struct value **outputs,
                        struct error *error);
/* Gives `to` a copy of `from` (of another graph, without subgraphs) under `name`. */
int node_copy_attribute(struct node *to, const struct attribute *from, const char *name, struct error *error);
/* Orders nodes so that producers come first (stable). A cycle is ERROR_INPUT naming a node on it. */
int graph_sort(struct graph *graph, struct error *error);

int node_set_input(struct node *node, int input, struct value *value, struct error *error);
/* Adds an input behind the existing ones. */
int node_add_input(struct node *node, struct value *value, struct error *error);
int node_set_output(struct node *node, int output, struct value *value, struct error *error);
/* Gives input `input`, a constant, a copy that only this node reads; its elements may then be changed. */
struct tensor *node_own_constant(struct node *node, int input, struct error *error);
/* An entry of metadata_props (IR 10 and later) that is saved with the node; one of the same key that stands in the file
 * is not looked at. */
int node_add_metadata(struct node *node, const char *key, const char *value, struct error *error);
/* Adds an output behind the existing ones. */
int node_add_output(struct node *node, struct value *value, struct error *error);
/* Every use of `from` (and its place among the outputs) becomes a use of `to`. */
int value_replace(struct value *from, struct value *to, struct error *error);

/* ---- absorb.c: subgraphs of If, Loop, Scan ---- */

/* The `index`-th graph among the node's attributes; NULL behind the last. */
struct graph *node_subgraph(const struct node *node, int index);
/* Moves all nodes and values of `subgraph`, which has no inputs, into the graph around it, in front of `before`. */
int graph_absorb(struct graph *subgraph, struct node *before, struct error *error);
/* Removes every node, those of inner graphs too: values of the graphs around lose these uses. */
void graph_clear(struct graph *graph);

/* "Conv 'layer1/conv'" or "Conv #12 (-> name)": for messages. Returns out. */
#define NODE_LABEL_SIZE 160
const char *node_label(const struct node *node, char out[NODE_LABEL_SIZE]);

/* ---- constant.c ---- */

/* A constant that takes over `tensor`'s data (allocated from memory). One reference. */
struct constant *constant_create(struct memory *memory, struct tensor *tensor, struct error *error);
struct constant *constant_retain(struct constant *constant);
void constant_release(struct constant *constant);
/* Makes sure that the elements are in memory in their storage type; NULL and an error otherwise. */
const struct tensor *constant_data(struct constant *constant, struct error *error);

/* Makes a value that no node makes an initialiser of the model; below IR version 4 these are listed as inputs too, with
 * their shapes. Takes over the caller's reference. */
int model_set_initialiser(const struct model *model, struct value *value, struct constant *constant,
                          struct error *error);

/* Whether elements that are not in memory can be read part by part, as bits of the constant's type; and that. */
bool constant_is_readable(const struct constant *constant);
int constant_read(const struct constant *constant, uint64_t offset, uint64_t length, void *bytes, struct error *error);
/* Frees elements that the file holds: constant_data reads them again. For constants that no session uses. */
void constant_unload(struct constant *constant);

/* ---- attribute.c ---- */

/* For those that copy or compare attributes; what one says is read from the settings (graph/settings.h). */
const struct attribute *node_attribute(const struct node *node, const char *name);

int node_set_int(struct node *node, const char *name, int64_t value, struct error *error);
int node_set_float(struct node *node, const char *name, float value, struct error *error);
int node_set_ints(struct node *node, const char *name, const int64_t *values, int count, struct error *error);
int node_set_string(struct node *node, const char *name, const char *value, struct error *error);
/* Takes over the caller's reference. */
int node_set_tensor(struct node *node, const char *name, struct constant *constant, struct error *error);
/* A zeroed new or existing entry named `name`, for loaders. */
struct attribute *node_add_attribute(struct node *node, const char *name, struct error *error);

/* ---- verify.c, print.c ---- */

/* Checks every invariant of the structure above, subgraphs included: uses, producers, sources, and that producers come
 * first. Linear; overwrites every node's `mark`. ERROR_INTERNAL on a breach. */
int graph_verify(const struct graph *graph, struct error *error);
/* The same but for the order of the nodes, which is the file's in a source graph. */
int graph_verify_links(const struct graph *graph, struct error *error);

struct text;
/* One line a node: outputs with types and shapes, operator, attributes, inputs. */
void graph_print(const struct graph *graph, struct text *text);

#endif
