/* GridSample (ONNX 16, 20, 22) over one to three spatial axes, and its gradients. */
#include <string.h>

#include "base/number.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/grid_taps.h"
#include "op/operand.h"

static const char *const modes[] = {"linear", "nearest", "cubic", "bilinear", "bicubic", NULL};
static const char *const paddings[] = {"zeros", "border", "reflection", NULL};

static const struct attribute_rule attributes[] = {
    {WORD_ATTRIBUTE(struct grid_sample_settings, mode, GRID_WORD_LINEAR, modes)},
    {WORD_ATTRIBUTE(struct grid_sample_settings, padding_mode, GRID_ZEROS, paddings)},
    {FLAG_ATTRIBUTE(struct grid_sample_settings, align_corners, 0)},
    {0},
};

static int infer_grid_sample(struct infer_context *context, struct error *error)
{
    const struct shape *map = &context->inputs[0]->shape, *grid = &context->inputs[1]->shape;
    struct grid_sampling sampling;
    int64_t dims[SHAPE_MAX_RANK] = {0};
    if (dtype_storage(context->inputs[1]->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_UNSUPPORTED, "the grid must be float");
    if (grid_sampling_read(context->node->settings, map, grid, &sampling, error))
        return -1;
    dims[0] = map->dims[0];
    dims[1] = map->dims[1];
    for (int i = 0; i < sampling.axes; i++)
        dims[2 + i] = grid->dims[1 + i];
    return infer_output(context, 0, context->inputs[0]->dtype, map->rank, dims, error);
}

/* What a task works on; `channel_block` of the input gradient. */
struct grid_work {
    struct grid_sampling sampling;
    const float *map, *grid, *dy;
    float *to;
    int64_t channel_block, blocks;
};

static const float *place_of(const struct grid_work *work, int64_t image, int64_t point)
{
    return work->grid + (image * work->sampling.points + point) * work->sampling.axes;
}

/* Points of all images. */
static void run_forward(void *argument, int64_t begin, int64_t end)
{
    const struct grid_work *work = argument;
    const struct grid_sampling *sampling = &work->sampling;
    struct grid_taps taps;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / sampling->points, point = i % sampling->points;
        grid_taps_at(sampling, place_of(work, image, point), false, &taps);
        for (int64_t c = image * sampling->channels; c < (image + 1) * sampling->channels; c++) {
            const float *plane = work->map + c * sampling->plane;
            float sum = 0;
            for (int tap = 0; tap < taps.count; tap++)
                sum += taps.weight[tap] * plane[taps.at[tap]];
            work->to[c * sampling->points + point] = sum;
        }
    }
}

static int compute_grid_sample(struct compute_context *context, struct error *error)
{
    struct grid_work work = {
        .map = context->inputs[0]->data, .grid = context->inputs[1]->data, .to = context->outputs[0]->data};
    if (grid_sampling_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape,
                           &work.sampling, error))
        return -1;
    struct row_task task = {run_forward, &work};
    rows_run(context->pool, &task, work.sampling.images * work.sampling.points, 64 + work.sampling.channels * 8);
    return 0;
}

/* ---- GridSampleInputGradient(dy, x, grid), GridSampleGridGradient(dy, x, grid) ---- */

static int gradient_grid_sample(struct gradient_context *context, struct error *error)
{
    static const char *const names[] = {"GridSampleInputGradient", "GridSampleGridGradient"};
    struct node *node = context->node;
    const struct grid_sample_settings *settings = node->settings;
    for (int i = 0; i < 2; i++) {
        if (!context->output_gradients[0] || !context->wanted[i])
            continue;
        context->input_gradients[i] =
            emit(context->graph, names[i], EMIT_INPUTS(context->output_gradients[0], node->inputs[0], node->inputs[1]),
                 EMIT_ATTRIBUTES(EMIT_STRING("mode", modes[settings->mode]),
                                 EMIT_STRING("padding_mode", paddings[settings->padding_mode]),
                                 EMIT_INT("align_corners", settings->align_corners)),
                 error);
        if (!context->input_gradients[i])
            return -1;
    }
    return 0;
}

static int infer_as_input(struct infer_context *context, int input, struct error *error)
{
    const struct tensor *like = context->inputs[input];
    return infer_output(context, 0, like->dtype, like->shape.rank, like->shape.dims, error);
}

