#include "kernel/depthwise_planes.h"

#include "base/number.h"
#include "kernel/convolution_shared.h"

/* Products that cost about as much as waking the threads. */
#define FEW_PRODUCTS ((int64_t)1 << 16)
/* Items per thread, so that none waits long for the others' last, and planes of an item. */
#define ITEMS 4
#define MOST_PLANES 16

const struct depthwise_kernel *depthwise_kernel_for(const struct kernels *kernels, int64_t targets)
{
    const struct depthwise_kernel *kernel = kernels->depthwise;
    while (kernel->narrow && targets <= kernel->narrow->vector)
        kernel = kernel->narrow;
    return kernel;
}

int64_t depthwise_block(int64_t channels, int64_t planes, int64_t at_a_time, int threads)
{
    int64_t share = planes / ((int64_t)threads * ITEMS), block = int64_max(at_a_time, MOST_PLANES);
    return int64_clamp(int64_min(block, share), 1, channels);
}

struct thread_pool *depthwise_pool(struct thread_pool *pool, int64_t products)
{
    return products > FEW_PRODUCTS ? pool : NULL;
}

/* What all items read. */
struct planes_work {
    const struct depthwise_job *job;
    const struct depthwise_kernel *kernel;
    struct depthwise_layout layout;
    int64_t taps, bands, block, blocks, at_a_time;
    const int32_t *offsets;
    float *spread; /* of all threads */
    int64_t spread_floats;
    struct activation_limits limits; /* that the kernel takes */
    struct epilogue rest;
    bool finish;
};

static int64_t offset_floats(const struct depthwise_job *job)
{
    return memory_aligned_floats(convolution_tap_count(job->convolution));
}

size_t depthwise_job_scratch(const struct depthwise_job *job, int threads)
{
    int64_t floats = depthwise_scratch_floats(&job->rows, &job->columns, job->kernels->depthwise->vector, 1);
    return (size_t)(offset_floats(job) + floats * threads) * sizeof(float);
}

/* Limits are taken by the kernel, unless a residual comes before them. */
static void split_epilogue(struct planes_work *work)
{
    const struct epilogue *epilogue = work->job->epilogue;
    work->limits = epilogue_limits(epilogue && epilogue->residual ? NULL : epilogue);
    if (!epilogue)
        return;
    work->rest = *epilogue;
    work->rest.bias = NULL;
    if (!epilogue->residual && work->limits.all)
        work->rest.activation = UNARY_IDENTITY;
    work->finish = work->rest.residual || work->rest.activation != UNARY_IDENTITY;
}

/* Of a band of one plane, while it is in the first-level cache. */
static void finish_plane(const struct planes_work *work, int64_t channel, float *y, int64_t rows)
{
    const struct depthwise_job *job = work->job;
    const float *residual = work->rest.residual;
    int64_t width = job->columns.targets;
    if (width == job->target_width) {
        width *= rows;
        rows = 1;
    }
    for (int64_t row = 0; row < rows; row++, y += job->target_width)
        convolution_finish(job->kernels, &work->rest, channel, residual ? residual + (y - job->target) : NULL, width,
                           y);
}

/* The planes from `channel` of the band from row `first`. */
static void sum_band(const struct planes_work *work, const float *spread, int64_t image, int64_t channel,
                     int64_t planes, int64_t first)
{
    const struct depthwise_job *job = work->job;
    const float *bias = job->epilogue ? job->epilogue->bias : NULL;
    struct depthwise_sum sum = {.planes = planes,
                                .x = spread,
                                .w = job->weights + channel * work->taps,
                                .w_plane = work->taps,
                                .bias = bias ? bias + channel : NULL,
                                .offsets = work->offsets,
                                .taps = work->taps,
                                .square = depthwise_square(job->convolution),
                                .x_plane = work->layout.plane,
                                .x_row = work->layout.row,
                                .x_step = job->rows.stride,
                                .low = work->limits.low,
                                .high = work->limits.high,
                                .y_plane = job->target_plane,
                                .y_row = job->target_width,
                                .rows = int64_min(work->layout.band, job->rows.targets - first),
                                .columns = job->columns.targets};
    sum.y = job->target + (image * job->channels + channel) * job->target_plane + first * job->target_width;
    work->kernel->sum(&sum);
    for (int64_t i = 0; i < planes && work->finish; i++)
        finish_plane(work, channel + i, sum.y + i * job->target_plane, sum.rows);
}

/* A band of some channels of one image. */
static void run_item(void *argument, size_t index, int thread)
{
    const struct planes_work *work = argument;
    const struct depthwise_job *job = work->job;
    const struct depthwise_layout *layout = &work->layout;
    int64_t first = (int64_t)index % work->bands * layout->band, block = (int64_t)index / work->bands;
    int64_t image = block / work->blocks, begin = block % work->blocks * work->block;
    int64_t end = int64_min(begin + work->block, job->channels), sources = job->channels / job->sharing, planes;
    float *spread = work->spread + thread * work->spread_floats;
    depthwise_clear(layout, work->kernel->vector, int64_min(work->at_a_time, end - begin), spread);
    for (int64_t channel = begin; channel < end; channel += planes) {
        planes = int64_min(work->at_a_time, end - channel);
        if (channel == begin || channel % job->sharing == 0)
            depthwise_spread_band(layout, work->kernel,
                                  job->source + (image * sources + channel / job->sharing) * job->source_plane,
                                  job->source_plane, job->source_width, planes, first, spread);
        sum_band(work, spread, image, channel, planes, first);
    }
}

void depthwise_job_run(const struct depthwise_job *job)
{
    int64_t planes = job->batch * job->channels, rows = job->rows.targets,
            taps = convolution_tap_count(job->convolution);
    struct thread_pool *pool = depthwise_pool(job->pool, planes * rows * job->columns.targets * taps);
    int threads = thread_pool_size(pool);
    int64_t most = planes >= threads ? rows : (rows * planes + threads - 1) / threads;
    struct planes_work work = {.job = job, .taps = taps};
    work.kernel = depthwise_kernel_for(job->kernels, job->columns.targets);
    work.layout = depthwise_layout(job->rows, job->columns, work.kernel->vector, most);
    work.bands = (rows + work.layout.band - 1) / work.layout.band;
    work.at_a_time = job->sharing == 1 ? int64_max(1, DEPTHWISE_CACHE_FLOATS / work.layout.plane) : 1;
    work.block = depthwise_block(job->channels, planes * work.bands, work.at_a_time, threads);
    work.blocks = (job->channels + work.block - 1) / work.block;
    work.spread = job->scratch + offset_floats(job);
    work.spread_floats = depthwise_scratch_floats(&job->rows, &job->columns, job->kernels->depthwise->vector, 1);
    work.offsets = (const int32_t *)job->scratch;
    depthwise_offsets(&work.layout, job->convolution, (int32_t *)job->scratch);
    split_epilogue(&work);
    thread_pool_run(pool, run_item, &work, (size_t)(job->batch * work.blocks * work.bands));
}
