/* Concat, and ConcatGradient that cuts a gradient back into its parts. */
#include <string.h>

#include "base/number.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/settings.h"
#include "op/strided.h"

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct concat_settings, axis, 0), .required = true},
    {0},
};

struct concat_gradient_settings {
    int64_t axis, start, size;
};

static const struct attribute_rule gradient_attributes[] = {
    {INT_ATTRIBUTE(struct concat_gradient_settings, axis, 0), .required = true},
    {INT_ATTRIBUTE(struct concat_gradient_settings, start, 0), .required = true},
    {INT_ATTRIBUTE(struct concat_gradient_settings, size, 0), .required = true},
    {0},
};

static int concat_axis(const struct node *node, int rank, int *axis, struct error *error)
{
    const struct concat_settings *settings = node->settings;
    return shape_axis(settings->axis, rank, axis, error);
}

static int infer_concat(struct infer_context *context, struct error *error)
{
    struct shape shape = context->inputs[0]->shape;
    int axis;
    if (operand_types(context, 1, error) || concat_axis(context->node, shape.rank, &axis, error))
        return -1;
    for (int i = 1; i < context->input_count; i++) {
        if (!context->inputs[i])
            return error_set(error, ERROR_INPUT, "input %d is missing", i);
        const struct shape *part = &context->inputs[i]->shape;
        bool fits = part->rank == shape.rank;
        for (int k = 0; fits && k < shape.rank; k++)
            fits = k == axis || part->dims[k] == shape.dims[k];
        if (!fits) {
            char text[SHAPE_TEXT_SIZE];
            return error_set(error, ERROR_INPUT, "input %d of shape %s does not fit the others", i,
                             shape_text(part, text));
        }
        if (__builtin_add_overflow(shape.dims[axis], part->dims[axis], &shape.dims[axis]))
            return error_set(error, ERROR_LIMIT, "the result is too large");
    }
    return infer_output(context, 0, context->inputs[0]->dtype, shape.rank, shape.dims, error);
}

/* Copies a part into the whole, where it begins at `start` along `axis`, or out of it. */
static void copy_part(struct thread_pool *pool, const struct shape *whole, const struct shape *part, int axis,
                      int64_t start, size_t size, char *whole_data, char *part_data, bool into_whole)
{
    int64_t outer = shape_product(whole, 0, axis), inner = shape_product(whole, axis + 1, whole->rank);
    int64_t run = part->dims[axis] * inner, step = whole->dims[axis] * inner;
    char *at = whole_data + (size_t)(start * inner) * size;
    const struct strided_copy copy = {.rank = 2,
                                      .dims = {outer, run},
                                      .from_strides = {into_whole ? run : step, 1},
                                      .to_strides = {into_whole ? step : run, 1},
                                      .from = into_whole ? part_data : at,
                                      .to = into_whole ? at : part_data,
                                      .size = size};
    strided_copy_run(pool, &copy);
}

static int compute_concat(struct compute_context *context, struct error *error)
{
    struct tensor *out = context->outputs[0];
    int axis;
    if (concat_axis(context->node, out->shape.rank, &axis, error))
        return -1;
    int64_t start = 0;
    for (int i = 0; i < context->input_count; i++) {
        const struct tensor *part = context->inputs[i];
        copy_part(context->pool, &out->shape, &part->shape, axis, start, dtype_storage_size(dtype_storage(out->dtype)),
                  out->data, part->data, true);
        start += part->shape.dims[axis];
    }
    return 0;
}

static int gradient_concat(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    int axis;
    if (concat_axis(node, node->outputs[0]->shape.rank, &axis, error))
        return -1;
    int64_t start = 0;
    for (int i = 0; i < node->input_count; i++) {
        int64_t size = node->inputs[i]->shape.dims[axis];
        if (context->wanted[i]) {
            context->input_gradients[i] =
                emit(context->graph, "ConcatGradient", EMIT_INPUTS(context->output_gradients[0]),
                     EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INT("start", start), EMIT_INT("size", size)), error);
            if (!context->input_gradients[i])
                return -1;
        }
        start += size;
    }
    return 0;
}

static int infer_concat_gradient(struct infer_context *context, struct error *error)
{
    const struct concat_gradient_settings *settings = context->node->settings;
    struct shape shape = context->inputs[0]->shape;
    int64_t start = settings->start, size = settings->size;
    int axis;
    if (shape_axis(settings->axis, shape.rank, &axis, error))
        return -1;
    if (start < 0 || size < 0 || size > shape.dims[axis] || start > shape.dims[axis] - size)
        return error_set(error, ERROR_INTERNAL, "the part is outside the whole");
    shape.dims[axis] = size;
    return infer_output(context, 0, context->inputs[0]->dtype, shape.rank, shape.dims, error);
}

static int compute_concat_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct concat_gradient_settings *settings = context->node->settings;
    const struct tensor *whole = context->inputs[0];
    struct tensor *part = context->outputs[0];
    copy_part(context->pool, &whole->shape, &part->shape, (int)settings->axis, settings->start,
              dtype_storage_size(dtype_storage(part->dtype)), whole->data, part->data, false);
    return 0;
}

/* A part is read where the cells fall into it, shifted to its own start. */
static int field_concat(struct field_context *context, struct error *error)
{
    const struct shape *part = &context->inputs[context->input]->shape;
    int axis;
    if (concat_axis(context->node, part->rank, &axis, error))
        return -1;
    int64_t start = 0;
    for (int i = 0; i < context->input; i++)
        start += context->inputs[i]->shape.dims[axis];
    for (int i = 0; i < part->rank; i++)
        context->reads[i] = context->cells[i];
    struct interval *along = &context->reads[axis];
    *along = (struct interval){along->low - start, along->high - start};
    context->none = along->high < 0 || along->low >= part->dims[axis];
    along->low = int64_max(along->low, 0);
    along->high = along->high >= part->dims[axis] ? part->dims[axis] - 1 : along->high;
    return 0;
}

/* The same cells of every part, of all parts. */
static int confine_concat(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    int rank = node->outputs[0]->shape.rank, axis;
    if (concat_axis(node, rank, &axis, error))
        return -1;
    confine_whole(context, axis, axis + 1);
    for (int i = 0; i < node->input_count; i++) {
        for (int k = 0; k < rank; k++) {
            if (k != axis)
                context->reads[i][k] = context->cells[k];
        }
    }
    return 0;
}

const struct operator_definition operators_concat[] = {
    {.domain = "",
     .name = "Concat",
     .since = 4,
     ARITY(1, -1, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_DATA},
     SETTINGS(struct concat_settings, attributes),
     .infer = infer_concat,
     .compute = compute_concat,
     .gradient = gradient_concat,
     .field = field_concat,
     .confine = confine_concat,
     .identity = identity_of_one},
    {.domain = DOMAIN_INTERNAL,
     .name = "ConcatGradient",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA},
     SETTINGS(struct concat_gradient_settings, gradient_attributes),
     .infer = infer_concat_gradient,
     .compute = compute_concat_gradient},
    {0},
};
