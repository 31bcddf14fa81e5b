/* Input gradient of a depthwise convolution. Cells of dx whose place has the same remainder by the stride (a phase)
 * read the same taps, at places of dy that follow each other: each phase is a sum of planes as the forward convolution
 * is, with the taps in reverse; phases along rows are interleaved at the end. With stride 1 there is one phase, and the
 * forward convolution's loops compute it. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/depthwise_planes.h"

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->depthwise && convolution_is_depthwise(convolution);
}

/* ---- taps ---- */

/* Along an axis the cell phase + t * stride of dx reads through a tap the cell t + shift of dy, where that is whole. */
static bool tap_shift(const struct convolution *convolution, int axis, int64_t phase, int64_t tap, int64_t *shift)
{
    int64_t place = phase + convolution->pad_begin[axis] - tap * convolution->dilation[axis];
    *shift = place / convolution->stride[axis];
    return place % convolution->stride[axis] == 0;
}

static int64_t sharing_of(const struct convolution *convolution)
{
    return convolution->output_channels / convolution->groups;
}

/* The taps of one input channel in the order in which they are packed: by phase, plane of dy, place in dy. */
struct tap_walk {
    const struct convolution *convolution;
    int64_t phase_y, phase_x, plane, y, x; /* the next one */
    int64_t shift_y, shift_x;
};

/* Steps through y and x downwards, plane, phases. */
static void step_walk(struct tap_walk *walk)
{
    const struct convolution *convolution = walk->convolution;
    if (--walk->x >= 0)
        return;
    walk->x = convolution->kernel[2] - 1;
    if (--walk->y >= 0)
        return;
    walk->y = convolution->kernel[1] - 1;
    if (++walk->plane < sharing_of(convolution))
        return;
    walk->plane = 0;
    if (++walk->phase_x < convolution->stride[2])
        return;
    walk->phase_x = 0;
    walk->phase_y++;
}

static struct tap_walk start_walk(const struct convolution *convolution)
{
    return (struct tap_walk){.convolution = convolution, .y = convolution->kernel[1] - 1, .x = convolution->kernel[2]};
}

static bool next_tap(struct tap_walk *walk)
{
    for (;;) {
        step_walk(walk);
        if (walk->phase_y == walk->convolution->stride[1])
            return false;
        if (tap_shift(walk->convolution, 1, walk->phase_y, walk->y, &walk->shift_y) &&
            tap_shift(walk->convolution, 2, walk->phase_x, walk->x, &walk->shift_x))
            return true;
    }
}

static size_t packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)kernels;
    return (size_t)(convolution->output_channels * convolution_tap_count(convolution)) * sizeof(float);
}

static void pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                 void *packed)
{
    (void)kernels;
    int64_t taps = convolution_tap_count(convolution), sharing = sharing_of(convolution);
    float *to = packed;
    for (int64_t channel = 0; channel < convolution->input_channels; channel++) {
        struct tap_walk walk = start_walk(convolution);
        while (next_tap(&walk))
            *to++ = weights[(channel * sharing + walk.plane) * taps + walk.y * convolution->kernel[2] + walk.x];
    }
}

/* ---- geometry ---- */

/* Cells t of all phases whose dx the window's dy reaches, as readers of dy. None: .targets is 0. */
static struct depthwise_axis gradient_axis(const struct convolution *convolution, int axis, const struct window *window,
                                           int64_t *first)
{
    int64_t stride = convolution->stride[axis], input = convolution->input[axis], low = INT64_MAX, high = INT64_MIN;
    for (int64_t phase = 0; phase < stride; phase++) {
        for (int64_t tap = 0; tap < convolution->kernel[axis]; tap++) {
            int64_t shift;
            if (tap_shift(convolution, axis, phase, tap, &shift)) {
                low = int64_min(low, shift);
                high = int64_max(high, shift);
            }
        }
    }
    int64_t begin = int64_max(0, window->begin[axis] - high);
    int64_t end = int64_min((input + stride - 1) / stride, window->end[axis] - low);
    *first = begin;
    return (struct depthwise_axis){.origin = begin + low,
                                   .stride = 1,
                                   .reach = high - low + 1,
                                   .targets = window->end[axis] > window->begin[axis] ? int64_max(0, end - begin) : 0,
                                   .begin = window->begin[axis],
                                   .end = window->end[axis]};
}

