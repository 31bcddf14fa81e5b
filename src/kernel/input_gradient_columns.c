/* Input gradient as a product of the transposed weights with dy, whose columns are added where they came from. */
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/im2col.h"

struct gradient_job {
    const struct convolution *convolution;
    const struct kernels *kernels;
    const float *dy, *weights;
    const struct window *window;
    bool whole;
    float *dx, *scratch;
    int64_t inputs, outputs, taps;                      /* per group */
    int64_t cells, tile, block, blocks, scratch_floats; /* block: input channels of an item */
};

static struct gradient_job gradient_job(const struct convolution *convolution, const struct kernels *kernels)
{
    struct gradient_job job = {
        .convolution = convolution, .kernels = kernels, .taps = convolution_tap_count(convolution)};
    job.inputs = convolution->input_channels / convolution->groups;
    job.outputs = convolution->output_channels / convolution->groups;
    job.tile = convolution_tile_cells(convolution, job.inputs * job.taps);
    job.scratch_floats = memory_aligned_floats(job.tile * (job.inputs * job.taps + job.outputs));
    return job;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)convolution, (void)kernels;
    return true;
}

/* Outputs so few that most inputs are read by no tap: the cells far apart that a dilated convolution reads for a few
 * outputs, a single output. The tiles of all inputs would be mostly zeros. */
static bool applies_to_few(const struct convolution *convolution, const struct kernels *kernels)
{
    int64_t strides = convolution->stride[0] * convolution->stride[1] * convolution->stride[2];
    int64_t outputs = convolution_plane(convolution->output), inputs = convolution_plane(convolution->input);
    return kernels->tile && convolution->input_channels / convolution->groups >= 4 && outputs * strides * 3 < inputs;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct gradient_job job = gradient_job(convolution, kernels);
    return (size_t)job.scratch_floats * sizeof(float) * (size_t)threads;
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
    float *dx = job->dx + (image * convolution->input_channels + group * job->inputs + first) * in_plane;
    const float *dy = job->dy + (image * convolution->output_channels + group * job->outputs) * out_plane;
    const float *weights = job->weights + group * job->outputs * job->inputs * job->taps + first * job->taps;
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

static void run_columns(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = convolution_all(convolution);
    struct gradient_job job = gradient_job(convolution, run->kernels);
    job.dy = run->input;
    job.weights = run->weights;
    job.window = run->window ? run->window : &all;
    job.dx = run->output;
    job.scratch = run->scratch;
    job.cells = window_cells(job.window);
    job.whole = job.cells == convolution_plane(convolution->output);
    job.block =
        convolution_channel_block(job.inputs, convolution->groups * convolution->batch, thread_pool_size(run->pool));
    job.blocks = (job.inputs + job.block - 1) / job.block;
    if (job.cells == 0)
        memset(run->output, 0,
               (size_t)(convolution->batch * convolution->input_channels * convolution_plane(convolution->input)) *
                   sizeof(float));
    else
        thread_pool_run(run->pool, input_gradient_block, &job,
                        (size_t)(convolution->batch * convolution->groups * job.blocks));
}

const struct convolution_method input_gradient_few = {
    .name = "few outputs", .half = true, .applies = applies_to_few, .scratch = scratch, .run = run_columns};
const struct convolution_method input_gradient_columns = {
    .name = "columns", .half = true, .applies = applies, .scratch = scratch, .run = run_columns};
