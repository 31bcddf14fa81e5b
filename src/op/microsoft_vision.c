/* com.microsoft (docs/ContribOperators.md of ONNX Runtime): what its optimisers write for diffusion models and
 * convolutions - GroupNorm, SkipGroupNorm, BiasAdd, BiasSplitGelu, BiasSoftmax - and operators that ONNX has since -
 * GridSample, Trilu, GatherND, Pad, ExpandDims -, CDist, ConvTransposeWithDynamicPads. */
#include <string.h>

#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

/* ---- group normalisation of maps [N,H,W,C] or [N,C,H,W] ---- */

struct group_settings {
    int64_t groups, activation;
    float epsilon;
    bool channels_last;
};
static const struct attribute_rule group_attributes[] = {
    {INT_ATTRIBUTE(struct group_settings, groups, 0), .required = true},
    {INT_ATTRIBUTE(struct group_settings, activation, 0)}, /* 1: x sigmoid(x) */
    {FLOAT_ATTRIBUTE(struct group_settings, epsilon, 1e-5f)},
    {FLAG_ATTRIBUTE(struct group_settings, channels_last, 1)},
    {0},
};

static struct value *emit_groups(struct expand_context *context, struct value *x, struct error *error)
{
    const struct group_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    if (!x)
        return NULL;
    struct value *scale = emit_cast(graph, context->inputs[1], x->dtype, error);
    struct value *shift = emit_cast(graph, context->inputs[2], x->dtype, error);
    x = settings->channels_last ? emit_channels_second(graph, x, error) : x;
    struct value *y =
        x && scale && shift
            ? emit(graph, "GroupNormalization", EMIT_INPUTS(x, scale, shift),
                   EMIT_ATTRIBUTES(EMIT_FLOAT("epsilon", settings->epsilon), EMIT_INT("num_groups", settings->groups)),
                   error)
            : NULL;
    y = settings->activation ? emit_one(graph, "Swish", y, error) : y;
    return settings->channels_last ? emit_channels_last(graph, y, error) : y;
}

static int expand_groups(struct expand_context *context, struct error *error)
{
    return expansion_give(context, 0, emit_groups(context, context->inputs[0], error));
}

/* What is added for each channel: [C], [N,C], or with axes of size 1 in the map's order. */
static struct value *emit_spread(struct expand_context *context, struct value *added, struct error *error)
{
    const struct group_settings *settings = context->node->settings;
    const struct shape *x = &context->inputs[0]->shape, *given = &added->shape;
    if (given->rank == 0 || given->rank > 2 || x->rank < 3)
        return added;
    int64_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < x->rank; i++)
        dims[i] = 1;
    dims[0] = given->rank == 2 ? given->dims[0] : 1;
    dims[settings->channels_last ? x->rank - 1 : 1] = given->dims[given->rank - 1];
    return emit_shaped(context->graph, added, x->rank, dims, error);
}

static int expand_skip_groups(struct expand_context *context, struct error *error)
{
    struct value *sum =
        emit_two(context->graph, "Add", context->inputs[0], emit_spread(context, context->inputs[3], error), error);
    if (sum && expansion_input(context, 4))
        sum = emit_two(context->graph, "Add", sum, emit_spread(context, context->inputs[4], error), error);
    return expansion_give(context, 1, sum) || expansion_give(context, 0, emit_groups(context, sum, error)) ? -1 : 0;
}

/* ---- sums and activations ---- */

static int expand_sum(struct expand_context *context, struct error *error)
{
    struct value *sum = emit_two(context->graph, "Add", context->inputs[0], context->inputs[1], error);
    return expansion_give(context, 0, emit_two(context->graph, "Add", sum, context->inputs[2], error));
}

/* The left half times Gelu of the right. */
static int expand_split(struct expand_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *sum = emit_two(graph, "Add", context->inputs[0], context->inputs[1], error);
    if (!sum)
        return -1;
    int axis = sum->shape.rank - 1;
    if (axis < 0 || sum->shape.dims[axis] % 2)
        return error_set(error, ERROR_INPUT, "the last axis cannot be halved");
    int64_t half = sum->shape.dims[axis] / 2;
    struct value *left = emit_slice(graph, sum, axis, 0, half, error);
    struct value *right = emit_slice(graph, sum, axis, half, 2 * half, error);
    return expansion_give(context, 0, emit_two(graph, "Mul", left, emit_one(graph, "Gelu", right, error), error));
}

struct bias_softmax_settings {
    int64_t axis;
};
static const struct attribute_rule softmax_attributes[] = {
    {INT_ATTRIBUTE(struct bias_softmax_settings, axis, 1)},
    {IGNORED_ATTRIBUTE("is_inner_broadcast")},
    {0},
};

static int expand_softmax(struct expand_context *context, struct error *error)
{
    const struct bias_softmax_settings *settings = context->node->settings;
    int axis, rank = context->inputs[0]->shape.rank;
    if (shape_axis(settings->axis, rank, &axis, error))
        return -1;
    if (axis != rank - 1)
        return error_set(error, ERROR_UNSUPPORTED, "a softmax of several axes is not supported");
    return expansion_give(context, 0,
                          emit_one(context->graph, "Softmax",
                                   emit_two(context->graph, "Add", context->inputs[0], context->inputs[1], error),
                                   error));
}

