/* MaxUnpool (ONNX 9, 11, 22) and its gradient: every element goes to the place in the flat, unpooled tensor that its
 * index names; the rest is 0. */
#include <inttypes.h>
#include <string.h>

#include "op/families.h"
#include "op/known.h"
#include "op/spatial.h"
#include "op/strided.h"

static const struct attribute_rule unpool_attributes[] = {
    {INTS_ATTRIBUTE(struct window_settings, kernel_shape), .required = true},
    {INTS_ATTRIBUTE(struct window_settings, strides)},
    {INTS_ATTRIBUTE(struct window_settings, pads)},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {WINDOW_LISTS(true, 0), {0}};

/* The size before pooling, as the attributes give it. */
static int unpooled_shape(const struct window_settings *settings, const struct shape *x, struct shape *shape,
                          struct error *error)
{
    struct spatial spatial;
    if (x->rank < 3 || x->rank > 2 + SPATIAL_AXES)
        return error_set(error, ERROR_INPUT, "the input must have 3 to 5 axes");
    if (spatial_read(settings, x, NULL, &spatial, error))
        return -1;
    *shape = *x;
    for (int i = 0; i < spatial.axes; i++) {
        int at = spatial_axis(&spatial, i);
        int64_t size;
        if (__builtin_mul_overflow(spatial.input[at] - 1, spatial.stride[at], &size) ||
            __builtin_add_overflow(size, spatial.kernel[at] - spatial.pad_begin[at] - spatial.pad_end[at], &size) ||
            size < 1)
            return error_set(error, ERROR_INPUT, "kernel, strides and pads leave no output along spatial axis %d", i);
        shape->dims[2 + i] = size;
    }
    return 0;
}

static int infer_max_unpool(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *x = context->inputs[0], *indices = context->inputs[1];
    struct shape shape;
    struct int_list list;
    if (indices->dtype != DTYPE_INT64 || !shape_equal(&x->shape, &indices->shape))
        return error_set(error, ERROR_INPUT, "the indices must be int64 of the input's shape");
    if (unpooled_shape(context->node->settings, &x->shape, &shape, error))
        return -1;
    if (infer_has(context, 2) && !operand_known(&operands, 2))
        return infer_output(context, 0, x->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    int given = int_list_of(&list, &operands, (struct ints){0}, 2, error);
    if (given < 0)
        return -1;
    if (given && list.count != x->shape.rank)
        return error_set(error, ERROR_INPUT, "output_shape has not one size per axis");
    for (int i = 0; given && i < x->shape.rank; i++) {
        int64_t size = int_list_at(&list, i);
        if (size < shape.dims[i] || (i < 2 && size != shape.dims[i]))
            return error_set(error, ERROR_INPUT, "output_shape is smaller than what the pool's window covers");
        shape.dims[i] = size;
    }
    return infer_output(context, 0, x->dtype, shape.rank, shape.dims, error);
}

/* Where element `index` of the tensor before pooling lies in the output, which may be larger. */
static int64_t place_of(int64_t index, const struct shape *unpooled, const struct shape *output)
{
    int64_t place = 0, step = 1;
    for (int axis = unpooled->rank - 1; axis >= 0; axis--) {
        place += index % unpooled->dims[axis] * step;
        index /= unpooled->dims[axis];
        step *= output->dims[axis];
    }
    return place;
}

/* Scatters x, or gathers dy where `gather`. */
static int move(const struct node *node, const struct tensor *small, const struct tensor *indices, const float *from,
                float *to, const struct shape *output, bool gather, struct error *error)
{
    struct shape unpooled;
    if (unpooled_shape(node->settings, &small->shape, &unpooled, error))
        return -1;
    const int64_t *index = indices->data, size = shape_count(&unpooled);
    for (int64_t i = 0; i < shape_count(&small->shape); i++) {
        if (index[i] < 0 || index[i] >= size)
            return error_set(error, ERROR_INPUT, "index %" PRId64 " lies outside the %" PRId64 " elements", index[i],
                             size);
        int64_t place = place_of(index[i], &unpooled, output);
        to[gather ? i : place] = from[gather ? place : i];
    }
    return 0;
}

static int compute_max_unpool(struct compute_context *context, struct error *error)
{
    struct tensor *y = context->outputs[0];
    memset(y->data, 0, tensor_bytes(y));
    return move(context->node, context->inputs[0], context->inputs[1], context->inputs[0]->data, y->data, &y->shape,
                false, error);
}

/* ---- MaxUnpoolGradient(x, indices, dy): dx ---- */

static int gradient_max_unpool(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct spatial spatial;
    struct spatial_lists lists;
    struct emit_attribute attributes[SPATIAL_ATTRIBUTES];
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    if (spatial_read(node->settings, &node->inputs[0]->shape, NULL, &spatial, error))
        return -1;
    spatial_attributes(&spatial, &lists, attributes);
    context->input_gradients[0] = emit(context->graph, "MaxUnpoolGradient",
                                       EMIT_INPUTS(node->inputs[0], node->inputs[1], context->output_gradients[0]),
                                       attributes, SPATIAL_ATTRIBUTES, error);
    return context->input_gradients[0] ? 0 : -1;
}

static int compute_max_unpool_gradient(struct compute_context *context, struct error *error)
{
    const struct tensor *dy = context->inputs[2];
    return move(context->node, context->inputs[0], context->inputs[1], dy->data, context->outputs[0]->data, &dy->shape,
                true, error);
}

const struct operator_definition operators_max_unpool[] = {
    {.domain = "",
     .name = "MaxUnpool",
     .since = 9,
     ARITY(2, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_SHAPE},
     SETTINGS(struct window_settings, unpool_attributes),
     .infer = infer_max_unpool,
     .compute = compute_max_unpool,
     .gradient = gradient_max_unpool},
    {.domain = DOMAIN_INTERNAL,
     .name = "MaxUnpoolGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_DATA},
     SETTINGS(struct window_settings, gradient_attributes),
     .infer = infer_same,
     .compute = compute_max_unpool_gradient},
    {0},
};
