#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/im2col.h"

struct gradient_job {
    const struct convolution *convolution;
    const struct kernels *kernels;
    const float *a, *b; /* input gradient: dy, weights; weight gradient: x, dy */
    const struct window *window;
    bool whole, accumulate;
    float *out, *scratch, *parts;  /* parts: of weight gradients, [blocks] of them */
    int64_t inputs, outputs, taps; /* per group */
    int64_t cells, tile, block, blocks, scratch_floats;
};

/* Input channels (input gradient) or output channels (weight gradient) that one item works on. */
static int64_t channel_block(int64_t channels, int64_t groups, int64_t threads)
{
    int64_t parts = groups >= threads ? 1 : threads;
    return parts > channels ? 1 : (channels + parts - 1) / parts;
}

static struct gradient_job gradient_job(const struct convolution *convolution, const struct kernels *kernels)
{
    struct gradient_job job = {.convolution = convolution, .kernels = kernels, .taps = im2col_taps(convolution)};
    job.inputs = convolution->input_channels / convolution->groups;
    job.outputs = convolution->output_channels / convolution->groups;
    job.tile = convolution_tile_cells(convolution, job.inputs * job.taps);
    return job;
}

static int64_t input_gradient_floats(const struct gradient_job *job)
{
    return (job->tile * (job->inputs * job->taps + job->outputs) + 15) / 16 * 16;
}

/* ---- input gradient by the tile kernel: one implicit product per phase of the strides ---- */

/* With few input channels the gathering of dy would cost more than the product. */
static bool gradient_is_tiled(const struct convolution *convolution, const struct kernels *kernels)
{
    return convolution_is_tiled(convolution, kernels) && convolution->input_channels / convolution->groups >= 4;
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : greatest_divisor(b, a % b);
}

/* Phases along an axis; those behind a short input would be empty. */
static int64_t phases_along(const struct convolution *convolution, int axis)
{
    int64_t stride = convolution->stride[axis], input = convolution->input[axis];
    return stride < input ? stride : input;
}

static int64_t phase_count(const struct convolution *convolution)
{
    return phases_along(convolution, 0) * phases_along(convolution, 1) * phases_along(convolution, 2);
}

/* Input cells i = phase + stride * g. Output o and tap t meet there when o * stride + t * dilation - pad = i, so tap t
 * reads dy at g + (phase + pad - t * dilation) / stride where that is whole. dy is zero outside [begin, end). */
static struct implicit_axis phase_axis(const struct convolution *convolution, int i, int64_t phase, int64_t begin,
                                       int64_t end)
{
    int64_t stride = convolution->stride[i], dilation = convolution->dilation[i], pad = convolution->pad_begin[i];
    int64_t input = convolution->input[i], tap = 0;
    struct implicit_axis axis = {.tap_step = stride / greatest_divisor(stride, dilation),
                                 .source = convolution->output[i],
                                 .source_stride = 1,
                                 .target = input,
                                 .target_begin = phase,
                                 .target_step = stride};
    while (tap < convolution->kernel[i] && (phase + pad - tap * dilation) % stride != 0)
        tap++;
    if (tap == convolution->kernel[i] || phase >= input)
        return axis; /* no tap: these cells are zero */
    axis.first_tap = tap;
    axis.taps = (convolution->kernel[i] - tap - 1) / axis.tap_step + 1;
    axis.offset = (phase + pad - tap * dilation) / stride;
    axis.offset_step = -(axis.tap_step * dilation) / stride;
    int64_t cells = (input - phase + stride - 1) / stride;
    int64_t first = begin - axis.offset, last = end - axis.offset - (axis.taps - 1) * axis.offset_step;
    first = first < 0 ? 0 : first;
    last = last > cells ? cells : last;
    axis.grid = last > first ? last - first : 0;
    axis.offset += first;
    axis.target_begin += first * stride;
    return axis;
}

