/* Weight gradient of a depthwise convolution: for each tap the sum of products of dy with the input that it reads, from
 * planes that are spread in the first-level cache as for the forward convolution. */
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/depthwise_planes.h"

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->depthwise && convolution_is_depthwise(convolution);
}

/* What all items read. A thread's scratch holds `together` spread planes of x, then of dy, then their sums: of each tap
 * a vector, over all images. */
struct products_work {
    const struct weight_gradient_run *run;
    const struct depthwise_kernel *kernel;
    struct depthwise_layout layout;
    int64_t taps, sharing, together, block;
    int64_t dy_row, dy_plane; /* floats, spread: rows are whole vectors */
    int64_t x_floats, thread_floats;
    const int32_t *offsets;
    float *scratch;
};

static int64_t offset_floats(const struct convolution *convolution)
{
    return memory_aligned_floats(convolution_tap_count(convolution));
}

static struct products_work products_work(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = convolution_all(convolution);
    struct depthwise_axis rows = depthwise_output_axis(convolution, 1, &all);
    struct depthwise_axis columns = depthwise_output_axis(convolution, 2, &all);
    struct products_work work = {.taps = convolution_tap_count(convolution),
                                 .sharing = convolution->output_channels / convolution->groups,
                                 .kernel = depthwise_kernel_for(kernels, columns.targets)};
    int64_t vector = work.kernel->vector;
    work.layout = depthwise_layout(rows, columns, work.kernel->vector, rows.targets);
    work.dy_row = int64_round_up(columns.targets, vector);
    work.dy_plane = work.layout.band * work.dy_row;
    int64_t floats = work.layout.plane + work.dy_plane + work.taps * vector;
    work.together = work.sharing == 1 ? int64_max(1, 2 * DEPTHWISE_CACHE_FLOATS / floats) : 1;
    work.x_floats = depthwise_spread_floats(&work.layout, work.kernel->vector, work.together);
    work.thread_floats = memory_aligned_floats(work.x_floats + work.together * (work.dy_plane + work.taps * vector));
    return work;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct products_work work = products_work(convolution, kernels);
    return (size_t)(offset_floats(convolution) + work.thread_floats * threads) * sizeof(float);
}

/* Adds a band of one image to the sums of these channels. */
static void add_band(const struct products_work *work, int64_t image, int64_t channel, int64_t channels, int64_t first,
                     float *x)
{
    const struct convolution *convolution = work->run->convolution;
    int64_t plane = convolution_plane(convolution->input), width = convolution->output[2];
    int64_t source = image * convolution->input_channels + channel / work->sharing;
    int64_t target = image * convolution->output_channels + channel;
    int64_t rows = int64_min(work->layout.band, convolution->output[1] - first);
    float *dy = x + work->x_floats, *sums = dy + work->together * work->dy_plane;
    bool whole = width == work->dy_row; /* vectors: dy is read where it is */
    depthwise_spread_band(&work->layout, work->kernel, work->run->x + source * plane, plane, convolution->input[2],
                          channels, first, x);
    struct depthwise_spread spread = {.from = work->run->dy + (target * convolution->output[1] + first) * width,
                                      .planes = channels,
                                      .from_plane = convolution_plane(convolution->output),
                                      .from_row = width,
                                      .rows = rows,
                                      .stride = 1,
                                      .count = width,
                                      .to = dy,
                                      .to_plane = work->dy_plane,
                                      .to_row = work->dy_row};
    if (!whole)
        work->kernel->spread(&spread);
    struct depthwise_products products = {.offsets = work->offsets,
                                          .taps = work->taps,
                                          .square = depthwise_square(convolution),
                                          .x_row = work->layout.row,
                                          .x_step = convolution->stride[1],
                                          .dy_row = work->dy_row,
                                          .rows = rows,
                                          .columns = work->dy_row};
    for (int64_t i = 0; i < channels; i++) {
        products.x = x + i * work->layout.plane;
        products.dy = whole ? spread.from + i * spread.from_plane : dy + i * work->dy_plane;
        products.sums = sums + i * work->taps * work->kernel->vector;
        work->kernel->products(&products);
    }
}

/* Some channels that are worked on together, over all images in order. */
static void run_channels(const struct products_work *work, int64_t channel, int64_t channels, float *x)
{
    const struct weight_gradient_run *run = work->run;
    int64_t count = channels * work->taps;
    float *sums = x + work->x_floats + work->together * work->dy_plane, *dw = run->dw + channel * work->taps;
    memset(sums, 0, (size_t)(count * work->kernel->vector) * sizeof *sums);
    for (int64_t first = 0; first < run->convolution->output[1]; first += work->layout.band) {
        depthwise_clear(&work->layout, work->kernel->vector, channels, x);
        for (int64_t image = 0; image < run->convolution->batch; image++)
            add_band(work, image, channel, channels, first, x);
    }
    work->kernel->fold(sums, count, dw);
}

static void run_item(void *argument, size_t index, int thread)
{
    const struct products_work *work = argument;
    int64_t begin = (int64_t)index * work->block;
    int64_t end = int64_min(begin + work->block, work->run->convolution->output_channels);
    for (int64_t channel = begin; channel < end; channel += work->together)
        run_channels(work, channel, int64_min(work->together, end - channel),
                     work->scratch + thread * work->thread_floats);
}

static void run_depthwise(const struct weight_gradient_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct products_work work = products_work(convolution, run->kernels);
    int64_t channels = convolution->output_channels, cells = convolution_plane(convolution->output);
    struct thread_pool *pool = depthwise_pool(run->pool, convolution->batch * channels * cells * work.taps);
    work.run = run;
    work.block = depthwise_block(channels, channels, work.together, thread_pool_size(pool));
    work.offsets = (const int32_t *)run->scratch;
    work.scratch = run->scratch + offset_floats(convolution);
    depthwise_offsets(&work.layout, convolution, (int32_t *)run->scratch);
    thread_pool_run(pool, run_item, &work, (size_t)((channels + work.block - 1) / work.block));
}

const struct weight_gradient_method weight_gradient_depthwise = {
    .name = "depthwise", .applies = applies, .scratch = scratch, .run = run_depthwise};
