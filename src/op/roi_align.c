/* RoiAlign (ONNX 10, 16, 22) and its gradient. Mode "max" takes the largest weighted tap of the bilinear samples, as
 * ONNX's reference data does, not the largest sample. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

#define LARGEST_GRID 4096 /* samples along a bin's side: beyond, the region's corners are no coordinates */

enum roi_mode { ROI_AVERAGE, ROI_MAX };
enum roi_transform { ROI_HALF_PIXEL, ROI_OUTPUT_HALF_PIXEL };
static const char *const modes[] = {"avg", "max", NULL};
static const char *const transforms[] = {"half_pixel", "output_half_pixel", NULL};

struct roi_align_settings {
    enum roi_mode mode;
    enum roi_transform coordinate_transformation_mode;
    bool transform_given;
    int64_t output_height, output_width, sampling_ratio;
    float spatial_scale;
};

static const struct attribute_rule attributes[] = {
    {WORD_ATTRIBUTE(struct roi_align_settings, mode, ROI_AVERAGE, modes)},
    {WORD_ATTRIBUTE(struct roi_align_settings, coordinate_transformation_mode, ROI_HALF_PIXEL, transforms),
     .given = offsetof(struct roi_align_settings, transform_given), .since = 16},
    {INT_ATTRIBUTE(struct roi_align_settings, output_height, 1)},
    {INT_ATTRIBUTE(struct roi_align_settings, output_width, 1)},
    {INT_ATTRIBUTE(struct roi_align_settings, sampling_ratio, 0)},
    {FLOAT_ATTRIBUTE(struct roi_align_settings, spatial_scale, 1)},
    {0},
};

struct roi_align {
    int64_t images, channels, height, width, regions, rows, columns;
    int64_t sampling;
    float scale, offset;
    bool at_least_one, max;
    const float *rois, *from; /* from: the map, or dy */
    const struct tensor *batch;
    const float *map; /* of the gradient in mode "max" */
    float *to;
};

/* Before opset 16 there was no shift by half a pixel. */
static enum roi_transform transform_of(const struct node *node)
{
    const struct roi_align_settings *settings = node->settings;
    return settings->transform_given || node->opset >= 16 ? settings->coordinate_transformation_mode
                                                          : ROI_OUTPUT_HALF_PIXEL;
}

/* All but the operands' elements. */
static struct roi_align roi_align_of(const struct node *node, const struct shape *map, int64_t regions)
{
    const struct roi_align_settings *settings = node->settings;
    bool half = transform_of(node) == ROI_HALF_PIXEL;
    return (struct roi_align){.images = map->dims[0],
                              .channels = map->dims[1],
                              .height = map->dims[2],
                              .width = map->dims[3],
                              .regions = regions,
                              .rows = settings->output_height,
                              .columns = settings->output_width,
                              .sampling = settings->sampling_ratio,
                              .scale = settings->spatial_scale,
                              .offset = half ? 0.5f : 0,
                              .at_least_one = !half,
                              .max = settings->mode == ROI_MAX};
}

