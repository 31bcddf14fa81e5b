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
    bool accumulate;
    float *dw, *scratch, *parts;   /* parts: of weight gradients, [blocks] of them */
    int64_t inputs, outputs, taps; /* per group */
    int64_t cells, tile, block, blocks, scratch_floats;
};

static struct gradient_job gradient_job(const struct convolution *convolution, const struct kernels *kernels)
{
    struct gradient_job job = {.convolution = convolution, .kernels = kernels, .taps = im2col_taps(convolution)};
    job.inputs = convolution->input_channels / convolution->groups;
    job.outputs = convolution->output_channels / convolution->groups;
    job.tile = convolution_tile_cells(convolution, job.inputs * job.taps);
    return job;
}

/* With few output channels the columns cost as much as the product, and must not be gathered once per block of them:
 * parts of the batch are summed apart instead, the same parts for any number of threads. */
#define FEW_OUTPUTS 128
#define MOST_PARTS 8

static int64_t weight_gradient_parts(const struct convolution *convolution)
{
    int64_t outputs = convolution->output_channels / convolution->groups;
    if (outputs > FEW_OUTPUTS || convolution->batch < 2)
        return 1;
    return int64_min(convolution->batch, MOST_PARTS);
}

/* A thread's columns and the vector more that gathering may write; the segments stand behind them. */
static int64_t column_floats(const struct gradient_job *job)
{
    return (job->tile * job->inputs * job->taps + TILE_MAX_WIDTH + 15) / 16 * 16;
}

static int64_t weight_gradient_floats(const struct gradient_job *job)
{
    struct window all = im2col_full(job->convolution);
    struct implicit_gemm gemm = convolution_gemm(job->convolution, &all);
    int64_t segments = job->kernels->tile ? implicit_gemm_segments(&gemm, job->tile) : 0;
    return column_floats(job) + (segments * (int64_t)(sizeof(struct tile_segment) / sizeof(float)) + 15) / 16 * 16;
}

/* Columns of the images of one group: x [inputs, plane]. */
static void gather_columns(const struct gradient_job *job, const float *x, int64_t begin, int64_t end, float *columns)
{
    const struct convolution *convolution = job->convolution;
    if (!job->kernels->tile) {
        im2col_gather(convolution, x, job->inputs, &(struct column_range){job->window, begin, end}, columns);
        return;
    }
    struct implicit_gemm gemm = convolution_gemm(convolution, job->window);
    struct tile_segment *segments = (struct tile_segment *)(columns + column_floats(job));
    implicit_gemm_gather(&gemm, job->kernels->tile, x, begin, end, segments, columns);
}

static int64_t weight_count(const struct gradient_job *job)
{
    return job->convolution->output_channels * job->inputs * job->taps;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)convolution, (void)kernels;
    return true;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct gradient_job job = gradient_job(convolution, kernels);
    int64_t parts = weight_gradient_parts(convolution);
    return ((size_t)weight_gradient_floats(&job) * (size_t)threads +
            (size_t)(parts > 1 ? parts * weight_count(&job) : 0)) *
           sizeof(float);
}

/* Images and output channels of a group that one dw is summed over. */
struct weight_gradient_share {
    int64_t group, first, channels;
    size_t begin, end; /* images */
};

/* dw [channels, inputs * taps]: dy columns^T over the images and their tiles, in order. */
static void add_weight_gradient(const struct gradient_job *job, const struct weight_gradient_share *share, int thread,
                                bool started, float *dw)
{
    const struct convolution *convolution = job->convolution;
    int64_t rows = job->inputs * job->taps, group = share->group, first = share->first, channels = share->channels;
    int64_t in_plane = convolution_plane(convolution->input), out_plane = convolution_plane(convolution->output);
    float *columns = job->scratch + thread * job->scratch_floats;
    bool product = convolution_is_product(convolution);
    for (int64_t image = (int64_t)share->begin; image < (int64_t)share->end; image++) {
        const float *x = job->x + (image * convolution->input_channels + group * job->inputs) * in_plane;
        const float *dy = job->dy + (image * convolution->output_channels + group * job->outputs + first) * out_plane;
        for (int64_t begin = 0; begin < job->cells; begin += job->tile) {
            int64_t end = int64_min(begin + job->tile, job->cells);
            if (!product)
                gather_columns(job, x, begin, end, columns);
            job->kernels->gemm(false, true, channels, rows, end - begin, 1, dy + begin, out_plane,
                               product ? x + begin : columns, product ? in_plane : end - begin, started ? 1.0f : 0.0f,
                               dw, rows);
            started = true;
        }
    }
    if (!started)
        memset(dw, 0, (size_t)(channels * rows) * sizeof *dw);
}

static void weight_gradient_block(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    struct weight_gradient_share share = {.group = (int64_t)index / job->blocks,
                                          .first = (int64_t)index % job->blocks * job->block,
                                          .end = (size_t)job->convolution->batch};
    share.channels = int64_min(job->outputs - share.first, job->block);
    if (share.channels > 0)
        add_weight_gradient(job, &share, thread, job->accumulate,
                            job->dw + (share.group * job->outputs + share.first) * job->inputs * job->taps);
}

/* A part of the batch into a dw of its own, behind the threads' columns. */
static void weight_gradient_part(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    size_t part = index % (size_t)job->blocks;
    struct weight_gradient_share share = {.group = (int64_t)index / job->blocks, .channels = job->outputs};
    thread_slice((size_t)job->convolution->batch, (size_t)job->blocks, part, &share.begin, &share.end);
    add_weight_gradient(job, &share, thread, false,
                        job->parts + (int64_t)part * weight_count(job) +
                            share.group * job->outputs * job->inputs * job->taps);
}

static void sum_parts(const struct gradient_job *job)
{
    int64_t count = weight_count(job);
    for (int64_t part = 0; part < job->blocks; part++) {
        const float *from = job->parts + part * count;
        for (int64_t i = 0; i < count; i++)
            job->dw[i] = part > 0 || job->accumulate ? job->dw[i] + from[i] : from[i];
    }
}

static void run_columns(const struct weight_gradient_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = im2col_full(convolution);
    struct gradient_job job = gradient_job(convolution, run->kernels);
    job.x = run->x;
    job.dy = run->dy;
    job.window = &all;
    job.accumulate = run->accumulate;
    job.dw = run->dw;
    job.scratch = run->scratch;
    job.cells = im2col_cells(&all);
    job.scratch_floats = weight_gradient_floats(&job);
    int64_t threads = thread_pool_size(run->pool), parts = weight_gradient_parts(convolution);
    if (parts > 1) {
        job.blocks = parts;
        job.parts = job.scratch + threads * job.scratch_floats;
        thread_pool_run(run->pool, weight_gradient_part, &job, (size_t)(convolution->groups * parts));
        sum_parts(&job);
        return;
    }
    job.block = convolution_channel_block(job.outputs, convolution->groups, threads);
    job.blocks = (job.outputs + job.block - 1) / job.block;
    thread_pool_run(run->pool, weight_gradient_block, &job, (size_t)(convolution->groups * job.blocks));
}

const struct weight_gradient_method weight_gradient_columns = {"columns", applies, scratch, run_columns};
