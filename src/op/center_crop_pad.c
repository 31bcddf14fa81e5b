/* CenterCropPad (ONNX 18): axes cut, or filled up with zeros, around their centre. Made of Pad, whose negative pads
 * crop.
 */
#include "op/expansion.h"
#include "op/families.h"
#include "op/known.h"

struct center_settings {
    struct ints axes; /* none: all */
};

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct center_settings, axes)},
    {0},
};

/* dims: the sizes that are asked for, the others as they are. */
static int read_sizes(const struct operands *operands, const struct shape *from, int64_t dims[SHAPE_MAX_RANK],
                      struct error *error)
{
    const struct ints axes = ((const struct center_settings *)operands->node->settings)->axes;
    bool marked[SHAPE_MAX_RANK] = {false};
    struct int_list sizes;
    if (int_list_of(&sizes, operands, (struct ints){0}, 1, error) < 0)
        return -1;
    int64_t count = axes.values ? axes.count : from->rank;
    if (count > from->rank || sizes.count != count)
        return error_set(error, ERROR_INPUT, "there are %lld sizes for %lld axes", (long long)sizes.count,
                         (long long)count);
    for (int i = 0; i < from->rank; i++)
        dims[i] = from->dims[i];
    for (int i = 0; i < count; i++) {
        int axis;
        if (shape_axis(axes.values ? axes.values[i] : i, from->rank, &axis, error))
            return -1;
        if (marked[axis])
            return error_set(error, ERROR_INPUT, "an axis is given twice");
        marked[axis] = true;
        dims[axis] = int_list_at(&sizes, i);
    }
    return 0;
}

static int infer_center(struct infer_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    int64_t dims[SHAPE_MAX_RANK];
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_sizes(&operands, &input->shape, dims, error))
        return -1;
    return infer_output(context, 0, input->dtype, input->shape.rank, dims, error);
}

/* Of an odd number of cells, the larger half is cut or added behind. */
static int expand_center(struct expand_context *context, struct error *error)
{
    const struct shape *from = &context->inputs[0]->shape;
    const struct value *sizes = context->inputs[1];
    const struct tensor none = {.dtype = sizes->dtype, .shape = sizes->shape}; /* no axes, no sizes */
    int64_t dims[SHAPE_MAX_RANK], pads[2 * SHAPE_MAX_RANK];
    if (!sizes->constant && shape_count(&sizes->shape) > 0)
        return error_set(error, ERROR_INTERNAL, "the sizes are not known");
    const struct tensor *inputs[2] = {NULL, sizes->constant ? constant_data(sizes->constant, error) : &none};
    const struct operands operands = {context->node, inputs, 2};
    if (!inputs[1] || read_sizes(&operands, from, dims, error))
        return -1;
    for (int i = 0; i < from->rank; i++) {
        pads[i] = (dims[i] - from->dims[i]) / 2;
        pads[from->rank + i] = dims[i] - from->dims[i] - pads[i];
    }
    struct value *list = emit_int_list(context->graph, pads, 2 * from->rank, error);
    context->outputs[0] =
        list ? emit(context->graph, "Pad", EMIT_INPUTS(context->inputs[0], list), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->outputs[0] ? 0 : -1;
}

const struct operator_definition operators_center_crop_pad[] = {
    {.domain = "",
     .name = "CenterCropPad",
     .since = 18,
     ARITY(2, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct center_settings, attributes),
     .infer = infer_center,
     .compute = expansion_compute,
     .expand = expand_center},
    {0},
};