struct gradient_geometry {
    struct depthwise_axis rows, columns;
    int64_t first[2]; /* cells t of dx that the axes begin with */
};

static struct gradient_geometry gradient_geometry(const struct convolution *convolution, const struct window *window)
{
    struct gradient_geometry geometry;
    geometry.rows = gradient_axis(convolution, 1, window, &geometry.first[0]);
    geometry.columns = gradient_axis(convolution, 2, window, &geometry.first[1]);
    return geometry;
}

/* Stride 1, one plane of dy for each of dx: a convolution of dy. */
static bool is_mirrored(const struct convolution *convolution)
{
    return convolution->stride[1] == 1 && convolution->stride[2] == 1 && sharing_of(convolution) == 1;
}

static struct depthwise_job mirrored_job(const struct convolution *convolution, const struct kernels *kernels,
                                         const struct gradient_geometry *geometry)
{
    return (struct depthwise_job){.convolution = convolution,
                                  .kernels = kernels,
                                  .rows = geometry->rows,
                                  .columns = geometry->columns,
                                  .batch = convolution->batch,
                                  .channels = convolution->input_channels,
                                  .sharing = 1,
                                  .source_plane = convolution_plane(convolution->output),
                                  .source_width = convolution->output[2],
                                  .target_plane = convolution_plane(convolution->input),
                                  .target_width = convolution->input[2]};
}

/* ---- phases ---- */

/* What all items read. A thread's scratch holds the spread planes of dy, then sums of the phases along rows. */
struct phases_work {
    const struct convolution_run *run;
    const struct depthwise_kernel *kernel;
    struct gradient_geometry geometry;
    struct depthwise_layout layout;
    int64_t taps, sharing, together, bands, block, blocks; /* together: planes of dx */
    int64_t part, row, plane;                              /* floats of the phases' sums */
    int64_t spread_floats, thread_floats;
    int32_t *offsets; /* [taps of a channel], then where each phase's begin */
    float *scratch;
};

static int64_t offset_floats(const struct convolution *convolution)
{
    int64_t phases = convolution->stride[1] * convolution->stride[2];
    return memory_aligned_floats(sharing_of(convolution) * convolution_tap_count(convolution) + phases + 1);
}

/* Bands of at most `band` rows, at most `together` planes. */
static struct phases_work bounded_work(const struct convolution *convolution, const struct kernels *kernels,
                                       const struct window *window, int64_t band, int64_t together)
{
    struct phases_work work = {.geometry = gradient_geometry(convolution, window), .sharing = sharing_of(convolution)};
    const struct depthwise_axis *columns = &work.geometry.columns;
    work.taps = work.sharing * convolution_tap_count(convolution);
    work.kernel = depthwise_kernel_for(kernels, columns->targets);
    int64_t vector = work.kernel->vector;
    work.layout = depthwise_layout(work.geometry.rows, *columns, work.kernel->vector, band);
    work.part = int64_round_up(columns->targets, vector);
    work.row = work.part * convolution->stride[2];
    work.plane = work.row * work.layout.band;
    work.together = DEPTHWISE_CACHE_FLOATS / (work.sharing * work.layout.plane + work.plane);
    work.together = int64_clamp(work.together, 1, together);
    work.spread_floats = depthwise_spread_floats(&work.layout, work.kernel->vector, work.together * work.sharing);
    work.thread_floats = memory_aligned_floats(work.spread_floats + work.together * work.plane);
    return work;
}

