/* Weight gradient of a convolution: products of dy with gathered columns, summed over the images. */
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/im2col.h"

struct gradient_job {
    const struct convolution *convolution;
    const struct kernels *kernels;
    const float *x, *dy;
    const struct window *window;
    float *dw, *scratch;
    int64_t inputs, outputs, taps; /* per group */
    int64_t cells, tile, block, blocks, scratch_floats;
};

static struct gradient_job gradient_job(const struct convolution *convolution, const struct kernels *kernels)
{
    struct gradient_job job = {
        .convolution = convolution, .kernels = kernels, .taps = convolution_tap_count(convolution)};
    job.inputs = convolution->input_channels / convolution->groups;
    job.outputs = convolution->output_channels / convolution->groups;
    job.tile = convolution_tile_cells(convolution, job.inputs * job.taps);
    job.scratch_floats = memory_aligned_floats(job.tile * job.inputs * job.taps);
    return job;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)convolution, (void)kernels;
    return true;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    return (size_t)gradient_job(convolution, kernels).scratch_floats * sizeof(float) * (size_t)threads;
}

/* dw of a block of output channels of one group: dy columns^T over the images and their tiles, in order. */
static void weight_gradient_block(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    const struct convolution *convolution = job->convolution;
    int64_t rows = job->inputs * job->taps, group = (int64_t)index / job->blocks;
    int64_t first = (int64_t)index % job->blocks * job->block, channels = int64_min(job->outputs - first, job->block);
    int64_t in_plane = convolution_plane(convolution->input), out_plane = convolution_plane(convolution->output);
    float *columns = job->scratch + thread * job->scratch_floats, *dw = job->dw + (group * job->outputs + first) * rows;
    bool product = convolution_is_product(convolution), started = false;
    for (int64_t image = 0; image < convolution->batch && channels > 0; image++) {
        const float *x = job->x + (image * convolution->input_channels + group * job->inputs) * in_plane;
        const float *dy = job->dy + (image * convolution->output_channels + group * job->outputs + first) * out_plane;
        for (int64_t begin = 0; begin < job->cells; begin += job->tile) {
            int64_t end = int64_min(begin + job->tile, job->cells);
            if (!product)
                im2col_gather(convolution, x, job->inputs, &(struct column_range){job->window, begin, end}, columns);
            job->kernels->gemm(false, true, channels, rows, end - begin, 1, dy + begin, out_plane,
                               product ? x + begin : columns, product ? in_plane : end - begin, started ? 1.0f : 0.0f,
                               dw, rows);
            started = true;
        }
    }
    if (!started && channels > 0)
        memset(dw, 0, (size_t)(channels * rows) * sizeof *dw);
}

static void run_columns(const struct weight_gradient_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = convolution_all(convolution);
    struct gradient_job job = gradient_job(convolution, run->kernels);
    job.x = run->x;
    job.dy = run->dy;
    job.window = &all;
    job.dw = run->dw;
    job.scratch = run->scratch;
    job.cells = window_cells(&all);
    job.block = convolution_channel_block(job.outputs, convolution->groups, thread_pool_size(run->pool));
    job.blocks = (job.outputs + job.block - 1) / job.block;
    thread_pool_run(run->pool, weight_gradient_block, &job, (size_t)(convolution->groups * job.blocks));
}

const struct weight_gradient_method weight_gradient_columns = {
    .name = "columns", .applies = applies, .scratch = scratch, .run = run_columns};
