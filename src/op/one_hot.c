/* OneHot. */
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

struct one_hot_settings {
    int64_t axis;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct one_hot_settings, axis, -1)},
    {0},
};

static int one_hot_axis(const struct node *node, int rank, int *axis, struct error *error)
{
    const struct one_hot_settings *settings = node->settings;
    return shape_axis(settings->axis, rank + 1, axis, error);
}

static int infer_one_hot(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct shape *indices = &context->inputs[0]->shape;
    enum dtype dtype = context->inputs[2]->dtype;
    int64_t dims[SHAPE_MAX_RANK + 1];
    int axis;
    if (shape_count(&context->inputs[1]->shape) != 1 || context->inputs[2]->shape.rank != 1 ||
        context->inputs[2]->shape.dims[0] != 2)
        return error_set(error, ERROR_INPUT, "depth must be one number, values two");
    if (one_hot_axis(context->node, indices->rank, &axis, error))
        return -1;
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    for (int i = 0; i <= indices->rank; i++)
        dims[i] = i == axis ? tensor_int(context->inputs[1], 0) : indices->dims[i < axis ? i : i - 1];
    return infer_output(context, 0, dtype, indices->rank + 1, dims, error);
}

/* An index outside [-depth, depth) makes no place hot; before opset 11, one outside [0, depth). */
static int compute_one_hot(struct compute_context *context, struct error *error)
{
    const struct tensor *indices = context->inputs[0];
    struct tensor *to = context->outputs[0];
    int axis;
    if (one_hot_axis(context->node, indices->shape.rank, &axis, error))
        return -1;
    const char *values = context->inputs[2]->data;
    size_t size = element_size(to);
    int64_t depth = to->shape.dims[axis], count = shape_count(&indices->shape);
    int64_t inner = shape_product(&to->shape, axis + 1, to->shape.rank);
    fill_elements(to->data, values, shape_count(&to->shape), size);
    for (int64_t i = 0; i < count; i++) {
        int64_t index = tensor_int(indices, i);
        index = index < 0 && context->node->opset >= 11 ? index + depth : index;
        if (index >= 0 && index < depth) {
            int64_t at = (i / inner * depth + index) * inner + i % inner;
            move_element((char *)to->data + (size_t)at * size, values + size, size);
        }
    }
    return 0;
}

const struct operator_definition operators_one_hot[] = {
    {.domain = "",
     .name = "OneHot",
     .since = 9,
     ARITY(3, 3, 1, 1),
     .types = TYPES_NUMBER,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_INDICES, ROLE_SHAPE, ROLE_DATA},
     SETTINGS(struct one_hot_settings, attributes),
     .infer = infer_one_hot,
     .compute = compute_one_hot},
    {0},
};
