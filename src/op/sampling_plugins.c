/* Interpolation of plugins: mmcv's and mmdeploy's grid_sampler, MMCVMultiScaleDeformableAttention and
 * TRTBicubicInterpolate (mmdeploy docs/en/06-custom-ops), TensorRT's ResizeNearest_TRT and
 * MultiscaleDeformableAttnPlugin_TRT (NVIDIA/TensorRT plugin/, READMEs and kernels). */
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

/* ---- grid_sampler ---- */

struct grid_sampler_settings {
    int64_t interpolation_mode, padding_mode;
    bool align_corners;
};
static const struct attribute_rule grid_attributes[] = {
    {INT_ATTRIBUTE(struct grid_sampler_settings, interpolation_mode, 0)},
    {INT_ATTRIBUTE(struct grid_sampler_settings, padding_mode, 0)},
    {FLAG_ATTRIBUTE(struct grid_sampler_settings, align_corners, 0)},
    {0},
};

static int expand_grid_sampler(struct expand_context *context, struct error *error)
{
    const struct grid_sampler_settings *settings = context->node->settings;
    return expansion_grid_sample(context, settings->interpolation_mode, settings->padding_mode, settings->align_corners,
                                 error);
}

/* ---- attention to a few places of several maps (Deformable DETR, Zhu et al. 2021) ---- */

enum { VALUE, SHAPES, STARTS, PLACES, WEIGHTS };

struct attended {
    int64_t images, heads, columns, queries, points;
};

/* Rows first .. of [N,S,M,D] as maps [N M,D,H,W]. */
static struct value *emit_map(struct expand_context *context, const struct attended *sizes, int64_t first,
                              int64_t height, int64_t width, struct error *error)
{
    static const int64_t order[4] = {0, 2, 3, 1};
    const int64_t dims[4] = {sizes->images * sizes->heads, sizes->columns, height, width};
    struct value *rows = emit_slice(context->graph, context->inputs[VALUE], 1, first, first + height * width, error);
    return emit_shaped(context->graph, emit_permuted(context->graph, rows, order, 4, error), 4, dims, error);
}

/* Level `level` of [N,Q,M,L,P,...] as [N M,Q,P,...]. */
static struct value *emit_level(struct graph *graph, struct value *all, const struct attended *sizes, int64_t level,
                                bool pairs, struct error *error)
{
    static const int64_t order[5] = {0, 2, 1, 3, 4};
    const int64_t dims[4] = {sizes->images * sizes->heads, sizes->queries, sizes->points, 2};
    struct value *own = emit_permuted(graph, emit_row(graph, all, 3, level, error), order, pairs ? 5 : 4, error);
    return emit_shaped(graph, own, pairs ? 4 : 3, dims, error);
}

/* [N M,D,Q]: of one level. */
static struct value *emit_level_sum(struct expand_context *context, const struct attended *sizes, int64_t level,
                                    struct value *map, struct error *error)
{
    static const int64_t channel = 1, last = 3;
    struct graph *graph = context->graph;
    struct value *grid = emit_level(graph, context->inputs[PLACES], sizes, level, true, error);
    struct value *weights = emit_level(graph, context->inputs[WEIGHTS], sizes, level, false, error);
    grid = emit_with_number(graph, "Sub", emit_with_number(graph, "Mul", grid, 2, error), 1, error);
    struct value *samples = emit_two(graph, "GridSample", map, grid, error);
    struct value *weighed = emit_two(graph, "Mul", samples, emit_axes_added(graph, weights, &channel, 1, error), error);
    struct value *axis = emit_int_list(graph, &last, 1, error);
    return weighed && axis
               ? emit(graph, "ReduceSum", EMIT_INPUTS(weighed, axis), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error)
               : NULL;
}