static struct implicit_gemm phase_gemm(const struct convolution *convolution, const struct window *window,
                                       int64_t phase)
{
    int64_t inputs = convolution->input_channels / convolution->groups, taps = im2col_taps(convolution);
    struct implicit_gemm gemm = {.rows = inputs,
                                 .channels = convolution->output_channels / convolution->groups,
                                 .row_stride = taps,
                                 .channel_stride = inputs * taps};
    for (int i = 2; i >= 0; i--) {
        gemm.kernel[i] = convolution->kernel[i];
        gemm.axes[i] =
            phase_axis(convolution, i, phase % phases_along(convolution, i), window->begin[i], window->end[i]);
        phase /= phases_along(convolution, i);
    }
    implicit_gemm_collapse(&gemm);
    return gemm;
}

/* Largest scratch of any phase, per thread. */
static int64_t phases_scratch_floats(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = im2col_full(convolution);
    int64_t most = 0;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        int64_t floats = implicit_gemm_scratch_floats(&gemm, kernels->tile);
        most = floats > most ? floats : most;
    }
    return most;
}

size_t convolution_input_gradient_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = im2col_full(convolution);
    int64_t floats = 0;
    if (!gradient_is_tiled(convolution, kernels))
        return 0;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        floats += convolution->groups * implicit_gemm_packed_floats(&gemm, kernels->tile);
    }
    return (size_t)floats * sizeof(float);
}

void convolution_input_gradient_pack(const struct convolution *convolution, const struct kernels *kernels,
                                     const float *weights, void *packed)
{
    struct window all = im2col_full(convolution);
    float *to = packed;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        for (int64_t group = 0; group < convolution->groups; group++) {
            implicit_gemm_pack(&gemm, kernels->tile, weights + group * gemm.channels * gemm.channel_stride, to);
            to += implicit_gemm_packed_floats(&gemm, kernels->tile);
        }
    }
}

static void input_gradient_tiled(const struct convolution *convolution, const struct kernels *kernels,
                                 struct thread_pool *pool, const float *dy, const struct convolution_weights *weights,
                                 const struct window *window, float *dx, float *scratch)
{
    struct window all = im2col_full(convolution);
    const float *packed = weights->packed;
    int64_t covered = 0, plane = convolution_plane(convolution->input);
    if (!packed) {
        float *own = scratch + phases_scratch_floats(convolution, kernels) * thread_pool_size(pool);
        convolution_input_gradient_pack(convolution, kernels, weights->plain, own);
        packed = own;
    }
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, window ? window : &all, phase);
        covered += implicit_gemm_depth(&gemm) > 0 ? gemm.axes[0].grid * gemm.axes[1].grid * gemm.axes[2].grid : 0;
    }
    if (covered < plane)
        memset(dx, 0, (size_t)(convolution->batch * convolution->input_channels * plane) * sizeof *dx);
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm whole = phase_gemm(convolution, &all, phase);
        struct implicit_gemm gemm = phase_gemm(convolution, window ? window : &all, phase);
        struct implicit_operands operands = {.batch = convolution->batch,
                                             .groups = convolution->groups,
                                             .source = dy,
                                             .target = dx,
                                             .packed = packed,
                                             .packed_stride = implicit_gemm_packed_floats(&whole, kernels->tile)};
        if (implicit_gemm_depth(&gemm) > 0)
            implicit_gemm_run(&gemm, kernels, pool, &operands, scratch);
        packed += convolution->groups * operands.packed_stride;
    }
}

size_t convolution_input_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                          int threads, bool packed)
{
    if (gradient_is_tiled(convolution, kernels))
        return (size_t)phases_scratch_floats(convolution, kernels) * sizeof(float) * (size_t)threads +
               (packed ? 0 : convolution_input_gradient_packed_bytes(convolution, kernels));
    struct gradient_job job = gradient_job(convolution, kernels);
    return (size_t)input_gradient_floats(&job) * sizeof(float) * (size_t)threads;
}

