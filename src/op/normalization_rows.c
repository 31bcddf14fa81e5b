/* InstanceNormalization (ONNX 6, 22), GroupNormalization (18: scale and bias per group, 21: per channel),
 * LayerNormalization (17), RMSNormalization (23). */
#include "op/confine.h"
#include "op/families.h"
#include "op/normalization.h"
#include "op/settings.h"

#define EPSILON FLOAT_ATTRIBUTE(struct normalization_settings, epsilon, 1e-5f)

static const struct attribute_rule instance_attributes[] = {
    {EPSILON},
    {0},
};
static const struct attribute_rule group_attributes[] = {
    {EPSILON},
    {INT_ATTRIBUTE(struct normalization_settings, num_groups, 0), .required = true},
    {IGNORED_ATTRIBUTE("stash_type"), .since = 21},
    {0},
};
static const struct attribute_rule layer_attributes[] = {
    {INT_ATTRIBUTE(struct normalization_settings, axis, -1)},
    {EPSILON},
    {IGNORED_ATTRIBUTE("stash_type")},
    {0},
};

typedef int normalization_read(const struct node *node, const struct shape *x, const struct shape *scale,
                               struct normalization *normalization, struct error *error);

static int read_planes(const struct shape *x, struct error *error)
{
    if (x->rank < 2)
        return error_set(error, ERROR_INPUT, "the input has %d axes, expected at least N x C", x->rank);
    return shape_product(x, 1, x->rank) > 0 ? 0 : error_set(error, ERROR_INPUT, "the input is empty");
}

static int read_instance(const struct node *node, const struct shape *x, const struct shape *scale,
                         struct normalization *normalization, struct error *error)
{
    (void)scale;
    const struct normalization_settings *settings = node->settings;
    if (read_planes(x, error))
        return -1;
    int64_t plane = shape_product(x, 2, x->rank);
    *normalization = (struct normalization){.rows = x->dims[0] * x->dims[1],
                                            .count = plane,
                                            .row_period = x->dims[1],
                                            .block = plane,
                                            .centred = true,
                                            .epsilon = (double)settings->epsilon};
    return 0;
}

static int read_group(const struct node *node, const struct shape *x, const struct shape *scale,
                      struct normalization *normalization, struct error *error)
{
    (void)scale;
    const struct normalization_settings *settings = node->settings;
    if (read_planes(x, error))
        return -1;
    int64_t groups = settings->num_groups, channels = x->dims[1];
    if (groups < 1 || channels % groups != 0)
        return error_set(error, ERROR_INPUT, "attribute num_groups is %lld for %lld channels", (long long)groups,
                         (long long)channels);
    int64_t plane = shape_product(x, 2, x->rank), count = channels / groups * plane;
    *normalization = (struct normalization){.rows = x->dims[0] * groups,
                                            .count = count,
                                            .row_period = groups,
                                            .block = node->opset < 21 ? count : plane,
                                            .centred = true,
                                            .epsilon = (double)settings->epsilon};
    return 0;
}

/* The scale has the shape of the normalised axes (leading ones may be left out), or one element. */
static int read_layer(const struct node *node, const struct shape *x, const struct shape *scale,
                      struct normalization *normalization, struct error *error)
{
    const struct normalization_settings *settings = node->settings;
    int axis;
    char text[SHAPE_TEXT_SIZE], scale_text[SHAPE_TEXT_SIZE];
    if (shape_axis(settings->axis, x->rank, &axis, error))
        return -1;
    if (shape_product(x, axis, x->rank) == 0)
        return error_set(error, ERROR_INPUT, "the input is empty");
    int64_t count = shape_product(x, axis, x->rank);
    bool single = shape_count(scale) == 1, whole = shape_count(scale) == count && scale->rank <= x->rank;
    for (int i = 0; whole && i < scale->rank; i++)
        whole = scale->dims[scale->rank - 1 - i] == (i < x->rank - axis ? x->dims[x->rank - 1 - i] : 1);
    if (!single && !whole)
        return error_set(error, ERROR_UNSUPPORTED, "the scale is %s; the axes of %s from %d on need one value each",
                         shape_text(scale, scale_text), shape_text(x, text), axis);
    *normalization = (struct normalization){.rows = shape_product(x, 0, axis),
                                            .count = count,
                                            .row_period = 1,
                                            .block = whole ? 1 : count,
                                            .centred = true,
                                            .epsilon = (double)settings->epsilon};
    return 0;
}

static int read_rms(const struct node *node, const struct shape *x, const struct shape *scale,
                    struct normalization *normalization, struct error *error)
{
    if (read_layer(node, x, scale, normalization, error))
        return -1;
    normalization->centred = false;
    return 0;
}

static int infer_common(struct infer_context *context, normalization_read *read, struct normalization *normalization,
                        struct error *error)
{
    const struct tensor *x = context->inputs[0];
    if (operand_storage(context, 1, error) || operand_shaped_as(context, 2, 1, error) ||
        read(context->node, &x->shape, &context->inputs[1]->shape, normalization, error))
        return -1;
    return infer_output(context, 0, x->dtype, x->shape.rank, x->shape.dims, error);
}

static int infer_channels(struct infer_context *context, normalization_read *read, struct error *error)
{
    struct normalization normalization;
    if (infer_common(context, read, &normalization, error))
        return -1;
    return operand_vector(context, 1, normalization_parameters(&normalization), error);
}