static int read_attended(const struct expand_context *context, struct attended *sizes, const struct tensor **shapes,
                         struct error *error)
{
    const struct shape *value = &context->inputs[VALUE]->shape, *places = &context->inputs[PLACES]->shape;
    const struct shape *weights = &context->inputs[WEIGHTS]->shape, *levels = &context->inputs[SHAPES]->shape;
    bool fits = value->rank == 4 && places->rank == 6 && weights->rank == 5 && levels->rank == 2 &&
                levels->dims[1] == 2 && places->dims[0] == value->dims[0] && places->dims[2] == value->dims[2] &&
                places->dims[3] == levels->dims[0] && places->dims[5] == 2 && levels->dims[0] >= 1;
    for (int i = 0; fits && i < 5; i++)
        fits = places->dims[i] == weights->dims[i];
    if (!fits || !dtype_is_integer(context->inputs[SHAPES]->dtype))
        return error_set(error, ERROR_INPUT,
                         "value [N,S,M,D], shapes [L,2], places [N,Q,M,L,P,2] and weights [N,Q,M,L,P] do not fit");
    if (!context->inputs[SHAPES]->constant)
        return error_set(error, ERROR_UNSUPPORTED, "the maps' sizes are only known when the model runs");
    *sizes = (struct attended){.images = value->dims[0],
                               .heads = value->dims[2],
                               .columns = value->dims[3],
                               .queries = places->dims[1],
                               .points = places->dims[4]};
    *shapes = constant_data(context->inputs[SHAPES]->constant, error);
    return *shapes ? 0 : -1;
}

/* All levels, [N M,D,Q]. */
static struct value *emit_attended(struct expand_context *context, const struct attended *sizes,
                                   const struct tensor *shapes, struct error *error)
{
    struct value *sum = NULL;
    int64_t first = 0, cells = context->inputs[VALUE]->shape.dims[1];
    for (int64_t level = 0; level < shapes->shape.dims[0]; level++) {
        int64_t height = tensor_int(shapes, 2 * level), width = tensor_int(shapes, 2 * level + 1);
        if (height < 1 || width < 1 || height > cells || width > cells || height * width > cells - first) {
            error_set(error, ERROR_INPUT, "the maps' sizes do not fit %lld rows", (long long)cells);
            return NULL;
        }
        struct value *map = emit_map(context, sizes, first, height, width, error);
        struct value *own = emit_level_sum(context, sizes, level, map, error);
        sum = level == 0 ? own : emit_two(context->graph, "Add", sum, own, error);
        if (!sum)
            return NULL;
        first += height * width;
    }
    return sum;
}

/* [N,Q,M,D], or [N,Q,M D] where `joined`. */
static int expand_attention(struct expand_context *context, bool joined, struct error *error)
{
    static const int64_t order[4] = {0, 3, 1, 2};
    struct graph *graph = context->graph;
    struct attended sizes = {0};
    const struct tensor *shapes = NULL;
    if (read_attended(context, &sizes, &shapes, error))
        return -1;
    const int64_t apart[4] = {sizes.images, sizes.heads, sizes.columns, sizes.queries};
    const int64_t rows[3] = {sizes.images, sizes.queries, sizes.heads * sizes.columns};
    struct value *y = emit_shaped(graph, emit_attended(context, &sizes, shapes, error), 4, apart, error);
    y = emit_permuted(graph, y, order, 4, error);
    return expansion_give(context, 0, joined ? emit_shaped(graph, y, 3, rows, error) : y);
}

static int expand_mmcv_attention(struct expand_context *context, struct error *error)
{
    return expand_attention(context, true, error);
}

static int expand_tensorrt_attention(struct expand_context *context, struct error *error)
{
    return expand_attention(context, false, error);
}

static const struct attribute_rule attention_attributes[] = {
    {IGNORED_ATTRIBUTE("im2col_step")},
    PLUGIN_ATTRIBUTES,
    {0},
};

/* ---- resizing ---- */

