/* MaxRoiPool (ONNX 1, 22) and its gradient: regions [R,5] of image, x1, y1, x2, y2; every bin gives its largest cell.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

struct max_roi_pool {
    int64_t images, channels, height, width, regions, bins[2];
    float scale;
    const float *map, *rois, *dy;
    float *to;
};

static int read_max_roi_pool(const struct node *node, const struct shape *map, int64_t regions,
                             struct max_roi_pool *pool, struct error *error)
{
    int count;
    const int64_t *bins = node_ints(node, "pooled_shape", &count);
    *pool = (struct max_roi_pool){.regions = regions};
    if (count != 2 || bins[0] < 1 || bins[1] < 1)
        return error_set(error, ERROR_INPUT, "pooled_shape must be two numbers from 1");
    pool->images = map->dims[0];
    pool->channels = map->dims[1];
    pool->height = map->dims[2];
    pool->width = map->dims[3];
    memcpy(pool->bins, bins, sizeof pool->bins);
    pool->scale = node_float(node, "spatial_scale", 1);
    return 0;
}

static int infer_max_roi_pool(struct infer_context *context, struct error *error)
{
    const struct shape *map = &context->inputs[0]->shape, *rois = &context->inputs[1]->shape;
    struct max_roi_pool pool;
    if (map->rank != 4 || rois->rank != 2 || rois->dims[1] != 5)
        return error_set(error, ERROR_INPUT, "a map [N,C,H,W] and regions [R,5] do not fit together");
    if (operand_types(context, 1, error) || read_max_roi_pool(context->node, map, rois->dims[0], &pool, error))
        return -1;
    const int64_t dims[4] = {pool.regions, pool.channels, pool.bins[0], pool.bins[1]};
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
    struct max_roi_pool pool;
    if (read_max_roi_pool(context->node, &context->inputs[0]->shape, context->inputs[1]->shape.dims[0], &pool, error))
        return -1;
    pool.map = context->inputs[0]->data;
    pool.rois = context->inputs[1]->data;
    pool.to = context->outputs[0]->data;
    return run(context, &pool, error);
}

static int gradient_max_roi_pool(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    int count;
    const int64_t *bins = node_ints(node, "pooled_shape", &count);
    if (context->wanted[1])
        return error_set(error, ERROR_UNSUPPORTED, "it has no gradient with respect to its regions");
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "MaxRoiPoolGradient",
             EMIT_INPUTS(node->inputs[0], node->inputs[1], context->output_gradients[0]),
             EMIT_ATTRIBUTES(EMIT_INTS("pooled_shape", bins, count),
                             EMIT_FLOAT("spatial_scale", node_float(node, "spatial_scale", 1))),
             error);
    return context->input_gradients[0] ? 0 : -1;
}

static int compute_max_roi_pool_gradient(struct compute_context *context, struct error *error)
{
    struct max_roi_pool pool;
    if (read_max_roi_pool(context->node, &context->inputs[0]->shape, context->inputs[1]->shape.dims[0], &pool, error))
        return -1;
    pool.map = context->inputs[0]->data;
    pool.rois = context->inputs[1]->data;
    pool.dy = context->inputs[2]->data;
    pool.to = context->outputs[0]->data;
    memset(pool.to, 0, tensor_bytes(context->outputs[0]));
    return run(context, &pool, error);
}

/* Every region may be the whole map. */
static int64_t steps_max_roi_pool(const struct infer_context *context)
{
    return macs_product(context->inputs[1]->shape.dims[0], shape_product(&context->inputs[0]->shape, 1, 4));
}

const struct operator operators_max_roi_pool[] = {
    {.domain = "",
     .name = "MaxRoiPool",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_HELD_AS_FLOAT,
     .infer = infer_max_roi_pool,
     .compute = compute_max_roi_pool,
     .steps = steps_max_roi_pool,
     .gradient = gradient_max_roi_pool},
    {.domain = DOMAIN_INTERNAL,
     .name = "MaxRoiPoolGradient",
     .since = 1,
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_HELD_AS_FLOAT,
     .infer = infer_same,
     .compute = compute_max_roi_pool_gradient},
    {0},
};
