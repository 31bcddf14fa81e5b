/* MaxRoiPool (ONNX 1, 22) and its gradient: regions [R,5] of image, x1, y1, x2, y2; every bin gives its largest cell.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

struct max_roi_pool_settings {
    struct ints pooled_shape;
    float spatial_scale;
};

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct max_roi_pool_settings, pooled_shape), .required = true},
    {FLOAT_ATTRIBUTE(struct max_roi_pool_settings, spatial_scale, 1)},
    {0},
};

struct max_roi_pool {
    int64_t images, channels, height, width, regions, bins[2];
    float scale;
    const float *map, *rois, *dy;
    float *to;
};

static struct max_roi_pool pool_of(const struct compute_context *context)
{
    const struct max_roi_pool_settings *settings = context->node->settings;
    const struct shape *map = &context->inputs[0]->shape;
    const int64_t *bins = settings->pooled_shape.values;
    return (struct max_roi_pool){.images = map->dims[0],
                                 .channels = map->dims[1],
                                 .height = map->dims[2],
                                 .width = map->dims[3],
                                 .regions = context->inputs[1]->shape.dims[0],
                                 .bins = {bins[0], bins[1]},
                                 .scale = settings->spatial_scale,
                                 .map = context->inputs[0]->data,
                                 .rois = context->inputs[1]->data,
                                 .to = context->outputs[0]->data};
}

static int infer_max_roi_pool(struct infer_context *context, struct error *error)
{
    const struct shape *map = &context->inputs[0]->shape, *rois = &context->inputs[1]->shape;
    const struct max_roi_pool_settings *settings = context->node->settings;
    const struct ints bins = settings->pooled_shape;
    if (map->rank != 4 || rois->rank != 2 || rois->dims[1] != 5)
        return error_set(error, ERROR_INPUT, "a map [N,C,H,W] and regions [R,5] do not fit together");
    if (operand_types(context, 1, error))
        return -1;
    if (bins.count != 2 || bins.values[0] < 1 || bins.values[1] < 1)
        return error_set(error, ERROR_INPUT, "pooled_shape must be two numbers from 1");
    const int64_t dims[4] = {rois->dims[0], map->dims[1], bins.values[0], bins.values[1]};
    return infer_output(context, 0, context->inputs[0]->dtype, 4, dims, error);
}

/* The cells [begin, end) of a bin along both axes. */
static void bin_cells(const struct max_roi_pool *pool, const float *region, int64_t bin, int64_t begin[2],
                      int64_t end[2])
{
    const int64_t place[2] = {bin / pool->bins[1], bin % pool->bins[1]}, size[2] = {pool->height, pool->width};
    for (int axis = 0; axis < 2; axis++) { /* corners are x, y, x, y */
        double low = fmin(fmax(round((double)(region[2 - axis] * pool->scale)), -1e9), 1e9);
        double high = fmin(fmax(round((double)(region[4 - axis] * pool->scale)), -1e9), 1e9);
        double side = fmax(high - low + 1, 1) / (double)pool->bins[axis];
        double first = floor((double)place[axis] * side) + low, last = ceil((double)(place[axis] + 1) * side) + low;
        begin[axis] = (int64_t)fmin(fmax(first, 0), (double)size[axis]);
        end[axis] = (int64_t)fmin(fmax(last, 0), (double)size[axis]);
    }
}

/* The largest cell of a bin, -1 for one that holds none. */
static int64_t largest_cell(const struct max_roi_pool *pool, const float *region, const float *plane, int64_t bin)
{
    int64_t begin[2], end[2], best = -1;
    bin_cells(pool, region, bin, begin, end);
    for (int64_t y = begin[0]; y < end[0]; y++) {
        for (int64_t x = begin[1]; x < end[1]; x++) {
            int64_t at = y * pool->width + x;
            best = best < 0 || plane[at] > plane[best] ? at : best;
        }
    }
    return best;
}

