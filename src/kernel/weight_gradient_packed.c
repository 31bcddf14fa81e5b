/* Weight gradient of a convolution as a packed product: dw = dy columns^T, summed over pieces of the images' cells.
 *
 * A block of a few input channels is arranged for a piece: its columns, gathered unless they are the input itself, are
 * transposed into panels of the product kernel, [cell][column], a quarter megabyte at most, which stays in the
 * second-level cache while the rows of dy pass, read where they are. A piece has about as many cells as the kernel sums
 * at a time (PRODUCT_CHUNK): a part of an image, or, of small ones, several, whose dy is put side by side first. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/product_blocks.h"

/* Images of fewer cells are joined. */
#define FEW_CELLS 128
/* Floats of a block's columns for one piece. */
#define BLOCK_FLOATS ((int64_t)1 << 16)

struct product_job {
    const struct convolution *convolution;
    const struct kernels *kernels;
    struct thread_pool *pool;
    const float *x, *dy;
    float *dw;
    int64_t inputs, outputs, taps, cells; /* per group */
    int64_t unit, blocks, row_parts;      /* unit: channels that fill whole vectors */
    int64_t images, parts, pieces, depth; /* of a piece; parts of an image; most cells of a piece */
    int64_t joined, transposed, columns, segments, per_thread; /* floats of scratch */
    float *scratch;
};

static void cut_cells(struct product_job *job)
{
    int64_t batch = job->convolution->batch;
    bool joins = job->cells < FEW_CELLS && batch > 1;
    job->images = joins ? int64_clamp(PRODUCT_CHUNK / job->cells, 1, batch) : 1;
    job->parts = joins ? 1 : product_chunks(job->cells);
    job->pieces = (batch + job->images - 1) / job->images * job->parts;
    job->depth = joins ? job->images * job->cells : (job->cells + job->parts - 1) / job->parts;
}

static void cut_channels(struct product_job *job)
{
    const struct product_kernel *kernel = job->kernels->product;
    int64_t width = kernel->vector * kernel->vectors;
    job->unit = kernel->vector / int64_greatest_divisor(kernel->vector, job->taps);
    int64_t whole = width / int64_greatest_divisor(width, job->taps), most = BLOCK_FLOATS / (job->taps * job->depth);
    most = int64_max(int64_min(whole, most), 1);
    job->blocks = (job->inputs + most - 1) / most;
}

/* Most channels of a block. */
static int64_t block_channels(const struct product_job *job)
{
    int64_t units = (job->inputs + job->unit - 1) / job->unit;
    return int64_min((units + job->blocks - 1) / job->blocks * job->unit, job->inputs);
}

static struct product_job product_job(const struct convolution *convolution, const struct kernels *kernels)
{
    struct product_job job = {.convolution = convolution,
                              .kernels = kernels,
                              .inputs = convolution->input_channels / convolution->groups,
                              .outputs = convolution->output_channels / convolution->groups,
                              .taps = convolution_tap_count(convolution),
                              .cells = convolution_plane(convolution->output)};
    cut_cells(&job);
    cut_channels(&job);
    int64_t rows = block_channels(&job) * job.taps;
    struct window all = convolution_all(convolution);
    struct implicit_gemm gemm = convolution_gemm(convolution, &all);
    bool gathers = !convolution_is_product(convolution);
    int64_t segments = gathers ? implicit_gemm_segments(&gemm, job.depth) : 0;
    job.joined = job.images > 1 ? convolution->batch * convolution->output_channels * job.cells : 0;
    job.transposed = int64_round_up(rows, kernels->product->vector) * job.depth;
    job.columns = gathers ? memory_aligned_floats(rows * job.depth + TILE_MAX_WIDTH) : 0;
    job.segments = memory_aligned_floats(segments * (int64_t)(sizeof(struct tile_segment) / sizeof(float)));
    job.per_thread = memory_aligned_floats(job.transposed) + job.columns + job.segments;
    job.joined = memory_aligned_floats(job.joined);
    return job;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->product && kernels->tile && convolution_plane(convolution->output) > 0;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct product_job job = product_job(convolution, kernels);
    return (size_t)(job.joined + job.per_thread * threads) * sizeof(float);
}

/* The channels [first, first + count) of a group, and their panels. */
struct block {
    int64_t group, first, count;
    struct product_panels panels;
};

/* The cells [begin, end) of `images` images from `image` on, `depth` in all. */
struct piece {
    int64_t image, images, begin, end, depth;
};

static struct piece find_piece(const struct product_job *job, int64_t index)
{
    size_t begin, end;
    thread_slice((size_t)job->cells, (size_t)job->parts, (size_t)(index % job->parts), &begin, &end);
    int64_t image = index / job->parts * job->images;
    int64_t images = int64_min(job->images, job->convolution->batch - image);
    return (struct piece){image, images, (int64_t)begin, (int64_t)end, images * (int64_t)(end - begin)};
}

/* Channels [outputs of a group] of dy for a piece, and how far its rows are apart. */
static const float *piece_rows(const struct product_job *job, const struct piece *piece, int64_t group, int64_t *row)
{
    int64_t channels = job->convolution->output_channels, place = piece->image * channels * job->cells;
    *row = job->images > 1 ? piece->depth : job->cells;
    return (job->images > 1 ? job->scratch : job->dy) + place + group * job->outputs * *row + piece->begin;
}

