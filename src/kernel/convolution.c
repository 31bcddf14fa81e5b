#include "kernel/convolution.h"

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/depthwise.h"
#include "kernel/im2col.h"
#include "kernel/implicit_gemm.h"
#include "kernel/tile.h"

/* Bytes of columns that one thread works on at a time: about what stays in its second-level cache. */
#define TILE_BYTES ((int64_t)1 << 19)
#define TILE_MIN_CELLS 64

static int complete_axis(struct convolution *convolution, int axis, struct error *error)
{
    int64_t stride = convolution->stride[axis], dilation = convolution->dilation[axis];
    int64_t kernel = convolution->kernel[axis], input = convolution->input[axis], extent, padded;
    if (stride <= 0 || dilation <= 0 || kernel <= 0 || input <= 0)
        return error_set(error, ERROR_INPUT, "a convolution's sizes, strides and dilations must be positive");
    if (__builtin_mul_overflow(kernel - 1, dilation, &extent) ||
        __builtin_add_overflow(input, convolution->pad_begin[axis], &padded) ||
        __builtin_add_overflow(padded, convolution->pad_end[axis], &padded) || padded <= extent)
        return error_set(error, ERROR_INPUT, "a convolution's kernel is larger than its padded input");
    convolution->output[axis] = (padded - extent - 1) / stride + 1;
    return 0;
}

int convolution_complete(struct convolution *convolution, struct error *error)
{
    if (convolution->batch < 0 || convolution->groups <= 0 || convolution->input_channels <= 0 ||
        convolution->output_channels <= 0 || convolution->input_channels % convolution->groups != 0 ||
        convolution->output_channels % convolution->groups != 0)
        return error_set(error, ERROR_INPUT, "a convolution's groups must divide its channels");
    for (int axis = 0; axis < 3; axis++) {
        if (complete_axis(convolution, axis, error))
            return -1;
    }
    return 0;
}

bool convolution_is_product(const struct convolution *convolution)
{
    for (int axis = 0; axis < 3; axis++) {
        if (convolution->kernel[axis] != 1 || convolution->stride[axis] != 1 || convolution->pad_begin[axis] != 0 ||
            convolution->pad_end[axis] != 0)
            return false;
    }
    return true;
}

bool convolution_is_depthwise(const struct convolution *convolution)
{
    return convolution->groups > 1 && convolution->groups == convolution->input_channels &&
           convolution->input[0] == 1 && convolution->kernel[0] == 1 && convolution->pad_begin[0] == 0 &&
           convolution->pad_end[0] == 0;
}

bool convolution_is_tiled(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->tile && !convolution_is_depthwise(convolution);
}

int64_t convolution_plane(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

int64_t convolution_tile_cells(const struct convolution *convolution, int64_t rows)
{
    int64_t cells = TILE_BYTES / (rows * (int64_t)sizeof(float));
    int64_t all = convolution_plane(convolution->output);
    cells = cells < TILE_MIN_CELLS ? TILE_MIN_CELLS : cells - cells % 16;
    return cells < all ? cells : all;
}

struct implicit_gemm convolution_gemm(const struct convolution *convolution, const struct window *window)
{
    int64_t inputs = convolution->input_channels / convolution->groups, taps = im2col_taps(convolution);
    struct implicit_gemm gemm = {.rows = convolution->output_channels / convolution->groups,
                                 .channels = inputs,
                                 .row_stride = inputs * taps,
                                 .channel_stride = taps};
    for (int i = 0; i < 3; i++) {
        gemm.kernel[i] = convolution->kernel[i];
        gemm.axes[i] =
            (struct implicit_axis){.taps = convolution->kernel[i],
                                   .tap_step = 1,
                                   .source = convolution->input[i],
                                   .source_stride = convolution->stride[i],
                                   .offset = window->begin[i] * convolution->stride[i] - convolution->pad_begin[i],
                                   .offset_step = convolution->dilation[i],
                                   .grid = window->end[i] - window->begin[i],
                                   .target = convolution->output[i],
                                   .target_begin = window->begin[i],
                                   .target_step = 1};
    }
    implicit_gemm_collapse(&gemm);
    return gemm;
}

static struct implicit_gemm whole_gemm(const struct convolution *convolution)
{
    struct window all = im2col_full(convolution);
    return convolution_gemm(convolution, &all);
}

size_t convolution_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    if (!convolution_is_tiled(convolution, kernels))
        return 0;
    struct implicit_gemm gemm = whole_gemm(convolution);
    return (size_t)(convolution->groups * implicit_gemm_packed_floats(&gemm, kernels->tile)) * sizeof(float);
}

void convolution_pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                      void *packed)
{
    struct implicit_gemm gemm = whole_gemm(convolution);
    int64_t stride = implicit_gemm_packed_floats(&gemm, kernels->tile);
    for (int64_t group = 0; group < convolution->groups; group++)
        implicit_gemm_pack(&gemm, kernels->tile, weights + group * gemm.rows * gemm.row_stride,
                           (float *)packed + group * stride);
}

/* Sizes of one group. */
struct group_sizes {
    int64_t inputs, outputs, rows; /* channels in and out, rows of its column matrix */
};

