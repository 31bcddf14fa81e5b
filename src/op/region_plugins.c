/* Regions of maps, as plugins pool them: MMCVRoiAlign and MMCVMultiLevelRoiAlign of mmcv and mmdeploy (mmdeploy
 * docs/en/06-custom-ops), TensorRT's ROIAlign_TRT (NVIDIA/TensorRT plugin/roiAlignPlugin), each made of RoiAlign. */
#include <math.h>

#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

enum pool_word { POOL_AVERAGE, POOL_MAX };
static const char *const pool_words[] = {"avg", "max", NULL};

struct region_settings {
    int64_t output_height, output_width, sampling_ratio, pool_mode, finest_scale, mode_number;
    int64_t coordinate_transformation_mode;
    float spatial_scale, roi_scale_factor;
    struct floats featmap_strides;
    enum pool_word mode;
    bool aligned;
};
#define REGION_ATTRIBUTES                                                                                              \
    {INT_ATTRIBUTE(struct region_settings, output_height, 1)},                                                         \
        {INT_ATTRIBUTE(struct region_settings, output_width, 1)},                                                      \
        {INT_ATTRIBUTE(struct region_settings, sampling_ratio, 0)}, PLUGIN_ATTRIBUTES

static const struct attribute_rule region_attributes[] = {
    REGION_ATTRIBUTES,
    {FLOAT_ATTRIBUTE(struct region_settings, spatial_scale, 1)},
    {WORD_ATTRIBUTE(struct region_settings, mode, POOL_AVERAGE, pool_words)},
    {FLAG_ATTRIBUTE(struct region_settings, aligned, 1)},
    {0},
};
static const struct attribute_rule level_attributes[] = {
    REGION_ATTRIBUTES,
    {INT_ATTRIBUTE(struct region_settings, pool_mode, 1)}, /* 0: max */
    {INT_ATTRIBUTE(struct region_settings, finest_scale, 56)},
    {FLOAT_ATTRIBUTE(struct region_settings, roi_scale_factor, 1)},
    {FLOATS_ATTRIBUTE(struct region_settings, featmap_strides), .required = true},
    {FLAG_ATTRIBUTE(struct region_settings, aligned, 1)},
    {0},
};
static const struct attribute_rule tensorrt_region_attributes[] = {
    REGION_ATTRIBUTES,
    {FLOAT_ATTRIBUTE(struct region_settings, spatial_scale, 1)},
    {.name = "mode", .form = SETTING_INT, .offset = offsetof(struct region_settings, pool_mode), .number = 1},
    {INT_ATTRIBUTE(struct region_settings, coordinate_transformation_mode, 1)},
    {0},
};

/* The plugins take the largest sample of a bin, ONNX's RoiAlign the largest weighted cell. */
static int refuse_largest(bool largest, struct error *error)
{
    return largest
               ? error_set(error, ERROR_UNSUPPORTED, "the largest of a region's samples (mode max) is not supported")
               : 0;
}

static struct value *emit_regions(struct graph *graph, const struct region_settings *settings, struct value *map,
                                  struct value *corners, struct value *images, float scale, bool aligned,
                                  struct error *error)
{
    if (!map || !corners || !images)
        return NULL;
    return emit(
        graph, "RoiAlign", EMIT_INPUTS(map, corners, images),
        EMIT_ATTRIBUTES(EMIT_STRING("coordinate_transformation_mode", aligned ? "half_pixel" : "output_half_pixel"),
                        EMIT_INT("output_height", settings->output_height),
                        EMIT_INT("output_width", settings->output_width),
                        EMIT_INT("sampling_ratio", settings->sampling_ratio), EMIT_FLOAT("spatial_scale", scale)),
        error);
}

static int check_rois(const struct value *rois, struct error *error)
{
    if (rois->shape.rank != 2 || rois->shape.dims[1] != 5)
        return error_set(error, ERROR_INPUT, "regions must be [R,5]: image, x, y, x, y");
    return 0;
}

static struct value *emit_images(struct graph *graph, struct value *rois, struct error *error)
{
    return emit_cast(graph, emit_row(graph, rois, 1, 0, error), DTYPE_INT64, error);
}

static int expand_mmcv_regions(struct expand_context *context, struct error *error)
{
    const struct region_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *rois = context->inputs[1];
    if (refuse_largest(settings->mode == POOL_MAX, error) || check_rois(rois, error))
        return -1;
    return expansion_give(context, 0,
                          emit_regions(graph, settings, context->inputs[0], emit_slice(graph, rois, 1, 1, 5, error),
                                       emit_images(graph, rois, error), settings->spatial_scale, settings->aligned,
                                       error));
}

static int expand_tensorrt_regions(struct expand_context *context, struct error *error)
{
    const struct region_settings *settings = context->node->settings;
    if (refuse_largest(settings->pool_mode == 0, error))
        return -1;
    return expansion_give(context, 0,
                          emit_regions(context->graph, settings, context->inputs[0], context->inputs[1],
                                       emit_cast(context->graph, context->inputs[2], DTYPE_INT64, error),
                                       settings->spatial_scale, settings->coordinate_transformation_mode != 0, error));
}

