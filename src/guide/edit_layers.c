#include "guide/edit_layers.h"

static int opset_of(const struct node *before)
{
    return before->domain[0] ? graph_opset(before->graph, "") : before->opset;
}

struct value *edit_pair(struct edit *edit, struct node *before, const char *what, const char *op_type, struct value *a,
                        struct value *b, struct error *error)
{
    return a && b ? edit_add(edit, before, what, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
}

struct value *edit_unary(struct edit *edit, struct node *before, const char *what, const char *op_type, struct value *x,
                         struct error *error)
{
    return x ? edit_add(edit, before, what, op_type, EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, error) : NULL;
}

struct value *edit_numbers(struct edit *edit, struct graph *graph, const char *base, const char *what, enum dtype dtype,
                           int rank, const int64_t *dims, const double *numbers, struct error *error)
{
    struct tensor tensor = {.dtype = dtype};
    if (shape_set(&tensor.shape, rank, dims, error) || tensor_allocate(graph->context->memory, &tensor, error))
        return NULL;
    int64_t count = shape_count(&tensor.shape);
    for (int64_t i = 0; i < count; i++)
        tensor_set_number(&tensor, i, numbers[i]);
    dtype_round(dtype, tensor.data, (size_t)count);
    return edit_constant(edit, graph, base, what, &tensor, error);
}

/* The axes are an attribute, from opset 18 on an input (ReduceSum, which is not made here, differs). */
struct value *edit_reduce(struct edit *edit, struct node *before, const char *what, const char *op_type,
                          struct value *x, int64_t axis, struct error *error)
{
    const struct emit_attribute keep = EMIT_INT("keepdims", 1), axes = EMIT_INTS("axes", &axis, 1);
    if (!x)
        return NULL;
    if (opset_of(before) < 18)
        return edit_add(edit, before, what, op_type, EMIT_INPUTS(x), EMIT_ATTRIBUTES(keep, axes), error);
    struct value *list = edit_int_list(edit, before->graph, node_own_name(before), "axes", &axis, 1, error);
    return list ? edit_add(edit, before, what, op_type, EMIT_INPUTS(x, list), EMIT_ATTRIBUTES(keep), error) : NULL;
}

static struct value *add_parts(struct edit *edit, struct node *before, const char *what, const struct layer_norm *norm,
                               struct error *error)
{
    const char *base = node_own_name(before);
    int64_t axis = norm->rank - 1;
    struct value *mean = edit_reduce(edit, before, "mean", "ReduceMean", norm->x, axis, error);
    struct value *centred = edit_pair(edit, before, "centred", "Sub", norm->x, mean, error);
    struct value *square = edit_pair(edit, before, "square", "Mul", centred, centred, error);
    struct value *variance = edit_reduce(edit, before, "variance", "ReduceMean", square, axis, error);
    struct value *epsilon = edit_scalar(edit, before->graph, base, "epsilon", norm->dtype, norm->epsilon, error);
    struct value *root =
        edit_unary(edit, before, "deviation", "Sqrt",
                   edit_pair(edit, before, "variance_epsilon", "Add", variance, epsilon, error), error);
    struct value *normal = edit_pair(edit, before, "normalised", "Div", centred, root, error);
    struct value *scaled = edit_pair(edit, before, "scaled", "Mul", normal, norm->scale, error);
    return edit_pair(edit, before, what, "Add", scaled, norm->bias, error);
}

struct value *edit_layer_norm(struct edit *edit, struct node *before, const char *what, const struct layer_norm *norm,
                              struct error *error)
{
    if (!norm->x || !norm->scale || !norm->bias)
        return NULL;
    if (opset_of(before) < 17)
        return add_parts(edit, before, what, norm, error);
    return edit_add(edit, before, what, "LayerNormalization", EMIT_INPUTS(norm->x, norm->scale, norm->bias),
                    EMIT_ATTRIBUTES(EMIT_INT("axis", -1), EMIT_FLOAT("epsilon", (float)norm->epsilon)), error);
}