/* Some channels of dy for one piece: [image][channel][cell] to [channel][image][cell]. */
static void join_images(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct product_job *job = argument;
    struct piece piece = find_piece(job, (int64_t)index);
    int64_t channels = job->convolution->output_channels, cells = job->cells;
    const float *from = job->dy + piece.image * channels * cells;
    float *to = job->scratch + piece.image * channels * cells;
    for (int64_t channel = 0; channel < channels; channel++) {
        for (int64_t image = 0; image < piece.images; image++)
            memcpy(to + channel * piece.depth + image * cells, from + (image * channels + channel) * cells,
                   (size_t)cells * sizeof *to);
    }
}

/* Rows `pitch` apart to panels, as the cells from `at` on. */
static void transpose_columns(const struct product_job *job, const struct block *block, const struct piece *piece,
                              const float *rows, int64_t pitch, int64_t at, float *transposed)
{
    for (int64_t p = 0; p < block->panels.count; p++) {
        const struct product_panel panel = product_panel(&block->panels, p);
        int64_t width = (int64_t)panel.vectors * block->panels.vector, cells = piece->end - piece->begin;
        float *to = transposed + panel.column * piece->depth + at * width;
        product_transpose(rows + panel.column * pitch, pitch, job->kernels, cells, panel.columns, width, to);
    }
}

static void arrange_columns(const struct product_job *job, const struct block *block, const struct piece *piece,
                            float *transposed)
{
    const struct convolution *convolution = job->convolution;
    int64_t plane = convolution_plane(convolution->input), cells = piece->end - piece->begin;
    float *columns = transposed + memory_aligned_floats(job->transposed);
    struct window all = convolution_all(convolution);
    struct implicit_gemm gemm = convolution_gemm(convolution, &all);
    bool gathers = !convolution_is_product(convolution);
    gemm.channels = block->count;
    for (int64_t i = 0; i < piece->images; i++) {
        int64_t channel = (piece->image + i) * convolution->input_channels + block->group * job->inputs + block->first;
        const float *x = job->x + channel * plane;
        if (gathers)
            implicit_gemm_gather(&gemm, job->kernels->tile, x, piece->begin, piece->end,
                                 (struct tile_segment *)(columns + job->columns), columns);
        transpose_columns(job, block, piece, gathers ? columns : x + piece->begin, gathers ? cells : plane, i * cells,
                          transposed);
    }
}

/* dw of one block, or of some of its rows, piece by piece. */
static void run_block(void *argument, size_t index, int thread)
{
    const struct product_job *job = argument;
    size_t block_index = index / (size_t)job->row_parts % (size_t)job->blocks, first, last, begin, end;
    int64_t units = (job->inputs + job->unit - 1) / job->unit;
    struct block block = {.group = (int64_t)index / job->row_parts / job->blocks};
    thread_slice((size_t)units, (size_t)job->blocks, block_index, &first, &last);
    thread_slice((size_t)job->outputs, (size_t)job->row_parts, index % (size_t)job->row_parts, &begin, &end);
    block.first = (int64_t)first * job->unit;
    block.count = int64_min((int64_t)last * job->unit, job->inputs) - block.first;
    block.panels = product_panels(job->kernels->product, block.count * job->taps);
    float *transposed = job->scratch + job->joined + thread * job->per_thread;
    int64_t columns = job->inputs * job->taps;
    float *dw = job->dw + (block.group * job->outputs + (int64_t)begin) * columns + block.first * job->taps;
    for (int64_t i = 0; i < job->pieces && block.count > 0; i++) {
        struct piece piece = find_piece(job, i);
        int64_t row;
        const float *dy = piece_rows(job, &piece, block.group, &row) + (int64_t)begin * row;
        arrange_columns(job, &block, &piece, transposed);
        for (int64_t p = 0; p < block.panels.count; p++) {
            const struct product_panel panel = product_panel(&block.panels, p);
            const struct product_tile tile = {.depth = piece.depth,
                                              .x = dy,
                                              .x_row = row,
                                              .x_step = 1,
                                              .w = transposed + panel.column * piece.depth,
                                              .vectors = panel.vectors,
                                              .columns = (int)panel.columns,
                                              .adds = i > 0,
                                              .low = -INFINITY,
                                              .high = INFINITY,
                                              .y = dw + panel.column,
                                              .y_row = columns};
            product_rows(job->kernels->product, tile, (int64_t)(end - begin), NULL);
        }
    }
    for (size_t r = begin; r < end && job->pieces == 0; r++)
        memset(dw + (int64_t)(r - begin) * columns, 0, (size_t)(block.count * job->taps) * sizeof *dw);
}

static void run_packed(const struct weight_gradient_run *run)
{
    struct product_job job = product_job(run->convolution, run->kernels);
    job.x = run->x;
    job.dy = run->dy;
    job.dw = run->dw;
    job.scratch = run->scratch;
    int64_t items = run->convolution->groups * job.blocks, threads = thread_pool_size(run->pool);
    job.row_parts = items >= threads ? 1 : int64_min((threads + items - 1) / items, job.outputs);
    if (job.joined > 0)
        thread_pool_run(run->pool, join_images, &job, (size_t)job.pieces);
    thread_pool_run(run->pool, run_block, &job, (size_t)(items * job.row_parts));
}

const struct weight_gradient_method weight_gradient_packed = {
    .name = "packed", .applies = applies, .scratch = scratch, .run = run_packed};
