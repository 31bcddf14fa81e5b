/* Roll, an internal operator: an axis begins at its element `first` and ends with those in front of it. */
#include <string.h>

#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/strided.h"

struct roll_settings {
    int64_t axis, first;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct roll_settings, axis, 0), .required = true},
    {INT_ATTRIBUTE(struct roll_settings, first, 0), .required = true},
    {0},
};

static int infer_roll(struct infer_context *context, struct error *error)
{
    const struct roll_settings *settings = context->node->settings;
    const struct shape *x = &context->inputs[0]->shape;
    if (settings->axis < 0 || settings->axis >= x->rank || settings->first < 0 ||
        settings->first > x->dims[settings->axis])
        return error_set(error, ERROR_INTERNAL, "the axis has no element %lld", (long long)settings->first);
    return infer_same(context, error);
}

static int compute_roll(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct roll_settings *settings = context->node->settings;
    const struct tensor *x = context->inputs[0];
    int axis = (int)settings->axis;
    size_t step = (size_t)shape_product(&x->shape, axis + 1, x->shape.rank) * element_size(x);
    size_t first = (size_t)settings->first * step, row = (size_t)x->shape.dims[axis] * step;
    char *to = context->outputs[0]->data;
    const char *from = x->data;
    for (int64_t i = 0; row > 0 && i < shape_product(&x->shape, 0, axis); i++, from += row, to += row) {
        memcpy(to, from + first, row - first);
        memcpy(to + row - first, from, first);
    }
    return 0;
}

static int gradient_roll(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct roll_settings *settings = node->settings;
    int64_t axis = settings->axis, first = settings->first;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(
        context->graph, "Roll", EMIT_INPUTS(context->output_gradients[0]),
        EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INT("first", node->inputs[0]->shape.dims[axis] - first)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int confine_roll(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct roll_settings *settings = context->node->settings;
    int axis = (int)settings->axis;
    confine_whole(context, axis, axis + 1);
    for (int i = 0; i < context->node->inputs[0]->shape.rank; i++)
        context->reads[0][i] = context->cells[i];
    return 0;
}

const struct operator_definition operators_roll[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "Roll",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA},
     SETTINGS(struct roll_settings, attributes),
     .infer = infer_roll,
     .compute = compute_roll,
     .gradient = gradient_roll,
     .confine = confine_roll},
    {0},
};