/* ---- distances of all rows of two matrices ---- */

enum metric { SQUARED_EUCLIDEAN, EUCLIDEAN };
static const char *const metrics[] = {"sqeuclidean", "euclidean", NULL};
struct distance_settings {
    enum metric metric;
};
static const struct attribute_rule distance_attributes[] = {
    {WORD_ATTRIBUTE(struct distance_settings, metric, SQUARED_EUCLIDEAN, metrics)},
    {0},
};

static int expand_distance(struct expand_context *context, struct error *error)
{
    static const int64_t first = 0, second = 1, last = 2;
    const struct distance_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    if (context->inputs[0]->shape.rank != 2 || context->inputs[1]->shape.rank != 2)
        return error_set(error, ERROR_INPUT, "two matrices are needed");
    struct value *apart = emit_two(graph, "Sub", emit_axes_added(graph, context->inputs[0], &second, 1, error),
                                   emit_axes_added(graph, context->inputs[1], &first, 1, error), error);
    struct value *axes = emit_int_list(graph, &last, 1, error);
    struct value *y = apart && axes ? emit(graph, settings->metric == EUCLIDEAN ? "ReduceL2" : "ReduceSumSquare",
                                           EMIT_INPUTS(apart, axes), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error)
                                    : NULL;
    return expansion_give(context, 0, y);
}

/* ---- operators that ONNX has since ---- */

static const char *const grid_modes[] = {"bilinear", "nearest", "bicubic", NULL};
static const char *const grid_paddings[] = {"zeros", "border", "reflection", NULL};
struct microsoft_grid_settings {
    int mode, padding_mode;
    bool align_corners;
};
static const struct attribute_rule grid_attributes[] = {
    {WORD_ATTRIBUTE(struct microsoft_grid_settings, mode, 0, grid_modes)},
    {WORD_ATTRIBUTE(struct microsoft_grid_settings, padding_mode, 0, grid_paddings)},
    {FLAG_ATTRIBUTE(struct microsoft_grid_settings, align_corners, 0)},
    {0},
};

static int expand_grid(struct expand_context *context, struct error *error)
{
    const struct microsoft_grid_settings *settings = context->node->settings;
    return expansion_grid_sample(context, settings->mode, settings->padding_mode, settings->align_corners, error);
}

/* ONNX's operator of the same inputs and attributes. */
static int expand_as(struct expand_context *context, const char *op_type, struct error *error)
{
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES];
    int count = expansion_attributes(context, op_type, attributes);
    return expansion_give(
        context, 0, emit(context->graph, op_type, context->inputs, context->input_count, attributes, count, error));
}

static int expand_trilu(struct expand_context *context, struct error *error)
{
    return expand_as(context, "Trilu", error);
}

static int expand_gather(struct expand_context *context, struct error *error)
{
    struct value *places = emit_cast(context->graph, context->inputs[1], DTYPE_INT64, error);
    return expansion_give(context, 0, emit_two(context->graph, "GatherND", context->inputs[0], places, error));
}

static int expand_pad(struct expand_context *context, struct error *error)
{
    return expand_as(context, "Pad", error);
}

struct upper_settings {
    bool upper;
};
static const struct attribute_rule trilu_attributes[] = {
    {FLAG_ATTRIBUTE(struct upper_settings, upper, 1)},
    {0},
};
static const char *const pad_modes[] = {"constant", "reflect", "edge", NULL};
struct mode_settings {
    int mode;
};
static const struct attribute_rule pad_attributes[] = {
    {WORD_ATTRIBUTE(struct mode_settings, mode, 0, pad_modes)},
    {0},
};

/* The elements of an input that decides a shape. */
static const struct tensor *known_input(const struct expand_context *context, int input, const char *name,
                                        struct error *error)
{
    const struct value *value = context->inputs[input];
    if (!value->constant || !dtype_is_integer(value->dtype)) {
        error_set(error, value->constant ? ERROR_INPUT : ERROR_UNSUPPORTED,
                  value->constant ? "%s must be integers" : "%s is only known when the model runs", name);
        return NULL;
    }
    return constant_data(value->constant, error);
}

static int expand_dims(struct expand_context *context, struct error *error)
{
    const struct tensor *axis = known_input(context, 1, "the axis", error);
    if (!axis)
        return -1;
    if (shape_count(&axis->shape) != 1)
        return error_set(error, ERROR_INPUT, "the axis must be one number");
    return expansion_give(
        context, 0, emit_axes_added(context->graph, context->inputs[0], (int64_t[]){tensor_int(axis, 0)}, 1, error));
}