static int infer_instance(struct infer_context *context, struct error *error)
{
    return infer_channels(context, read_instance, error);
}

static int infer_group(struct infer_context *context, struct error *error)
{
    return infer_channels(context, read_group, error);
}

/* Mean and inverse deviation keep the normalised axes with size 1. */
static int infer_layer(struct infer_context *context, struct error *error)
{
    const struct normalization_settings *settings = context->node->settings;
    struct normalization normalization;
    if (infer_common(context, read_layer, &normalization, error))
        return -1;
    const struct shape *x = &context->inputs[0]->shape;
    int64_t dims[SHAPE_MAX_RANK];
    int axis = 0;
    shape_axis(settings->axis, x->rank, &axis, NULL);
    for (int i = 0; i < x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : 1;
    for (int i = 1; i < context->output_count; i++) {
        if (operand_output(context->node, i) && infer_output(context, i, DTYPE_FLOAT, x->rank, dims, error))
            return -1;
    }
    return 0;
}

static int infer_rms(struct infer_context *context, struct error *error)
{
    struct normalization normalization;
    return infer_common(context, read_rms, &normalization, error);
}

static int compute_common(struct compute_context *context, normalization_read *read, struct error *error)
{
    struct normalization normalization;
    if (read(context->node, &context->inputs[0]->shape, &context->inputs[1]->shape, &normalization, error))
        return -1;
    normalization_run(context, &normalization, operand_result(context, 1), operand_result(context, 2));
    return 0;
}

static int gradient_common(struct gradient_context *context, normalization_read *read, struct error *error)
{
    struct normalization normalization;
    if (read(context->node, &context->node->inputs[0]->shape, &context->node->inputs[1]->shape, &normalization, error))
        return -1;
    return normalization_gradient(context, &normalization, error);
}

#define DEFINE_RULES(NAME)                                                                                             \
    static int compute_##NAME(struct compute_context *context, struct error *error)                                    \
    {                                                                                                                  \
        return compute_common(context, read_##NAME, error);                                                            \
    }                                                                                                                  \
    static int gradient_##NAME(struct gradient_context *context, struct error *error)                                  \
    {                                                                                                                  \
        return gradient_common(context, read_##NAME, error);                                                           \
    }

DEFINE_RULES(instance)
DEFINE_RULES(group)
DEFINE_RULES(layer)
DEFINE_RULES(rms)

/* Statistics over the map: global, its own cell locally. */
static int field_planes(struct field_context *context, struct error *error)
{
    (void)error;
    const struct shape *x = &context->inputs[0]->shape;
    if (context->input != 0) {
        field_full(context);
        return 0;
    }
    for (int i = 0; i < x->rank; i++)
        context->reads[i] = context->cells[i];
    context->global = shape_product(x, 2, x->rank) > 1;
    return 0;
}

/* Over the last axis alone (channels-last features): that axis is read. Over more, they include places: global. */
static int field_layer(struct field_context *context, struct error *error)
{
    const struct normalization_settings *settings = context->node->settings;
    const struct shape *x = &context->inputs[0]->shape;
    int axis;
    if (context->input != 0) {
        field_full(context);
        return 0;
    }
    if (shape_axis(settings->axis, x->rank, &axis, error))
        return -1;
    for (int i = 0; i < x->rank; i++)
        context->reads[i] = context->cells[i];
    if (axis == x->rank - 1)
        context->reads[axis] = interval_full(x->dims[axis]);
    else
        context->global = true;
    return 0;
}

static int confine_layer(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct normalization_settings *settings = node->settings;
    int axis;
    if (shape_axis(settings->axis, node->inputs[0]->shape.rank, &axis, error))
        return -1;
    confine_rows(context, axis);
    return 0;
}

const struct operator_definition operators_normalization[] = {
    {.domain = "",
     .name = "InstanceNormalization",
     .since = 6,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_NORMALIZES,
     .gate = GATE_NONE,
     .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT},
     SETTINGS(struct normalization_settings, instance_attributes),
     .infer = infer_instance,
     .compute = compute_instance,
     .gradient = gradient_instance,
     .field = field_planes,
     .confine = confine_images},
    {.domain = "",
     .name = "GroupNormalization",
     .since = 18,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_NORMALIZES,
     .gate = GATE_NONE,
     .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT},
     SETTINGS(struct normalization_settings, group_attributes),
     .infer = infer_group,
     .compute = compute_group,
     .gradient = gradient_group,
     .field = field_planes,
     .confine = confine_images},
    {.domain = "",
     .name = "LayerNormalization",
     .since = 17,
     ARITY(2, 3, 1, 3),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_NORMALIZES | OPERATOR_NORMALIZES_ROWS | OPERATOR_EXACT_FIELD,
     .gate = GATE_NONE,
     .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT},
     SETTINGS(struct normalization_settings, layer_attributes),
     .infer = infer_layer,
     .compute = compute_layer,
     .gradient = gradient_layer,
     .field = field_layer,
     .confine = confine_layer},
    {.domain = "",
     .name = "RMSNormalization",
     .since = 23,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_NORMALIZES | OPERATOR_NORMALIZES_ROWS,
     .gate = GATE_NONE,
     .roles = {ROLE_DATA, ROLE_SCALE},
     SETTINGS(struct normalization_settings, layer_attributes),
     .infer = infer_rms,
     .compute = compute_rms,
     .gradient = gradient_rms,
     .field = field_layer,
     .confine = confine_layer},
    {0},
};