/* ---- regions of several levels: the larger, the coarser ---- */

/* Sides as rows 1 .. 4 of [R,5] go: x, y, x, y. */
static void emit_sides(struct graph *graph, struct value *rois, struct value *sides[4], struct error *error)
{
    for (int i = 0; i < 4; i++)
        sides[i] = emit_row(graph, rois, 1, 1 + i, error);
}

/* [R,4], each region larger by `factor` around its centre, in pixels with both ends. */
static struct value *emit_scaled(struct graph *graph, struct value *sides[4], double factor, struct error *error)
{
    static const int64_t last = 1;
    struct value *parts[4];
    for (int axis = 0; axis < 2; axis++) {
        struct value *sum = emit_two(graph, "Add", sides[axis], sides[2 + axis], error);
        struct value *centre = emit_with_number(graph, "Mul", sum, 0.5, error);
        struct value *size = emit_two(graph, "Sub", sides[2 + axis], sides[axis], error);
        size = emit_with_number(graph, "Add", size, 1, error);
        size = emit_with_number(graph, "Mul", size, factor / 2, error);
        size = emit_with_number(graph, "Sub", size, 0.5, error);
        parts[axis] = emit_axes_added(graph, emit_two(graph, "Sub", centre, size, error), &last, 1, error);
        parts[2 + axis] = emit_axes_added(graph, emit_two(graph, "Add", centre, size, error), &last, 1, error);
    }
    if (!parts[0] || !parts[1] || !parts[2] || !parts[3])
        return NULL;
    return emit(graph, "Concat", parts, 4, EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), error);
}

/* sqrt(width height) / finest_scale + 1e-6, [R,1,1,1]: level i from 2^i on. */
static struct value *emit_relative_size(struct graph *graph, struct value *sides[4], double finest, struct error *error)
{
    static const int64_t axes[3] = {1, 2, 3};
    struct value *width = emit_two(graph, "Sub", sides[2], sides[0], error);
    struct value *height = emit_two(graph, "Sub", sides[3], sides[1], error);
    struct value *side = emit_one(graph, "Sqrt", emit_two(graph, "Mul", width, height, error), error);
    side = emit_with_number(graph, "Div", side, finest, error);
    return emit_axes_added(graph, emit_with_number(graph, "Add", side, 1e-6, error), axes, 3, error);
}

static int expand_levels(struct expand_context *context, struct error *error)
{
    const struct region_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *rois = context->inputs[0], *sides[4], *y = NULL;
    int levels = context->input_count - 1;
    if (refuse_largest(settings->pool_mode == 0, error) || check_rois(rois, error))
        return -1;
    if (settings->featmap_strides.count < levels || settings->finest_scale < 1)
        return error_set(error, ERROR_INPUT, "featmap_strides or finest_scale does not fit the %d levels", levels);
    emit_sides(graph, rois, sides, error);
    struct value *images = emit_images(graph, rois, error);
    struct value *corners = settings->roi_scale_factor > 0
                                ? emit_scaled(graph, sides, (double)settings->roi_scale_factor, error)
                                : emit_slice(graph, rois, 1, 1, 5, error);
    struct value *size = emit_relative_size(graph, sides, (double)settings->finest_scale, error);
    for (int i = 0; i < levels; i++) {
        struct value *level = emit_regions(graph, settings, context->inputs[1 + i], corners, images,
                                           1 / settings->featmap_strides.values[i], settings->aligned, error);
        struct value *from = i > 0 ? emit_with_number(graph, "GreaterOrEqual", size, exp2(i), error) : NULL;
        if (i == 0)
            y = level;
        else
            y = from && level && y ? emit(graph, "Where", EMIT_INPUTS(from, level, y), EMIT_NO_ATTRIBUTES, error)
                                   : NULL;
    }
    return expansion_give(context, 0, y);
}

#define REGIONS(domain_, name_, least_, most_, attributes_, expand_, ...)                                              \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = 1, .any_domain = true, ARITY(least_, most_, 1, 1),                  \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_POOLS, .roles = {__VA_ARGS__},                                \
        SETTINGS(struct region_settings, attributes_), .infer = expansion_infer, .compute = expansion_compute,         \
        .expand = expand_                                                                                              \
    }

const struct operator_definition operators_region_plugins[] = {
    REGIONS("mmdeploy", "MMCVRoiAlign", 2, 2, region_attributes, expand_mmcv_regions, ROLE_DATA, ROLE_INDICES),
    REGIONS("mmdeploy", "MMCVRoIAlign", 2, 2, region_attributes, expand_mmcv_regions, ROLE_DATA, ROLE_INDICES),
    REGIONS("mmdeploy", "MMCVMultiLevelRoiAlign", 2, 17, level_attributes, expand_levels, ROLE_INDICES, ROLE_DATA),
    REGIONS("TRT", "ROIAlign_TRT", 3, 3, tensorrt_region_attributes, expand_tensorrt_regions, ROLE_DATA, ROLE_INDICES,
            ROLE_INDICES),
    {0},
};
