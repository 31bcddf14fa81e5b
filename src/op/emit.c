#include "op/emit.h"

#include <string.h>

#include "op/infer.h"
#include "op/registry.h"

static int set_attribute(struct node *node, const struct emit_attribute *attribute, struct error *error)
{
    switch (attribute->type) {
    case ATTRIBUTE_INT:
        return node_set_int(node, attribute->name, attribute->i, error);
    case ATTRIBUTE_FLOAT:
        return node_set_float(node, attribute->name, attribute->f, error);
    case ATTRIBUTE_INTS:
        return node_set_ints(node, attribute->name, attribute->ints, attribute->count, error);
    default:
        return node_set_string(node, attribute->name, attribute->s, error);
    }
}

int node_set_attributes(struct node *node, const struct emit_attribute *attributes, int count, struct error *error)
{
    for (int i = 0; i < count; i++) {
        if (set_attribute(node, &attributes[i], error))
            return -1;
    }
    return 0;
}

/* A node of the newest opset, or of the internal domain, without attributes, inputs and outputs. */
static struct node *start(struct graph *graph, const char *op_type, int input_count, int output_count,
                          struct error *error)
{
    bool internal = !operator_find("", op_type, OPSET_NEWEST);
    struct node *node =
        graph_add_node(graph, internal ? DOMAIN_INTERNAL : "", op_type, "", input_count, output_count, error);
    if (node)
        node->opset = internal ? 1 : OPSET_NEWEST;
    return node;
}

static int finish(struct node *node, struct value *const *inputs, struct value **outputs, struct error *error)
{
    const struct operator_definition *definition = operator_find(node->domain, node->op_type, node->opset);
    if (!definition)
        return error_set(error, ERROR_INTERNAL, "no operator %s to emit", node->op_type);
    if (node_set_operator(node, definition, error))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        if (inputs[i] && node_set_input(node, i, inputs[i], error))
            return -1;
    }
    for (int i = 0; i < node->output_count; i++) {
        outputs[i] = graph_add_value(node->graph, NULL, error);
        if (!outputs[i] || node_set_output(node, i, outputs[i], error))
            return -1;
    }
    return infer_values(node, error);
}

static int present_inputs(struct value *const *inputs, int count)
{
    while (count > 0 && !inputs[count - 1])
        count--;
    return count;
}

int emit_many(struct graph *graph, const char *op_type, struct value *const *inputs, int input_count,
              const struct emit_attribute *attributes, int attribute_count, struct value **outputs, int output_count,
              struct error *error)
{
    struct node *node = start(graph, op_type, present_inputs(inputs, input_count), output_count, error);
    if (!node || node_set_attributes(node, attributes, attribute_count, error))
        return -1;
    return finish(node, inputs, outputs, error);
}

int emit_like(struct graph *graph, const char *op_type, const struct node *like, struct value *const *inputs,
              int input_count, struct value **outputs, int output_count, struct error *error)
{
    struct node *node = start(graph, op_type, present_inputs(inputs, input_count), output_count, error);
    for (int i = 0; node && i < like->attribute_count; i++) {
        if (node_copy_attribute(node, &like->attributes[i], like->attributes[i].name, error))
            return -1;
    }
    return node ? finish(node, inputs, outputs, error) : -1;
}

struct value *emit(struct graph *graph, const char *op_type, struct value *const *inputs, int input_count,
                   const struct emit_attribute *attributes, int attribute_count, struct error *error)
{
    struct value *output = NULL;
    if (emit_many(graph, op_type, inputs, input_count, attributes, attribute_count, &output, 1, error))
        return NULL;
    return output;
}

/* Takes over the tensor's data. */
static struct value *emit_tensor(struct graph *graph, struct tensor *tensor, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct constant *constant = constant_create(memory, tensor, error);
    if (!constant) {
        tensor_release(memory, tensor);
        return NULL;
    }
    return graph_add_constant(graph, constant, error);
}

struct value *emit_int_list(struct graph *graph, const int64_t *values, int count, struct error *error)
{
    struct tensor tensor = {.dtype = DTYPE_INT64, .shape = {.rank = 1, .dims = {count}}};
    if (tensor_allocate(graph->context->memory, &tensor, error))
        return NULL;
    if (count > 0)
        memcpy(tensor.data, values, (size_t)count * sizeof *values);
    return emit_tensor(graph, &tensor, error);
}

struct value *emit_filled(struct graph *graph, enum dtype dtype, const struct shape *shape, double value,
                          struct error *error)
{
    struct tensor tensor = {.dtype = dtype, .shape = *shape};
    if (tensor_allocate(graph->context->memory, &tensor, error))
        return NULL;
    int64_t count = shape_count(shape);
    for (int64_t i = 0; i < count; i++)
        tensor_set_number(&tensor, i, value);
    return emit_tensor(graph, &tensor, error);
}

struct value *emit_scalar(struct graph *graph, enum dtype dtype, double value, struct error *error)
{
    const struct shape scalar = {.rank = 0};
    return emit_filled(graph, dtype, &scalar, value, error);
}

struct value *emit_slice(struct graph *graph, struct value *value, int64_t axis, int64_t begin, int64_t end,
                         struct error *error)
{
    struct value *from = emit_int_list(graph, &begin, 1, error), *to = emit_int_list(graph, &end, 1, error);
    struct value *axes = emit_int_list(graph, &axis, 1, error);
    return value && from && to && axes
               ? emit(graph, "Slice", EMIT_INPUTS(value, from, to, axes), EMIT_NO_ATTRIBUTES, error)
               : NULL;
}

struct value *emit_unbroadcast(struct graph *graph, struct value *gradient, const struct shape *shape,
                               struct error *error)
{
    if (shape_equal(&gradient->shape, shape))
        return gradient;
    int64_t axes[SHAPE_MAX_RANK];
    int count = 0;
    int missing = gradient->shape.rank - shape->rank;
    for (int axis = 0; axis < gradient->shape.rank; axis++) {
        if (axis < missing || (shape->dims[axis - missing] == 1 && gradient->shape.dims[axis] != 1))
            axes[count++] = axis;
    }
    struct value *sum = gradient;
    if (count > 0) {
        struct value *list = emit_int_list(graph, axes, count, error);
        if (!list)
            return NULL;
        sum = emit(graph, "ReduceSum", EMIT_INPUTS(gradient, list), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 1)), error);
    }
    if (!sum || shape_equal(&sum->shape, shape))
        return sum;
    struct value *dims = emit_int_list(graph, shape->dims, shape->rank, error);
    return dims ? emit(graph, "Reshape", EMIT_INPUTS(sum, dims), EMIT_ATTRIBUTES(EMIT_INT("allowzero", 1)), error)
                : NULL;
}