static struct phases_work whole_work(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = convolution_all(convolution);
    struct phases_work work = bounded_work(convolution, kernels, &all, INT64_MAX, INT64_MAX);
    int64_t lead = work.together * work.sharing * (work.layout.columns.reach + work.kernel->vector);
    work.thread_floats = (work.thread_floats + lead + 31) / 16 * 16;
    return work;
}

/* No larger than that of the whole: a part's rows are no longer, but what is in front of the first may be. */
static struct phases_work phases_work(const struct convolution *convolution, const struct kernels *kernels,
                                      const struct window *window)
{
    struct phases_work whole = whole_work(convolution, kernels);
    return bounded_work(convolution, kernels, window, whole.layout.band, whole.together);
}

static void fill_offsets(const struct phases_work *work, const struct convolution *convolution)
{
    struct tap_walk walk = start_walk(convolution);
    int64_t phases = convolution->stride[1] * convolution->stride[2];
    int32_t *offset = work->offsets, *begins = work->offsets + work->taps;
    memset(begins, 0, (size_t)(phases + 1) * sizeof *begins);
    while (next_tap(&walk)) {
        int64_t row = walk.shift_y + work->geometry.first[0] - work->layout.rows.origin;
        int64_t column = walk.shift_x + work->geometry.first[1] - work->layout.columns.origin;
        *offset++ = depthwise_offset(&work->layout, row, column) + (int32_t)(walk.plane * work->layout.plane);
        begins[walk.phase_y * convolution->stride[2] + walk.phase_x + 1]++;
    }
    for (int64_t phase = 0; phase < phases; phase++)
        begins[phase + 1] += begins[phase];
}

/* The rows of dx with one remainder, of some planes and a band. */
static void sum_phases(const struct phases_work *work, int64_t channel, int64_t planes, int64_t phase_y, int64_t rows,
                       const float *spread, float *sums)
{
    int64_t stride = work->run->convolution->stride[2];
    const int32_t *begins = work->offsets + work->taps;
    for (int64_t phase_x = 0; phase_x < stride; phase_x++) {
        int64_t phase = phase_y * stride + phase_x, begin = begins[phase];
        struct depthwise_sum sum = {.planes = planes,
                                    .x = spread,
                                    .w = work->run->weights + channel * work->taps + begin,
                                    .w_plane = work->taps,
                                    .offsets = work->offsets + begin,
                                    .taps = begins[phase + 1] - begin,
                                    .x_plane = work->sharing * work->layout.plane,
                                    .x_row = work->layout.row,
                                    .x_step = 1,
                                    .low = -INFINITY,
                                    .high = INFINITY,
                                    .y = sums + phase_x * work->part,
                                    .y_plane = work->plane,
                                    .y_row = work->row,
                                    .rows = rows,
                                    .columns = work->part};
        work->kernel->sum(&sum);
    }
}

static void put_phases(const struct phases_work *work, int64_t plane, int64_t planes, int64_t row, int64_t rows,
                       const float *sums)
{
    const struct convolution *convolution = work->run->convolution;
    int64_t width = convolution->input[2], column = work->geometry.first[1] * convolution->stride[2];
    struct depthwise_merge merge = {.from = sums,
                                    .planes = planes,
                                    .from_plane = work->plane,
                                    .from_row = work->row,
                                    .phase = work->part,
                                    .stride = convolution->stride[2],
                                    .rows = rows,
                                    .to_plane = convolution_plane(convolution->input),
                                    .to_row = width * convolution->stride[1]};
    merge.count = int64_min(work->geometry.columns.targets * convolution->stride[2], width - column);
    merge.to = work->run->output + plane * merge.to_plane + row * width + column;
    work->kernel->merge(&merge);
}

