/* GatherElements and ScatterElements (Scatter until opset 10): one index for each element. */
#include "op/emit.h"
#include "op/families.h"
#include "op/gather.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/scatter.h"
#include "op/strided.h"

static const struct attribute_rule gather_attributes[] = {
    {INT_ATTRIBUTE(struct scatter_settings, axis, 0)},
    {0},
};
static const struct attribute_rule scatter_attributes[] = {
    {INT_ATTRIBUTE(struct scatter_settings, axis, 0)},
    {WORD_ATTRIBUTE(struct scatter_settings, reduction, SCATTER_NONE, scatter_reductions), .since = 16},
    {0},
};

static int elements_axis(const struct node *node, int rank, int *axis, struct error *error)
{
    const struct scatter_settings *settings = node->settings;
    return shape_axis(settings->axis, rank, axis, error);
}

static int check_elements(const struct infer_context *context, struct error *error)
{
    const struct shape *data = &context->inputs[0]->shape, *indices = &context->inputs[1]->shape;
    int axis;
    if (gather_check_indices(context->inputs[1], error) || elements_axis(context->node, data->rank, &axis, error))
        return -1;
    bool fits = indices->rank == data->rank;
    for (int i = 0; fits && i < data->rank; i++)
        fits = i == axis || indices->dims[i] <= data->dims[i];
    if (!fits) {
        char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
        return error_set(error, ERROR_INPUT, "indices of shape %s do not fit data of shape %s",
                         shape_text(indices, text), shape_text(data, other));
    }
    return 0;
}

static int infer_gather_elements(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[1]->shape;
    if (check_elements(context, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, shape->rank, shape->dims, error);
}

static int infer_scatter_elements(struct infer_context *context, struct error *error)
{
    const struct tensor *data = context->inputs[0];
    if (check_elements(context, error) || operand_shaped_as(context, 2, 1, error))
        return -1;
    if (dtype_storage(context->inputs[2]->dtype) != dtype_storage(data->dtype))
        return error_set(error, ERROR_INPUT, "the updates are %s, the data %s", dtype_name(context->inputs[2]->dtype),
                         dtype_name(data->dtype));
    return infer_output(context, 0, data->dtype, data->shape.rank, data->shape.dims, error);
}

static size_t offset_bytes(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[1]->shape) * sizeof(int64_t);
}

/* A row of indices into an axis of `size`, of which one is `along` elements; the row's own place begins at `begin`. */
static int row_offsets(const struct tensor *indices, int64_t first, int64_t count, int64_t size, int64_t begin,
                       int64_t along, int64_t step, int64_t *offsets, struct error *error)
{
    const int64_t *wide = dtype_storage(indices->dtype) == DTYPE_INT64 ? indices->data : NULL;
    const int32_t *narrow = indices->data;
    for (int64_t j = 0; j < count; j++) {
        int64_t index = wide ? wide[first + j] : narrow[first + j];
        if ((index < 0 || index >= size) && gather_index(indices, first + j, size, &index, error))
            return -1;
        offsets[j] = begin + index * along + j * step;
    }
    return 0;
}

/* For each index the element of the data that it names, into the scratch. */
static int element_offsets(const struct compute_context *context, int64_t **result, int64_t *count, struct error *error)
{
    const struct tensor *indices = context->inputs[1];
    const struct shape *data = &context->inputs[0]->shape;
    int64_t *offsets = context->scratch, strides[SHAPE_MAX_RANK], at[SHAPE_MAX_RANK] = {0};
    int axis;
    if (elements_axis(context->node, data->rank, &axis, error))
        return -1;
    *result = offsets;
    *count = shape_count(&indices->shape);
    shape_strides(data, strides);
    int last = data->rank - 1;
    int64_t along = strides[axis], step = last == axis ? 0 : strides[last], row = indices->shape.dims[last];
    strides[axis] = 0;
    for (int64_t i = 0; i < *count; i += row, odometer_next(at, indices->shape.dims, last)) {
        int64_t begin = 0;
        for (int k = 0; k < last; k++)
            begin += at[k] * strides[k];
        if (row_offsets(indices, i, row, data->dims[axis], begin, along, step, offsets + i, error))
            return -1;
    }
    return 0;
}

static int compute_gather_elements(struct compute_context *context, struct error *error)
{
    const char *from = context->inputs[0]->data;
    char *to = context->outputs[0]->data;
    size_t size = element_size(context->inputs[0]);
    int64_t *offsets, count;
    if (element_offsets(context, &offsets, &count, error))
        return -1;
    for (int64_t i = 0; i < count; i++)
        move_element(to + (size_t)i * size, from + (size_t)offsets[i] * size, size);
    return 0;
}

static int compute_scatter_elements(struct compute_context *context, struct error *error)
{
    const struct scatter_settings *settings = context->node->settings;
    int64_t *offsets, count;
    if (element_offsets(context, &offsets, &count, error))
        return -1;
    scatter_runs(context, offsets, count, 1, settings->reduction);
    return 0;
}

static int gradient_gather_elements(struct gradient_context *context, struct error *error)
{
    const struct scatter_settings *settings = context->node->settings;
    const struct value *data = context->node->inputs[0];
    if (!context->wanted[0])
        return 0;
    struct value *zeros = emit_zeros(context->graph, context->output_gradients[0]->dtype, &data->shape, error);
    if (!zeros)
        return -1;
    context->input_gradients[0] = emit(
        context->graph, "ScatterElements", EMIT_INPUTS(zeros, context->node->inputs[1], context->output_gradients[0]),
        EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis), EMIT_STRING("reduction", "add")), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int gradient_scatter_elements(struct gradient_context *context, struct error *error)
{
    return scatter_gradient(context, "ScatterElements", "GatherElements", "axis", error);
}

/* The axis is read in full, the others at their place. */
static int field_elements(struct field_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    int axis;
    if (context->input == 1) {
        context->none = true;
        return 0;
    }
    if (elements_axis(context->node, shape->rank, &axis, error))
        return -1;
    for (int i = 0; i < shape->rank; i++)
        context->reads[i] = context->cells[i];
    context->reads[axis] = interval_full(context->inputs[context->input]->shape.dims[axis]);
    context->global = shape->dims[axis] > 1;
    return 0;
}

#define ELEMENTS(name_, since_, inputs_, attributes_, infer_, compute_, gradient_)                                     \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = TYPES_ALL,               \
        .traits = OPERATOR_MOVES, .roles = {(inputs_) == 3 ? ROLE_CHOICE : ROLE_DATA, ROLE_INDICES, ROLE_CHOICE},      \
        SETTINGS(struct scatter_settings, attributes_), .infer = infer_, .compute = compute_, .gradient = gradient_,   \
        .field = field_elements, .scratch = offset_bytes                                                               \
    }
#define SCATTER(name_, since_)                                                                                         \
    ELEMENTS(name_, since_, 3, scatter_attributes, infer_scatter_elements, compute_scatter_elements,                   \
             gradient_scatter_elements)

const struct operator_definition operators_gather_elements[] = {
    ELEMENTS("GatherElements", 11, 2, gather_attributes, infer_gather_elements, compute_gather_elements,
             gradient_gather_elements),
    SCATTER("ScatterElements", 11),
    SCATTER("Scatter", 9),
    {0},
};