static int expand_conv_transpose(struct expand_context *context, struct error *error)
{
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES + 1];
    int64_t pads[2 * SHAPE_MAX_RANK];
    int count = expansion_attributes(context, "ConvTranspose", attributes);
    const struct tensor *given =
        expansion_input(context, 2) ? known_input(context, 2, "the list of pads", error) : NULL;
    if (expansion_input(context, 2) && !given)
        return -1;
    int64_t sides = given ? shape_count(&given->shape) : 0;
    if (sides > 2 * SHAPE_MAX_RANK)
        return error_set(error, ERROR_INPUT, "there are too many pads");
    for (int64_t i = 0; i < sides; i++)
        pads[i] = tensor_int(given, i);
    if (sides > 0)
        attributes[count++] = EMIT_INTS("pads", pads, (int)sides);
    return expansion_give(context, 0,
                          emit(context->graph, "ConvTranspose",
                               EMIT_INPUTS(context->inputs[0], context->inputs[1], expansion_input(context, 3)),
                               attributes, count, error));
}

struct transposed_settings {
    struct ints kernel_shape, strides, dilations, output_padding;
    int64_t group;
    const char *auto_pad;
};
static const struct attribute_rule transposed_attributes[] = {
    {INTS_ATTRIBUTE(struct transposed_settings, kernel_shape)},
    {INTS_ATTRIBUTE(struct transposed_settings, strides)},
    {INTS_ATTRIBUTE(struct transposed_settings, dilations)},
    {INTS_ATTRIBUTE(struct transposed_settings, output_padding)},
    {INT_ATTRIBUTE(struct transposed_settings, group, 1)},
    {TEXT_ATTRIBUTE(struct transposed_settings, auto_pad, "NOTSET")},
    {0},
};

#define MICROSOFT(name_, least_, most_, outputs_, types_, expand_, traits_, ...)                                       \
    .domain = "com.microsoft", .name = name_, .since = 1, ARITY(least_, most_, 1, outputs_), .types = types_,          \
    .traits = traits_, .roles = {__VA_ARGS__}, .infer = expansion_infer, .compute = expansion_compute,                 \
    .expand = expand_

const struct operator_definition operators_microsoft_vision[] = {
    {MICROSOFT("GroupNorm", 3, 3, 1, TYPES_HELD_AS_FLOAT, expand_groups, OPERATOR_NORMALIZES, ROLE_DATA, ROLE_SCALE,
               ROLE_SHIFT),
     SETTINGS(struct group_settings, group_attributes)},
    {MICROSOFT("SkipGroupNorm", 4, 5, 2, TYPES_HELD_AS_FLOAT, expand_skip_groups, OPERATOR_NORMALIZES, ROLE_TERM,
               ROLE_SCALE, ROLE_SHIFT, ROLE_TERM, ROLE_SHIFT),
     SETTINGS(struct group_settings, group_attributes)},
    {MICROSOFT("BiasAdd", 3, 3, 1, TYPES_FLOAT, expand_sum, OPERATOR_SUM, ROLE_TERM, ROLE_SHIFT, ROLE_TERM)},
    {MICROSOFT("BiasSplitGelu", 2, 2, 1, TYPES_FLOAT, expand_split, OPERATOR_OTHER, ROLE_DATA, ROLE_SHIFT)},
    {MICROSOFT("BiasSoftmax", 2, 2, 1, TYPES_FLOAT, expand_softmax, OPERATOR_SOFTMAX, ROLE_DATA, ROLE_MASK),
     SETTINGS(struct bias_softmax_settings, softmax_attributes)},
    {MICROSOFT("CDist", 2, 2, 1, TYPES_FLOAT, expand_distance, OPERATOR_OTHER, ROLE_DATA),
     SETTINGS(struct distance_settings, distance_attributes)},
    {MICROSOFT("GridSample", 2, 2, 1, TYPES_HELD_AS_FLOAT, expand_grid, OPERATOR_OTHER, ROLE_DATA, ROLE_INDICES),
     SETTINGS(struct microsoft_grid_settings, grid_attributes)},
    {MICROSOFT("Trilu", 1, 2, 1, TYPES_ALL, expand_trilu, OPERATOR_OTHER, ROLE_DATA, ROLE_CONTROL),
     SETTINGS(struct upper_settings, trilu_attributes)},
    {MICROSOFT("GatherND", 2, 2, 1, TYPES_ALL, expand_gather, OPERATOR_MOVES, ROLE_DATA, ROLE_INDICES)},
    {MICROSOFT("Pad", 2, 3, 1, TYPES_ALL, expand_pad, OPERATOR_OTHER, ROLE_DATA, ROLE_SHAPE, ROLE_CONTROL),
     SETTINGS(struct mode_settings, pad_attributes)},
    {MICROSOFT("ExpandDims", 2, 2, 1, TYPES_ALL, expand_dims, OPERATOR_MOVES, ROLE_DATA, ROLE_SHAPE)},
    {MICROSOFT("ConvTransposeWithDynamicPads", 2, 4, 1, TYPES_HELD_AS_FLOAT, expand_conv_transpose,
               OPERATOR_PRODUCT | OPERATOR_CONVOLUTION, ROLE_DATA, ROLE_WEIGHT, ROLE_SHAPE, ROLE_SHIFT),
     SETTINGS(struct transposed_settings, transposed_attributes)},
    {0},
};