struct resize_plugin_settings {
    float scale;
    struct floats scale_factor;
    bool align_corners;
};
static const struct attribute_rule nearest_attributes[] = {
    {FLOAT_ATTRIBUTE(struct resize_plugin_settings, scale, 0), .required = true},
    PLUGIN_ATTRIBUTES,
    {0},
};
static const struct attribute_rule cubic_attributes[] = {
    {FLOATS_ATTRIBUTE(struct resize_plugin_settings, scale_factor), .required = true},
    {FLAG_ATTRIBUTE(struct resize_plugin_settings, align_corners, 1)},
    PLUGIN_ATTRIBUTES,
    {0},
};

static int resize(struct expand_context *context, const float scales[2], const char *mode, const char *transform,
                  struct error *error)
{
    struct graph *graph = context->graph;
    const struct shape *x = &context->inputs[0]->shape;
    int64_t sizes[4] = {0};
    if (x->rank != 4)
        return error_set(error, ERROR_INPUT, "the input must be a map [N,C,H,W]");
    for (int i = 0; i < 4; i++) {
        double size = (double)x->dims[i] * (i < 2 ? 1 : (double)scales[i - 2]);
        if (!(size >= 0) || size > (double)SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_INPUT, "a scale is out of range");
        sizes[i] = (int64_t)size;
    }
    struct value *list = emit_int_list(graph, sizes, 4, error);
    struct value *y = list ? emit(graph, "Resize", EMIT_INPUTS(context->inputs[0], NULL, NULL, list),
                                  EMIT_ATTRIBUTES(EMIT_STRING("mode", mode), EMIT_STRING("nearest_mode", "floor"),
                                                  EMIT_STRING("coordinate_transformation_mode", transform)),
                                  error)
                           : NULL;
    return expansion_give(context, 0, y);
}

static int expand_nearest(struct expand_context *context, struct error *error)
{
    const struct resize_plugin_settings *settings = context->node->settings;
    return resize(context, (const float[]){settings->scale, settings->scale}, "nearest", "asymmetric", error);
}

static int expand_cubic(struct expand_context *context, struct error *error)
{
    const struct resize_plugin_settings *settings = context->node->settings;
    if (settings->scale_factor.count != 2)
        return error_set(error, ERROR_INPUT, "scale_factor must hold two numbers");
    return resize(context, settings->scale_factor.values, "cubic",
                  settings->align_corners ? "align_corners" : "half_pixel", error);
}

#define EXPANDED(domain_, name_, any_, least_, most_, settings_, attributes_, traits_, expand_, ...)                   \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = 1, .any_domain = any_, ARITY(least_, most_, 1, 1),                  \
        .types = TYPES_HELD_AS_FLOAT, .traits = traits_, .roles = {__VA_ARGS__}, SETTINGS(settings_, attributes_),     \
        .infer = expansion_infer, .compute = expansion_compute, .expand = expand_                                      \
    }
#define PLACED(domain_, name_, expand_)                                                                                \
    EXPANDED(domain_, name_, true, 5, 5, char, attention_attributes, OPERATOR_OTHER, expand_, ROLE_DATA, ROLE_SHAPE,   \
             ROLE_SHAPE, ROLE_INDICES, ROLE_FACTOR)
#define RESIZED(domain_, name_, attributes_, expand_)                                                                  \
    EXPANDED(domain_, name_, true, 1, 1, struct resize_plugin_settings, attributes_, OPERATOR_RESAMPLES, expand_,      \
             ROLE_DATA)

const struct operator_definition operators_sampling_plugins[] = {
    EXPANDED("mmdeploy", "grid_sampler", false, 2, 2, struct grid_sampler_settings, grid_attributes, OPERATOR_OTHER,
             expand_grid_sampler, ROLE_DATA, ROLE_INDICES),
    PLACED("mmdeploy", "MMCVMultiScaleDeformableAttention", expand_mmcv_attention),
    PLACED("TRT", "MultiscaleDeformableAttnPlugin_TRT", expand_tensorrt_attention),
    RESIZED("TRT", "ResizeNearest_TRT", nearest_attributes, expand_nearest),
    RESIZED("mmdeploy", "TRTBicubicInterpolate", cubic_attributes, expand_cubic),
    {0},
};