static void run_item(void *argument, size_t index, int thread)
{
    const struct phases_work *work = argument;
    const struct convolution *convolution = work->run->convolution;
    int64_t first = (int64_t)index % work->bands * work->layout.band, block = (int64_t)index / work->bands;
    int64_t image = block / work->blocks, begin = block % work->blocks * work->block, channels = convolution->groups;
    int64_t end = int64_min(begin + work->block, channels), stride = convolution->stride[1], planes;
    int64_t source_plane = convolution_plane(convolution->output);
    float *spread = work->scratch + thread * work->thread_floats, *sums = spread + work->spread_floats;
    depthwise_clear(&work->layout, work->kernel->vector, work->together * work->sharing, spread);
    for (int64_t channel = begin; channel < end; channel += planes) {
        planes = int64_min(work->together, end - channel);
        int64_t plane = image * channels + channel;
        depthwise_spread_band(&work->layout, work->kernel, work->run->input + plane * work->sharing * source_plane,
                              source_plane, convolution->output[2], planes * work->sharing, first, spread);
        for (int64_t phase = 0; phase < stride; phase++) {
            int64_t row = (work->geometry.first[0] + first) * stride + phase;
            int64_t rows = int64_min(work->layout.band, work->geometry.rows.targets - first);
            rows = int64_min(rows, (convolution->input[1] - row + stride - 1) / stride);
            sum_phases(work, channel, planes, phase, rows, spread, sums);
            put_phases(work, plane, planes, row, rows, sums);
        }
    }
}

static void run_phases(const struct convolution_run *run, const struct window *window)
{
    const struct convolution *convolution = run->convolution;
    struct phases_work work = phases_work(convolution, run->kernels, window);
    int64_t planes = convolution->batch * convolution->groups, rows = work.geometry.rows.targets;
    struct thread_pool *pool = depthwise_pool(run->pool, planes * rows * work.geometry.columns.targets * work.taps);
    work.run = run;
    work.bands = (rows + work.layout.band - 1) / work.layout.band;
    work.block = depthwise_block(convolution->groups, planes * work.bands, work.together, thread_pool_size(pool));
    work.blocks = (convolution->groups + work.block - 1) / work.block;
    work.offsets = (int32_t *)run->scratch;
    work.scratch = run->scratch + offset_floats(convolution);
    fill_offsets(&work, convolution);
    thread_pool_run(pool, run_item, &work, (size_t)(convolution->batch * work.blocks * work.bands));
}

/* ---- the method ---- */

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct window all = convolution_all(convolution);
    if (is_mirrored(convolution)) {
        struct gradient_geometry geometry = gradient_geometry(convolution, &all);
        struct depthwise_job job = mirrored_job(convolution, kernels, &geometry);
        return depthwise_job_scratch(&job, threads);
    }
    struct phases_work work = whole_work(convolution, kernels);
    return (size_t)(offset_floats(convolution) + work.thread_floats * threads) * sizeof(float);
}

static void run_depthwise(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = convolution_all(convolution);
    const struct window *window = run->window ? run->window : &all;
    struct gradient_geometry geometry = gradient_geometry(convolution, window);
    int64_t rows = geometry.rows.targets * convolution->stride[1], width = convolution->input[2];
    int64_t columns = geometry.columns.targets * convolution->stride[2];
    if (rows < convolution->input[1] || columns < width)
        memset(run->output, 0,
               (size_t)(convolution->batch * convolution->groups * convolution->input[1] * width) * sizeof(float));
    if (rows == 0 || columns == 0 || convolution->batch == 0)
        return;
    if (!is_mirrored(convolution)) {
        run_phases(run, window);
        return;
    }
    struct depthwise_job job = mirrored_job(convolution, run->kernels, &geometry);
    job.pool = run->pool;
    job.source = run->input;
    job.weights = run->weights;
    job.target = run->output + geometry.first[0] * width + geometry.first[1];
    job.scratch = run->scratch;
    depthwise_job_run(&job);
}

const struct convolution_method input_gradient_depthwise = {.name = "depthwise",
                                                            .applies = applies,
                                                            .packed_bytes = packed_bytes,
                                                            .pack = pack,
                                                            .scratch = scratch,
                                                            .run = run_depthwise};
