#include "op/confine.h"

#include "base/number.h"

bool confine_is_plain(const struct value *value)
{
    return value && !dtype_is_container(value->dtype) && value->shape.rank >= 0 &&
           value->shape.rank <= SHAPE_MAX_RANK && shape_count(&value->shape) > 0;
}

void confine_whole(struct confine_context *context, int begin, int end)
{
    const struct shape *output = &context->node->outputs[0]->shape;
    for (int axis = begin; axis < end; axis++)
        context->cells[axis] = interval_full(output->dims[axis]);
}

bool confine_aligned(struct confine_context *context, int input)
{
    const struct shape *shape = &context->node->inputs[input]->shape, *output = &context->node->outputs[0]->shape;
    for (int i = 0; i < shape->rank; i++) {
        int at = output->rank - shape->rank + i;
        if (at < 0 || (shape->dims[i] != output->dims[at] && shape->dims[i] != 1))
            return false;
        if (shape->dims[i] == output->dims[at])
            context->reads[input][i] = context->cells[at];
    }
    return true;
}

static void fill_reads(const struct node *node, struct interval (*reads)[SHAPE_MAX_RANK])
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i])
            interval_fill(&node->inputs[i]->shape, reads[i]);
    }
}

/* Every input is aligned with the output, or all of it is made. */
static int confine_pointwise(struct confine_context *context, struct error *error)
{
    (void)error;
    bool aligned = true;
    for (int i = 0; i < context->node->input_count; i++)
        aligned = aligned && (!context->node->inputs[i] || confine_aligned(context, i));
    if (aligned)
        return 0;
    confine_whole(context, 0, context->node->outputs[0]->shape.rank);
    fill_reads(context->node, context->reads);
    return 0;
}

operator_confine *confine_rule(const struct node *node)
{
    if (!node->definition || node_has(node, OPERATOR_RANDOM) || node->output_count < 1 ||
        !confine_is_plain(node->outputs[0]))
        return NULL;
    for (int i = 1; i < node->output_count; i++) {
        if (node->outputs[i])
            return NULL;
    }
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && (!confine_is_plain(node->inputs[i]) || node->inputs[i]->graph != node->graph))
            return NULL;
    }
    if (node->definition->confine)
        return node->definition->confine;
    return node_has(node, OPERATOR_POINTWISE) ? confine_pointwise : NULL;
}

int confine_ask(const struct node *node, struct interval *cells, struct interval (*reads)[SHAPE_MAX_RANK], bool *moves,
                struct error *error)
{
    struct confine_context context = {.node = node, .cells = cells, .reads = reads};
    fill_reads(node, reads);
    if (confine_rule(node)(&context, error))
        return -1;
    if (moves)
        *moves = context.moves;
    return 0;
}

void confine_rows(struct confine_context *context, int axis)
{
    confine_whole(context, axis, context->node->outputs[0]->shape.rank);
    for (int i = 0; i < axis; i++)
        context->reads[0][i] = context->cells[i];
}

int confine_images(struct confine_context *context, struct error *error)
{
    (void)error;
    confine_rows(context, 1);
    return 0;
}

/* Along one axis: reads within the input, and the pads that stand for what lies outside. False: a window would lie
 * wholly outside. */
static bool slide_axis(const struct spatial *spatial, int axis, const struct interval *cells, struct interval *reads,
                       int64_t *pad_begin, int64_t *pad_end)
{
    int64_t last = spatial->input[axis] - 1, stride = spatial->stride[axis];
    int64_t low = cells->low * stride - spatial->pad_begin[axis];
    int64_t high = cells->high * stride - spatial->pad_begin[axis] + spatial_extent(spatial, axis) - 1;
    *reads = (struct interval){int64_max(low, 0), int64_min(high, last)};
    *pad_begin = reads->low - low;
    *pad_end = high - reads->high;
    return reads->low <= reads->high;
}

static int change_part(const struct confine_context *context, const int64_t *pads, int axes, struct error *error)
{
    struct node *part = context->part;
    if (node_attribute(part, "auto_pad") && node_set_string(part, "auto_pad", "NOTSET", error))
        return -1;
    if (node_attribute(part, "ceil_mode") && node_set_int(part, "ceil_mode", 0, error))
        return -1;
    return node_set_ints(part, "pads", pads, 2 * axes, error);
}

int confine_slide(struct confine_context *context, const struct spatial *spatial, struct error *error)
{
    int64_t pads[2 * SPATIAL_AXES];
    struct interval reads[SPATIAL_AXES];
    int axes = spatial->axes;
    bool inside = true;
    for (int i = 0; i < axes; i++)
        inside = slide_axis(spatial, spatial_axis(spatial, i), &context->cells[2 + i], &reads[i], &pads[i],
                            &pads[axes + i]) &&
                 inside;
    if (!inside) {
        confine_whole(context, 2, 2 + axes);
        return context->part ? change_part(context, pads, axes, error) : 0;
    }
    for (int i = 0; i < axes; i++)
        context->reads[0][2 + i] = reads[i];
    context->reads[0][0] = context->cells[0];
    return context->part ? change_part(context, pads, axes, error) : 0;
}