/* dx of a block of input channels of one group of one image: columns = W^T dy, added where they came from. */
static void input_gradient_block(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    const struct convolution *convolution = job->convolution;
    int64_t block = (int64_t)index % job->blocks, group = (int64_t)index / job->blocks % convolution->groups;
    int64_t image = (int64_t)index / job->blocks / convolution->groups;
    int64_t first = block * job->block;
    int64_t channels = int64_min(job->inputs - first, job->block);
    int64_t in_plane = convolution_plane(convolution->input), out_plane = convolution_plane(convolution->output);
    float *dx = job->out + (image * convolution->input_channels + group * job->inputs + first) * in_plane;
    const float *dy = job->a + (image * convolution->output_channels + group * job->outputs) * out_plane;
    const float *weights = job->b + group * job->outputs * job->inputs * job->taps + first * job->taps;
    bool product = convolution_is_product(convolution) && job->whole;
    if (channels <= 0)
        return;
    if (!product)
        memset(dx, 0, (size_t)(channels * in_plane) * sizeof *dx);
    float *columns = job->scratch + thread * job->scratch_floats,
          *taken = columns + job->inputs * job->taps * job->tile;
    for (int64_t begin = 0; begin < job->cells; begin += job->tile) {
        int64_t end = int64_min(begin + job->tile, job->cells), width = end - begin;
        struct column_range range = {job->window, begin, end};
        const float *from = dy + begin;
        int64_t from_stride = out_plane;
        if (!job->whole) {
            im2col_take(convolution, dy, job->outputs, &range, taken);
            from = taken;
            from_stride = width;
        }
        job->kernels->gemm(true, false, channels * job->taps, width, job->outputs, 1, weights, job->inputs * job->taps,
                           from, from_stride, 0, product ? dx + begin : columns, product ? in_plane : width);
        if (!product)
            im2col_scatter(convolution, columns, channels, &range, dx);
    }
}

void convolution_input_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                struct thread_pool *pool, const float *dy, const struct convolution_weights *weights,
                                const struct window *window, float *dx, void *scratch)
{
    if (gradient_is_tiled(convolution, kernels)) {
        input_gradient_tiled(convolution, kernels, pool, dy, weights, window, dx, scratch);
        return;
    }
    struct window all = im2col_full(convolution);
    struct gradient_job job = gradient_job(convolution, kernels);
    job.a = dy;
    job.b = weights->plain;
    job.window = window ? window : &all;
    job.out = dx;
    job.scratch = scratch;
    job.cells = im2col_cells(job.window);
    job.whole = job.cells == convolution_plane(convolution->output);
    job.scratch_floats = input_gradient_floats(&job);
    job.block = channel_block(job.inputs, convolution->groups * convolution->batch, thread_pool_size(pool));
    job.blocks = (job.inputs + job.block - 1) / job.block;
    if (job.cells == 0)
        memset(dx, 0,
               (size_t)(convolution->batch * convolution->input_channels * convolution_plane(convolution->input)) *
                   sizeof *dx);
    else
        thread_pool_run(pool, input_gradient_block, &job,
                        (size_t)(convolution->batch * convolution->groups * job.blocks));
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

size_t convolution_weight_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                           int threads)
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
        const float *x = job->a + (image * convolution->input_channels + group * job->inputs) * in_plane;
        const float *dy = job->b + (image * convolution->output_channels + group * job->outputs + first) * out_plane;
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
                            job->out + (share.group * job->outputs + share.first) * job->inputs * job->taps);
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
            job->out[i] = part > 0 || job->accumulate ? job->out[i] + from[i] : from[i];
    }
}

void convolution_weight_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                 struct thread_pool *pool, const float *x, const float *dy, bool accumulate, float *dw,
                                 void *scratch)
{
    struct window all = im2col_full(convolution);
    struct gradient_job job = gradient_job(convolution, kernels);
    job.a = x;
    job.b = dy;
    job.window = &all;
    job.whole = true;
    job.accumulate = accumulate;
    job.out = dw;
    job.scratch = scratch;
    job.cells = im2col_cells(&all);
    job.scratch_floats = weight_gradient_floats(&job);
    int64_t parts = weight_gradient_parts(convolution);
    if (parts > 1) {
        job.blocks = parts;
        job.parts = job.scratch + thread_pool_size(pool) * job.scratch_floats;
        thread_pool_run(pool, weight_gradient_part, &job, (size_t)(convolution->groups * parts));
        sum_parts(&job);
        return;
    }
    job.block = channel_block(job.outputs, convolution->groups, thread_pool_size(pool));
    job.blocks = (job.outputs + job.block - 1) / job.block;
    thread_pool_run(pool, weight_gradient_block, &job, (size_t)(convolution->groups * job.blocks));
}