static int infer_input_gradient(struct infer_context *context, struct error *error)
{
    return infer_as_input(context, 1, error);
}

static int infer_grid_gradient(struct infer_context *context, struct error *error)
{
    return infer_as_input(context, 2, error);
}

/* Blocks of channels of all images: samples share cells, channels do not. */
static void run_input_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct grid_work *work = argument;
    const struct grid_sampling *sampling = &work->sampling;
    struct grid_taps taps;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / work->blocks, first = i % work->blocks * work->channel_block;
        int64_t last = int64_min(first + work->channel_block, sampling->channels);
        for (int64_t point = 0; point < sampling->points; point++) {
            grid_taps_at(sampling, place_of(work, image, point), false, &taps);
            for (int64_t c = image * sampling->channels + first; c < image * sampling->channels + last; c++) {
                float dy = work->dy[c * sampling->points + point], *plane = work->to + c * sampling->plane;
                for (int tap = 0; tap < taps.count; tap++)
                    plane[taps.at[tap]] += taps.weight[tap] * dy;
            }
        }
    }
}

static void run_grid_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct grid_work *work = argument;
    const struct grid_sampling *sampling = &work->sampling;
    struct grid_taps taps;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / sampling->points, point = i % sampling->points;
        float sums[GRID_AXES] = {0};
        grid_taps_at(sampling, place_of(work, image, point), true, &taps);
        for (int64_t c = image * sampling->channels; c < (image + 1) * sampling->channels; c++) {
            const float *plane = work->map + c * sampling->plane;
            float dy = work->dy[c * sampling->points + point];
            for (int axis = 0; axis < sampling->axes; axis++) {
                for (int tap = 0; tap < taps.count; tap++)
                    sums[axis] += dy * taps.slope[axis][tap] * plane[taps.at[tap]];
            }
        }
        memcpy(work->to + i * sampling->axes, sums, (size_t)sampling->axes * sizeof *sums);
    }
}

static int begin_gradient(struct compute_context *context, struct grid_work *work, struct error *error)
{
    *work = (struct grid_work){.dy = context->inputs[0]->data,
                               .map = context->inputs[1]->data,
                               .grid = context->inputs[2]->data,
                               .to = context->outputs[0]->data};
    return grid_sampling_read(context->node->settings, &context->inputs[1]->shape, &context->inputs[2]->shape,
                              &work->sampling, error);
}

static int compute_input_gradient(struct compute_context *context, struct error *error)
{
    struct grid_work work;
    if (begin_gradient(context, &work, error))
        return -1;
    work.channel_block = 16;
    work.blocks = (work.sampling.channels + work.channel_block - 1) / work.channel_block;
    memset(work.to, 0, tensor_bytes(context->outputs[0]));
    struct row_task task = {run_input_gradient, &work};
    rows_run(context->pool, &task, work.sampling.images * work.blocks, work.sampling.points * 128);
    return 0;
}

static int compute_grid_gradient(struct compute_context *context, struct error *error)
{
    struct grid_work work;
    if (begin_gradient(context, &work, error))
        return -1;
    struct row_task task = {run_grid_gradient, &work};
    rows_run(context->pool, &task, work.sampling.images * work.sampling.points, 64 + work.sampling.channels * 16);
    return 0;
}

#define GRADIENT(name_, infer_, compute_)                                                                              \
    {                                                                                                                  \
        .domain = DOMAIN_INTERNAL, .name = name_, .since = 1, ARITY(3, 3, 1, 1), .types = TYPES_HELD_AS_FLOAT,         \
        .traits = OPERATOR_OTHER, .roles = {ROLE_DATA, ROLE_DATA, ROLE_INDICES},                                       \
        SETTINGS(struct grid_sample_settings, attributes), .infer = infer_, .compute = compute_                        \
    }

const struct operator_definition operators_grid_sample[] = {
    {.domain = "",
     .name = "GridSample",
     .since = 16,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct grid_sample_settings, attributes),
     .infer = infer_grid_sample,
     .compute = compute_grid_sample,
     .gradient = gradient_grid_sample},
    GRADIENT("GridSampleInputGradient", infer_input_gradient, compute_input_gradient),
    GRADIENT("GridSampleGridGradient", infer_grid_gradient, compute_grid_gradient),
    {0},
};