static struct group_sizes group_sizes(const struct convolution *convolution)
{
    int64_t inputs = convolution->input_channels / convolution->groups;
    return (struct group_sizes){inputs, convolution->output_channels / convolution->groups,
                                inputs * im2col_taps(convolution)};
}

/* Floats of scratch per thread: columns of a tile, and its results when they are not written in place. */
static int64_t forward_floats(const struct convolution *convolution)
{
    if (convolution_is_depthwise(convolution))
        return 0;
    struct group_sizes sizes = group_sizes(convolution);
    int64_t cells = convolution_tile_cells(convolution, sizes.rows);
    return (cells * (sizes.rows + sizes.outputs) + 15) / 16 * 16;
}

size_t convolution_forward_scratch(const struct convolution *convolution, const struct kernels *kernels, int threads,
                                   bool packed)
{
    if (convolution_is_tiled(convolution, kernels)) {
        struct implicit_gemm gemm = whole_gemm(convolution);
        return (size_t)implicit_gemm_scratch_floats(&gemm, kernels->tile) * sizeof(float) * (size_t)threads +
               (packed ? 0 : convolution_packed_bytes(convolution, kernels));
    }
    return (size_t)forward_floats(convolution) * sizeof(float) * (size_t)threads;
}

struct forward_job {
    const struct convolution *convolution;
    const struct kernels *kernels;
    const float *x, *weights;
    const struct epilogue *epilogue;
    const struct window *window;
    bool whole; /* the window is the whole output */
    float *y, *scratch;
    struct group_sizes sizes;
    int64_t cells, tile, tiles, row_parts, scratch_floats;
};

/* Bias, residual and activation on `count` elements of one output channel. */
static void finish_elements(const struct forward_job *job, int64_t channel, float *y, const float *residual,
                            int64_t count)
{
    const struct epilogue *epilogue = job->epilogue;
    if (!epilogue)
        return;
    if (epilogue->bias)
        job->kernels->binary[BINARY_ADD](y, 1, &epilogue->bias[channel], 0, y, count);
    if (residual)
        job->kernels->binary[BINARY_ADD](y, 1, residual, 1, y, count);
    if (epilogue->activation != UNARY_IDENTITY)
        job->kernels->unary[epilogue->activation](y, y, count, epilogue->alpha, epilogue->beta);
}

/* Part of a group's output channels on one tile of columns of one image. */
static void forward_tile(void *argument, size_t index, int thread)
{
    const struct forward_job *job = argument;
    const struct convolution *convolution = job->convolution;
    int64_t item = (int64_t)index;
    int64_t part = item % job->row_parts, tile = item / job->row_parts % job->tiles;
    int64_t group = item / job->row_parts / job->tiles % convolution->groups;
    int64_t image = item / job->row_parts / job->tiles / convolution->groups;
    size_t row_begin, row_end;
    thread_slice((size_t)job->sizes.outputs, (size_t)job->row_parts, (size_t)part, &row_begin, &row_end);
    int64_t rows = (int64_t)(row_end - row_begin), begin = tile * job->tile;
    int64_t end = int64_min(begin + job->tile, job->cells), width = end - begin;
    int64_t in_plane = convolution_plane(convolution->input), out_plane = convolution_plane(convolution->output);
    int64_t channel = group * job->sizes.outputs + (int64_t)row_begin;
    const float *x = job->x + (image * convolution->input_channels + group * job->sizes.inputs) * in_plane;
    int64_t plane_offset = (image * convolution->output_channels + channel) * out_plane;
    const float *weights = job->weights + channel * job->sizes.rows;
    struct column_range range = {job->window, begin, end};
    const float *columns = x + begin;
    int64_t column_stride = in_plane;
    float *scratch = job->scratch + thread * job->scratch_floats;
    if (!convolution_is_product(convolution) || !job->whole) {
        im2col_gather(convolution, x, job->sizes.inputs, &range, scratch);
        columns = scratch;
        column_stride = width;
    }
    float *result = job->whole ? job->y + plane_offset + begin : scratch + job->sizes.rows * job->tile;
    int64_t result_stride = job->whole ? out_plane : width;
    job->kernels->gemm(false, false, rows, width, job->sizes.rows, 1, weights, job->sizes.rows, columns, column_stride,
                       0, result, result_stride);
    const float *residual = job->epilogue ? job->epilogue->residual : NULL;
    if (residual && !job->whole) { /* the columns are used up: their place takes the residual's cells */
        for (int64_t row = 0; row < rows; row++) {
            im2col_take(convolution, residual + plane_offset + row * out_plane, 1, &range, scratch);
            job->kernels->binary[BINARY_ADD](result + row * width, 1, scratch, 1, result + row * width, width);
        }
        residual = NULL;
    }
    for (int64_t row = 0; row < rows; row++)
        finish_elements(job, channel + row, result + row * result_stride,
                        residual ? residual + plane_offset + row * out_plane + begin : NULL, width);
    if (!job->whole)
        im2col_put(convolution, result, rows, &range, job->y + plane_offset);
}