static int infer_roi_align(struct infer_context *context, struct error *error)
{
    const struct shape *map = &context->inputs[0]->shape, *rois = &context->inputs[1]->shape;
    const struct shape *batch = &context->inputs[2]->shape;
    const struct roi_align_settings *settings = context->node->settings;
    if (map->rank != 4 || rois->rank != 2 || rois->dims[1] != 4 || batch->rank != 1 || batch->dims[0] != rois->dims[0])
        return error_set(error, ERROR_INPUT, "a map [N,C,H,W], regions [R,4] and their images [R] do not fit together");
    if (context->inputs[2]->dtype != DTYPE_INT64 || dtype_storage(context->inputs[1]->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT, "regions must be floats, their images int64");
    if (rois->dims[0] > 0 && (map->dims[2] < 1 || map->dims[3] < 1))
        return error_set(error, ERROR_INPUT, "the map is empty");
    if (settings->output_height < 1 || settings->output_width < 1 || settings->sampling_ratio < 0 ||
        settings->sampling_ratio > LARGEST_GRID)
        return error_set(error, ERROR_INPUT, "output_height, output_width or sampling_ratio is out of range");
    const int64_t dims[4] = {rois->dims[0], map->dims[1], settings->output_height, settings->output_width};
    return infer_output(context, 0, context->inputs[0]->dtype, 4, dims, error);
}

/* One region over the map: its corner, the size of a bin, the samples per bin. */
struct region {
    float start[2], bin[2];
    int64_t grid[2], image;
};

static int read_region(const struct roi_align *roi, int64_t index, struct region *region, struct error *error)
{
    const float *corners = roi->rois + index * 4;
    const int64_t bins[2] = {roi->rows, roi->columns};
    region->image = tensor_int(roi->batch, index);
    if (region->image < 0 || region->image >= roi->images)
        return error_set(error, ERROR_INPUT, "region %" PRId64 " is of image %" PRId64 ", there are %" PRId64, index,
                         region->image, roi->images);
    for (int axis = 0; axis < 2; axis++) { /* corners are x, y, x, y */
        float start = corners[1 - axis] * roi->scale - roi->offset;
        float size = corners[3 - axis] * roi->scale - roi->offset - start;
        size = roi->at_least_one ? fmaxf(size, 1) : size;
        region->start[axis] = start;
        region->bin[axis] = size / (float)bins[axis];
        float grid = roi->sampling > 0 ? (float)roi->sampling : ceilf(size / (float)bins[axis]);
        if (!(fabsf(start) < 1e9f) || !(grid <= LARGEST_GRID))
            return error_set(error, ERROR_INPUT, "region %" PRId64 " is too large for its map", index);
        region->grid[axis] = grid > 0 ? (int64_t)grid : 0;
    }
    return 0;
}

/* The four cells around a place and their weights; all weights 0 outside the map. */
struct taps {
    int64_t at[4];
    float weight[4];
};

static bool clamp_place(float place, int64_t size, int64_t *low, int64_t *high, float *after)
{
    if (!(place >= -1) || place > (float)size)
        return false;
    place = fmaxf(place, 0);
    *low = (int64_t)place;
    *after = place - (float)*low;
    if (*low >= size - 1) {
        *low = size - 1;
        *after = 0;
    }
    *high = *low + 1 < size ? *low + 1 : *low;
    return true;
}

static struct taps taps_at(const struct roi_align *roi, float y, float x)
{
    struct taps taps = {{0}, {0}};
    int64_t top, bottom, left, right;
    float below, beside;
    if (!clamp_place(y, roi->height, &top, &bottom, &below) || !clamp_place(x, roi->width, &left, &right, &beside))
        return taps;
    taps = (struct taps){
        {top * roi->width + left, top * roi->width + right, bottom * roi->width + left, bottom * roi->width + right},
        {(1 - below) * (1 - beside), (1 - below) * beside, below * (1 - beside), below * beside}};
    return taps;
}

static struct taps sample_taps(const struct roi_align *roi, const struct region *region, int64_t bin, int64_t sample)
{
    const int64_t row = bin / roi->columns, column = bin % roi->columns;
    const int64_t iy = sample / region->grid[1], ix = sample % region->grid[1];
    float y =
        region->start[0] + (float)row * region->bin[0] + ((float)iy + 0.5f) * region->bin[0] / (float)region->grid[0];
    float x = region->start[1] + (float)column * region->bin[1] +
              ((float)ix + 0.5f) * region->bin[1] / (float)region->grid[1];
    return taps_at(roi, y, x);
}

/* Planes that share the places of a bin's samples, which take longer to find than to read. */
#define PLANES 64

/* One bin of so many planes, PLANES at most, each summed in the order of the samples. */
static void average_bin(const struct roi_align *roi, const struct region *region, const float *from, int64_t planes,
                        int64_t bin, float *to)
{
    int64_t samples = region->grid[0] * region->grid[1], plane = roi->height * roi->width;
    float sums[PLANES] = {0};
    for (int64_t sample = 0; sample < samples; sample++) {
        struct taps taps = sample_taps(roi, region, bin, sample);
        for (int64_t c = 0; c < planes; c++) {
            for (int i = 0; i < 4; i++)
                sums[c] += taps.weight[i] * from[c * plane + taps.at[i]];
        }
    }
    for (int64_t c = 0; c < planes; c++)
        to[c * roi->rows * roi->columns + bin] = samples > 0 ? sums[c] / (float)samples : 0;
}

/* The largest weighted tap of a bin: its cell and weight; its product is returned. */
static float largest_tap(const struct roi_align *roi, const struct region *region, const float *plane, int64_t bin,
                         int64_t *at, float *weight)
{
    float best = 0;
    bool first = true;
    *at = 0;
    *weight = 0;
    for (int64_t sample = 0; sample < region->grid[0] * region->grid[1]; sample++) {
        struct taps taps = sample_taps(roi, region, bin, sample);
        for (int i = 0; i < 4; i++) {
            float product = taps.weight[i] * plane[taps.at[i]];
            if (first || product > best) {
                best = product;
                *at = taps.at[i];
                *weight = taps.weight[i];
                first = false;
            }
        }
    }
    return best;
}

/* Blocks of planes of regions. */
static void run_regions(void *argument, int64_t begin, int64_t end)
{
    const struct roi_align *roi = argument;
    int64_t plane = roi->height * roi->width, bins = roi->rows * roi->columns, at;
    int64_t blocks = (roi->channels + PLANES - 1) / PLANES;
    float weight;
    for (int64_t i = begin; i < end; i++) {
        struct region region;
        int64_t first = i % blocks * PLANES, planes = int64_min(PLANES, roi->channels - first);
        read_region(roi, i / blocks, &region, NULL);
        const float *from = roi->from + (region.image * roi->channels + first) * plane;
        float *to = roi->to + (i / blocks * roi->channels + first) * bins;
        for (int64_t bin = 0; bin < bins; bin++) {
            if (!roi->max)
                average_bin(roi, &region, from, planes, bin, to);
            for (int64_t c = 0; roi->max && c < planes; c++)
                to[c * bins + bin] = largest_tap(roi, &region, from + c * plane, bin, &at, &weight);
        }
    }
}

static int check_regions(const struct roi_align *roi, struct error *error)
{
    struct region region;
    for (int64_t i = 0; i < roi->regions; i++) {
        if (read_region(roi, i, &region, error))
            return -1;
    }
    return 0;
}

static int compute_roi_align(struct compute_context *context, struct error *error)
{
    struct roi_align roi = roi_align_of(context->node, &context->inputs[0]->shape, context->inputs[1]->shape.dims[0]);
    roi.from = context->inputs[0]->data;
    roi.rois = context->inputs[1]->data;
    roi.batch = context->inputs[2];
    roi.to = context->outputs[0]->data;
    if (check_regions(&roi, error))
        return -1;
    struct row_task task = {run_regions, &roi};
    rows_run(context->pool, &task, roi.regions * ((roi.channels + PLANES - 1) / PLANES),
             roi.rows * roi.columns * 16 * PLANES);
    return 0;
}

/* ---- RoiAlignGradient(dy, rois, batch_indices, x): dx ---- */

static int gradient_roi_align(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0];
    if (context->wanted[1])
        return error_set(error, ERROR_UNSUPPORTED, "it has no gradient with respect to its regions");
    if (!dy || !context->wanted[0])
        return 0;
    const struct roi_align_settings *settings = node->settings;
    context->input_gradients[0] =
        emit(context->graph, "RoiAlignGradient", EMIT_INPUTS(dy, node->inputs[1], node->inputs[2], node->inputs[0]),
             EMIT_ATTRIBUTES(EMIT_STRING("mode", modes[settings->mode]),
                             EMIT_STRING("coordinate_transformation_mode", transforms[transform_of(node)]),
                             EMIT_INT("output_height", settings->output_height),
                             EMIT_INT("output_width", settings->output_width),
                             EMIT_INT("sampling_ratio", settings->sampling_ratio),
                             EMIT_FLOAT("spatial_scale", settings->spatial_scale)),
             error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_roi_align_gradient(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[3]->shape;
    return infer_output(context, 0, context->inputs[3]->dtype, x->rank, x->dims, error);
}

static void spread_bin(const struct roi_align *roi, const struct region *region, const float *map, int64_t bin,
                       float dy, float *to)
{
    int64_t samples = region->grid[0] * region->grid[1], at;
    float weight;
    if (roi->max) {
        largest_tap(roi, region, map, bin, &at, &weight);
        to[at] += weight * dy;
        return;
    }
    for (int64_t sample = 0; sample < samples; sample++) {
        struct taps taps = sample_taps(roi, region, bin, sample);
        for (int i = 0; i < 4; i++)
            to[taps.at[i]] += taps.weight[i] * dy / (float)samples;
    }
}

/* A channel at a time: regions overlap, channels do not. */
static void run_channels(void *argument, int64_t begin, int64_t end)
{
    const struct roi_align *roi = argument;
    int64_t plane = roi->height * roi->width, bins = roi->rows * roi->columns;
    for (int64_t channel = begin; channel < end; channel++) {
        for (int64_t i = 0; i < roi->regions; i++) {
            struct region region;
            read_region(roi, i, &region, NULL);
            int64_t at = (region.image * roi->channels + channel) * plane;
            const float *dy = roi->from + (i * roi->channels + channel) * bins;
            for (int64_t bin = 0; bin < bins; bin++)
                spread_bin(roi, &region, roi->map + at, bin, dy[bin], roi->to + at);
        }
    }
}

static int compute_roi_align_gradient(struct compute_context *context, struct error *error)
{
    struct roi_align roi = roi_align_of(context->node, &context->inputs[3]->shape, context->inputs[1]->shape.dims[0]);
    roi.from = context->inputs[0]->data;
    roi.rois = context->inputs[1]->data;
    roi.batch = context->inputs[2];
    roi.map = context->inputs[3]->data;
    roi.to = context->outputs[0]->data;
    if (check_regions(&roi, error))
        return -1;
    memset(roi.to, 0, tensor_bytes(context->outputs[0]));
    struct row_task task = {run_channels, &roi};
    rows_run(context->pool, &task, roi.channels, roi.regions * roi.rows * roi.columns * 16);
    return 0;
}

/* The samples of every bin. */
static int64_t steps_roi_align(const struct infer_context *context)
{
    const struct roi_align_settings *settings = context->node->settings;
    int64_t side = settings->sampling_ratio > 0 ? settings->sampling_ratio : LARGEST_GRID;
    return macs_product(shape_count(&context->outputs[0].shape), macs_product(side, side));
}

const struct operator_definition operators_roi_align[] = {
    {.domain = "",
     .name = "RoiAlign",
     .since = 10,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_POOLS,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct roi_align_settings, attributes),
     .infer = infer_roi_align,
     .compute = compute_roi_align,
     .steps = steps_roi_align,
     .gradient = gradient_roi_align},
    {.domain = DOMAIN_INTERNAL,
     .name = "RoiAlignGradient",
     .since = 1,
     ARITY(4, 4, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_INDICES, ROLE_DATA},
     SETTINGS(struct roi_align_settings, attributes),
     .infer = infer_roi_align_gradient,
     .compute = compute_roi_align_gradient},
    {0},
};
