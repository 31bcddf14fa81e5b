/* Appending nodes to an execution graph: used by gradients and passes. Shapes are inferred as nodes are made. */
#ifndef FOVEA_OP_EMIT_H
#define FOVEA_OP_EMIT_H

#include "graph/operator.h"

/* An attribute of a node to be made. */
struct emit_attribute {
    const char *name;
    enum attribute_type type; /* INT, FLOAT, INTS or STRING */
    int64_t i;
    float f;
    const int64_t *ints;
    int count;
    const char *s;
};

#define EMIT_INT(name_, value_) ((struct emit_attribute){.name = (name_), .type = ATTRIBUTE_INT, .i = (value_)})
#define EMIT_FLOAT(name_, value_) ((struct emit_attribute){.name = (name_), .type = ATTRIBUTE_FLOAT, .f = (value_)})
#define EMIT_STRING(name_, value_) ((struct emit_attribute){.name = (name_), .type = ATTRIBUTE_STRING, .s = (value_)})
#define EMIT_INTS(name_, values_, count_)                                                                              \
    ((struct emit_attribute){.name = (name_), .type = ATTRIBUTE_INTS, .ints = (values_), .count = (count_)})

/* Argument lists with their counts. */
#define EMIT_INPUTS(...)                                                                                               \
    ((struct value *[]){__VA_ARGS__}), (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *))
#define EMIT_ATTRIBUTES(...)                                                                                           \
    ((struct emit_attribute[]){__VA_ARGS__}),                                                                          \
        (int)(sizeof((struct emit_attribute[]){__VA_ARGS__}) / sizeof(struct emit_attribute))
#define EMIT_NO_ATTRIBUTES NULL, 0

/* Appends a node with one output and returns it; NULL and an error when the shape rule refuses. An `op_type` that ONNX
 * has is made at OPSET_NEWEST; others come from the internal domain. A NULL among the inputs is an omitted input. */
struct value *emit(struct graph *graph, const char *op_type, struct value *const *inputs, int input_count,
                   const struct emit_attribute *attributes, int attribute_count, struct error *error);
/* As emit with several outputs, written to outputs[]. */
int emit_many(struct graph *graph, const char *op_type, struct value *const *inputs, int input_count,
              const struct emit_attribute *attributes, int attribute_count, struct value **outputs, int output_count,
              struct error *error);

/* As emit_many with the attributes of `like`. */
int emit_like(struct graph *graph, const char *op_type, const struct node *like, struct value *const *inputs,
              int input_count, struct value **outputs, int output_count, struct error *error);

/* Sets a node's attributes from such a list. */
int node_set_attributes(struct node *node, const struct emit_attribute *attributes, int count, struct error *error);

/* Constants. */
struct value *emit_int_list(struct graph *graph, const int64_t *values, int count, struct error *error);
struct value *emit_scalar(struct graph *graph, enum dtype dtype, double value, struct error *error);
/* Filled with one number. */
struct value *emit_filled(struct graph *graph, enum dtype dtype, const struct shape *shape, double value,
                          struct error *error);

/* Cells [begin, end) along one axis; NULL of NULL. */
struct value *emit_slice(struct graph *graph, struct value *value, int64_t axis, int64_t begin, int64_t end,
                         struct error *error);

/* Sums `gradient` over the axes along which `shape` was broadcast to its shape: the gradient of broadcasting. */
struct value *emit_unbroadcast(struct graph *graph, struct value *gradient, const struct shape *shape,
                               struct error *error);

#endif