/* One output plane of a depthwise convolution. */
static void forward_depthwise(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct forward_job *job = argument;
    const struct convolution *convolution = job->convolution;
    int64_t channel = (int64_t)index % convolution->output_channels;
    int64_t image = (int64_t)index / convolution->output_channels;
    int64_t input_channel = channel / job->sizes.outputs;
    int64_t out_plane = convolution_plane(convolution->output), offset = (int64_t)index * out_plane;
    const float *bias = job->epilogue ? job->epilogue->bias : NULL;
    const float *residual = job->epilogue ? job->epilogue->residual : NULL;
    const struct window *window = job->window;
    struct depthwise_plane plane = {.x = job->x + (image * convolution->input_channels + input_channel) *
                                                      convolution_plane(convolution->input),
                                    .w = job->weights + channel * im2col_taps(convolution),
                                    .y = job->y + offset,
                                    .bias = bias ? bias[channel] : 0,
                                    .input_height = convolution->input[1],
                                    .input_width = convolution->input[2],
                                    .output_width = convolution->output[2],
                                    .kernel_height = convolution->kernel[1],
                                    .kernel_width = convolution->kernel[2],
                                    .stride_y = convolution->stride[1],
                                    .stride_x = convolution->stride[2],
                                    .dilation_y = convolution->dilation[1],
                                    .dilation_x = convolution->dilation[2],
                                    .pad_top = convolution->pad_begin[1],
                                    .pad_left = convolution->pad_begin[2],
                                    .row_begin = window->begin[1],
                                    .row_end = window->end[1],
                                    .column_begin = window->begin[2],
                                    .column_end = window->end[2]};
    job->kernels->depthwise_plane(&plane);
    struct epilogue rest = job->epilogue ? *job->epilogue : (struct epilogue){0};
    rest.bias = NULL;
    struct forward_job finish = *job;
    finish.epilogue = &rest;
    int64_t width = window->end[2] - window->begin[2];
    for (int64_t row = window->begin[1]; row < window->end[1]; row++) {
        int64_t place = row * convolution->output[2] + window->begin[2];
        finish_elements(&finish, channel, plane.y + place, residual ? residual + offset + place : NULL, width);
    }
}

/* Through the tile kernel; weights that did not come packed are packed behind the threads' scratch. */
static void forward_tiled(const struct convolution *convolution, const struct kernels *kernels,
                          struct thread_pool *pool, const float *x, const struct convolution_weights *weights,
                          const struct epilogue *epilogue, const struct window *window, float *y, float *scratch)
{
    struct implicit_gemm whole = whole_gemm(convolution), gemm = window ? convolution_gemm(convolution, window) : whole;
    struct implicit_operands operands = {.batch = convolution->batch,
                                         .groups = convolution->groups,
                                         .source = x,
                                         .target = y,
                                         .packed = weights->packed,
                                         .packed_stride = implicit_gemm_packed_floats(&whole, kernels->tile),
                                         .finish = epilogue};
    if (!operands.packed) {
        float *packed = scratch + implicit_gemm_scratch_floats(&whole, kernels->tile) * thread_pool_size(pool);
        convolution_pack(convolution, kernels, weights->plain, packed);
        operands.packed = packed;
    }
    implicit_gemm_run(&gemm, kernels, pool, &operands, scratch);
}

void convolution_forward(const struct convolution *convolution, const struct kernels *kernels, struct thread_pool *pool,
                         const float *x, const struct convolution_weights *weights, const struct epilogue *epilogue,
                         const struct window *window, float *y, void *scratch)
{
    if (convolution_is_tiled(convolution, kernels)) {
        forward_tiled(convolution, kernels, pool, x, weights, epilogue, window, y, scratch);
        return;
    }
    struct window all = im2col_full(convolution);
    struct forward_job job = {.convolution = convolution,
                              .kernels = kernels,
                              .x = x,
                              .weights = weights->plain,
                              .epilogue = epilogue,
                              .window = window ? window : &all,
                              .y = y,
                              .scratch = scratch,
                              .sizes = group_sizes(convolution)};
    job.cells = im2col_cells(job.window);
    job.whole = job.cells == convolution_plane(convolution->output);
    if (job.cells == 0 || convolution->batch == 0)
        return;
    if (convolution_is_depthwise(convolution)) {
        thread_pool_run(pool, forward_depthwise, &job, (size_t)(convolution->batch * convolution->output_channels));
        return;
    }
    job.tile = convolution_tile_cells(convolution, job.sizes.rows);
    int64_t threads = thread_pool_size(pool), items = convolution->batch * convolution->groups;
    if (items * ((job.cells + job.tile - 1) / job.tile) < threads && job.cells / threads >= 96)
        job.tile = int64_min((job.cells / threads + 16) / 16 * 16, job.tile);
    job.tiles = (job.cells + job.tile - 1) / job.tile;
    job.row_parts = 1;
    if (items * job.tiles < threads)
        job.row_parts = int64_min(job.sizes.outputs, threads);
    job.scratch_floats = forward_floats(convolution);
    thread_pool_run(pool, forward_tile, &job, (size_t)(items * job.tiles * job.row_parts));
}