static int check_regions(const struct max_roi_pool *pool, struct error *error)
{
    for (int64_t i = 0; i < pool->regions; i++) {
        float image = pool->rois[i * 5];
        if (!(image >= 0) || image >= (float)pool->images)
            return error_set(error, ERROR_INPUT, "region %" PRId64 " is of image %g, there are %" PRId64, i,
                             (double)image, pool->images);
        for (int k = 1; k < 5; k++) {
            if (isnan(pool->rois[i * 5 + k]))
                return error_set(error, ERROR_INPUT, "region %" PRId64 " has a corner that is no number", i);
        }
    }
    return 0;
}

/* Regions x channels, or of the gradient channels of all regions: regions overlap, channels do not. */
static void run_channels(void *argument, int64_t begin, int64_t end)
{
    const struct max_roi_pool *pool = argument;
    int64_t plane = pool->height * pool->width, bins = pool->bins[0] * pool->bins[1];
    for (int64_t channel = begin; channel < end; channel++) {
        for (int64_t i = 0; i < pool->regions; i++) {
            const float *region = pool->rois + i * 5;
            int64_t at = ((int64_t)region[0] * pool->channels + channel) * plane;
            for (int64_t bin = 0; bin < bins; bin++) {
                int64_t best = largest_cell(pool, region, pool->map + at, bin);
                int64_t out = (i * pool->channels + channel) * bins + bin;
                if (!pool->dy)
                    pool->to[out] = best < 0 ? 0 : pool->map[at + best];
                else if (best >= 0)
                    pool->to[at + best] += pool->dy[out];
            }
        }
    }
}

static int run(struct compute_context *context, struct max_roi_pool *pool, struct error *error)
{
    if (check_regions(pool, error))
        return -1;
    struct row_task task = {run_channels, pool};
    rows_run(context->pool, &task, pool->channels, pool->regions * pool->bins[0] * pool->bins[1] * 16);
    return 0;
}

static int compute_max_roi_pool(struct compute_context *context, struct error *error)
{
    struct max_roi_pool pool = pool_of(context);
    return run(context, &pool, error);
}

static int gradient_max_roi_pool(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct max_roi_pool_settings *settings = node->settings;
    const struct ints bins = settings->pooled_shape;
    if (context->wanted[1])
        return error_set(error, ERROR_UNSUPPORTED, "it has no gradient with respect to its regions");
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(context->graph, "MaxRoiPoolGradient",
                                       EMIT_INPUTS(node->inputs[0], node->inputs[1], context->output_gradients[0]),
                                       EMIT_ATTRIBUTES(EMIT_INTS("pooled_shape", bins.values, bins.count),
                                                       EMIT_FLOAT("spatial_scale", settings->spatial_scale)),
                                       error);
    return context->input_gradients[0] ? 0 : -1;
}

static int compute_max_roi_pool_gradient(struct compute_context *context, struct error *error)
{
    struct max_roi_pool pool = pool_of(context);
    pool.dy = context->inputs[2]->data;
    memset(pool.to, 0, tensor_bytes(context->outputs[0]));
    return run(context, &pool, error);
}

/* Every region may be the whole map. */
static int64_t steps_max_roi_pool(const struct infer_context *context)
{
    return macs_product(context->inputs[1]->shape.dims[0], shape_product(&context->inputs[0]->shape, 1, 4));
}

const struct operator_definition operators_max_roi_pool[] = {
    {.domain = "",
     .name = "MaxRoiPool",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_POOLS | OPERATOR_SELECTS,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct max_roi_pool_settings, attributes),
     .infer = infer_max_roi_pool,
     .compute = compute_max_roi_pool,
     .steps = steps_max_roi_pool,
     .gradient = gradient_max_roi_pool},
    {.domain = DOMAIN_INTERNAL,
     .name = "MaxRoiPoolGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_DATA},
     SETTINGS(struct max_roi_pool_settings, attributes),
     .infer = infer_same,
     .compute = compute_max_roi_pool_gradient},
    {0},
};
