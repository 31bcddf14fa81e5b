/* Forward convolution as a product of the weights with gathered columns. */
#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/im2col.h"

/* Sizes of one group. */
struct group_sizes {
    int64_t inputs, outputs, rows; /* channels in and out, rows of its column matrix */
};

static struct group_sizes group_sizes(const struct convolution *convolution)
{
    int64_t inputs = convolution->input_channels / convolution->groups;
    return (struct group_sizes){inputs, convolution->output_channels / convolution->groups,
                                inputs * convolution_tap_count(convolution)};
}

/* Floats of scratch per thread: columns of a tile, and its results when they are not written in place. */
static int64_t forward_floats(const struct convolution *convolution)
{
    struct group_sizes sizes = group_sizes(convolution);
    int64_t cells = convolution_tile_cells(convolution, sizes.rows);
    return memory_aligned_floats(cells * (sizes.rows + sizes.outputs));
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)convolution, (void)kernels;
    return true;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    (void)kernels;
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
        convolution_finish(job->kernels, job->epilogue, channel + row,
                           residual ? residual + plane_offset + row * out_plane + begin : NULL, width,
                           result + row * result_stride);
    if (!job->whole)
        im2col_put(convolution, result, rows, &range, job->y + plane_offset);
}

static void run_columns(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = convolution_all(convolution);
    struct forward_job job = {.convolution = convolution,
                              .kernels = run->kernels,
                              .x = run->input,
                              .weights = run->weights,
                              .epilogue = run->epilogue,
                              .window = run->window ? run->window : &all,
                              .y = run->output,
                              .scratch = run->scratch,
                              .sizes = group_sizes(convolution)};
    job.cells = window_cells(job.window);
    job.whole = job.cells == convolution_plane(convolution->output);
    if (job.cells == 0 || convolution->batch == 0)
        return;
    job.tile = convolution_tile_cells(convolution, job.sizes.rows);
    int64_t threads = thread_pool_size(run->pool), items = convolution->batch * convolution->groups;
    if (items * ((job.cells + job.tile - 1) / job.tile) < threads && job.cells / threads >= 96)
        job.tile = int64_min((job.cells / threads + 16) / 16 * 16, job.tile);
    job.tiles = (job.cells + job.tile - 1) / job.tile;
    job.row_parts = 1;
    if (items * job.tiles < threads)
        job.row_parts = int64_min(job.sizes.outputs, threads);
    job.scratch_floats = forward_floats(convolution);
    thread_pool_run(run->pool, forward_tile, &job, (size_t)(items * job.tiles * job.row_parts));
}

const struct convolution_method convolution_columns = {
    .name = "columns", .half = true, .applies = applies, .scratch = scratch, .run = run_columns};
