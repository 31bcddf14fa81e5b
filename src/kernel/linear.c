#include "kernel/linear.h"

#include <math.h>

#include "base/number.h"
#include "kernel/activation_limits.h"
#include "kernel/few_rows.h"
#include "kernel/gemm.h"
#include "kernel/linear_half.h"
#include "kernel/product_blocks.h"

/* Floats of a block of rows of x for one chunk of terms, which stays in the second-level cache while all panels pass:
 * the weights come from further away once a block. */
#define BLOCK_FLOATS ((int64_t)3 << 15)

/* Panels that threads take at a time: enough that fetching the rows of x again does not count. */
#define PART_PANELS 4

/* Without packed weights: floats of y that stay in the second-level cache until bias and activation have them. */
#define PLAIN_FLOATS ((int64_t)1 << 18)
#define PLAIN_ROWS 128

/* Terms that a panel in half precision is packed by at a time. */
#define HALF_TERMS 128

size_t linear_packed_bytes(const struct linear *linear, const struct kernels *kernels)
{
    if (linear_half_applies(linear, kernels))
        return (size_t)(linear->columns * linear->depth) * sizeof(uint16_t);
    if (!kernels->product || linear->rows <= FEW_ROWS)
        return 0;
    return (size_t)(int64_round_up(linear->columns, kernels->product->vector) * linear->depth) *
           (linear->half ? sizeof(uint16_t) : sizeof(float));
}

#define WIDENED (PRODUCT_MOST_TERMS * PRODUCT_MAX_WIDTH) /* floats of a panel's terms */

struct linear_job {
    const struct linear *linear;
    const struct kernels *kernels;
    struct product_panels panels;
    const float *x, *weights;
    const struct linear_finish *finish;
    void *packed; /* floats or halves */
    float *y;
    int64_t blocks, parts; /* of rows, of panels */
    struct activation_limits limits;
    float *widened; /* [threads, WIDENED] of weights in half precision */
};

static void pack_panel(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct linear_job *job = argument;
    const struct linear *linear = job->linear;
    struct product_panel panel = product_panel(&job->panels, (int64_t)index);
    const struct product_source source = {.w = job->weights,
                                          .transposed = linear->transposed,
                                          .stride = linear->transposed ? linear->depth : linear->columns,
                                          .factor = 1};
    int64_t width = (int64_t)panel.vectors * job->panels.vector;
    if (!linear->half) {
        product_pack(&source, job->kernels, 0, linear->depth, panel.column, panel.columns, width,
                     (float *)job->packed + panel.column * linear->depth);
        return;
    }
    float terms[HALF_TERMS * PRODUCT_MAX_WIDTH];
    for (int64_t first = 0; first < linear->depth; first += HALF_TERMS) {
        int64_t count = int64_min(HALF_TERMS, linear->depth - first);
        product_pack(&source, job->kernels, first, count, panel.column, panel.columns, width, terms);
        job->kernels->narrow(terms, (uint16_t *)job->packed + panel.column * linear->depth + first * width,
                             count * width);
    }
}

size_t linear_scratch(const struct linear *linear, const struct kernels *kernels, int threads)
{
    bool widens = linear->half && kernels->product && !linear_half_applies(linear, kernels);
    return widens ? (size_t)(threads * WIDENED) * sizeof(float) : 0;
}

void linear_pack(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                 const float *weights, void *packed)
{
    if (linear_half_applies(linear, kernels)) {
        linear_half_pack(linear, kernels, pool, weights, packed);
        return;
    }
    struct linear_job job = {.linear = linear,
                             .kernels = kernels,
                             .panels = product_panels(kernels->product, linear->columns),
                             .weights = weights,
                             .packed = packed};
    thread_pool_run(pool, pack_panel, &job, (size_t)job.panels.count);
}

/* Activation and residual of one panel's rows while they are in the cache. */
static void activate(const struct linear_job *job, const struct product_panel *panel, int64_t begin, int64_t end)
{
    const struct linear_finish *finish = job->finish;
    for (int64_t row = begin; row < end; row++) {
        int64_t at = row * job->linear->columns + panel->column;
        float *y = job->y + at;
        job->kernels->unary[finish->activation](y, y, panel->columns, finish->alpha, finish->beta);
        if (finish->residual)
            job->kernels->binary[BINARY_ADD](y, 1, finish->residual + at, 1, y, panel->columns);
    }
}

static const void *panel_terms(const struct linear_job *job, const struct product_panel *panel, int64_t first)
{
    int64_t place = panel->column * job->linear->depth + first * panel->vectors * job->panels.vector;
    return (const char *)job->packed + place * (int64_t)(job->linear->half ? sizeof(uint16_t) : sizeof(float));
}

/* Rows [begin, end) of one panel for the terms of one chunk. */
struct linear_block {
    int64_t panel, chunk, begin, end;
};

/* `widened`: room for the terms of a panel in half precision, which are widened once for all rows. */
static void run_block(const struct linear_job *job, const struct linear_block *block, const void *ahead, float *widened)
{
    const struct linear *linear = job->linear;
    const struct linear_finish *finish = job->finish;
    const struct product_panel panel = product_panel(&job->panels, block->panel);
    int64_t first, last, at = block->begin * linear->columns + panel.column;
    product_chunk(linear->depth, block->chunk, &first, &last);
    struct product_tile tile = {.depth = last - first,
                                .x = job->x + block->begin * linear->depth + first,
                                .x_row = linear->depth,
                                .x_step = 1,
                                .w = linear->half ? widened : panel_terms(job, &panel, first),
                                .vectors = panel.vectors,
                                .columns = (int)panel.columns,
                                .adds = block->chunk > 0,
                                .low = -INFINITY,
                                .high = INFINITY,
                                .y = job->y + at,
                                .y_row = linear->columns};
    bool ends = last == linear->depth;
    if (linear->half)
        job->kernels->widen(panel_terms(job, &panel, first), widened,
                            (last - first) * panel.vectors * job->panels.vector);
    if (ends) {
        tile.bias = finish->bias ? finish->bias + panel.column : NULL;
        tile.low = job->limits.low;
        tile.high = job->limits.high;
        if (job->limits.all && finish->residual) {
            tile.residual = finish->residual + at;
            tile.residual_row = linear->columns;
        }
    }
    product_rows(job->kernels->product, tile, block->end - block->begin, ahead);
    if (ends && !job->limits.all)
        activate(job, &panel, block->begin, block->end);
}

/* Some panels of one block of rows, chunk by chunk. */
static void run_panels(const struct linear_job *job, size_t index, float *widened)
{
    int64_t chunks = product_chunks(job->linear->depth);
    size_t begin, end, first, last, blocks = (size_t)job->blocks;
    thread_slice((size_t)job->linear->rows, blocks, index % blocks, &begin, &end);
    thread_slice((size_t)job->panels.count, (size_t)job->parts, index / blocks, &first, &last);
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        for (size_t panel = first; panel < last; panel++) {
            const struct linear_block block = {(int64_t)panel, chunk, (int64_t)begin, (int64_t)end};
            bool turns = panel + 1 == last;
            struct product_panel next = product_panel(&job->panels, (int64_t)(turns ? first : panel + 1));
            int64_t from, to;
            product_chunk(job->linear->depth, (chunk + turns) % chunks, &from, &to);
            run_block(job, &block, panel_terms(job, &next, from), widened);
        }
    }
}

static void run_part(void *argument, size_t index, int thread)
{
    (void)thread;
    run_panels(argument, index, NULL);
}

static void run_half_part(void *argument, size_t index, int thread)
{
    const struct linear_job *job = argument;
    run_panels(job, index, job->widened + thread * WIDENED);
}

/* Blocks of rows keep all threads busy where there are several for each; else the panels are shared. */
static void divide_work(struct linear_job *job, int64_t threads)
{
    const struct linear *linear = job->linear;
    int64_t depth = int64_min(linear->depth, PRODUCT_CHUNK), most = BLOCK_FLOATS / int64_max(depth, 1);
    job->blocks = (linear->rows + most - 1) / most;
    job->parts = 1;
    if (threads == 1 || linear->rows * linear->columns * linear->depth < GEMM_WORTH_A_THREAD)
        return;
    if (job->blocks >= 4 * threads)
        job->blocks = int64_round_up(job->blocks, threads);
    else
        job->parts = int64_min(int64_clamp(job->panels.count / PART_PANELS, threads, 4 * threads), job->panels.count);
}

static void run_packed(struct linear_job *job, struct thread_pool *pool)
{
    job->limits = activation_limits(job->finish->activation, job->finish->alpha, job->finish->beta);
    divide_work(job, thread_pool_size(pool));
    thread_pool_run(pool, job->linear->half ? run_half_part : run_part, job, (size_t)(job->blocks * job->parts));
}

/* Bias, activation and residual on whole rows, some for each thread. */
static void finish_rows(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct linear_job *job = argument;
    const struct linear_finish *finish = job->finish;
    const struct product_panel row = {.columns = job->linear->columns};
    size_t begin, end;
    thread_slice((size_t)job->linear->rows, (size_t)job->parts, index, &begin, &end);
    for (size_t i = begin; i < end && finish->bias; i++) {
        float *y = job->y + (int64_t)i * row.columns;
        job->kernels->binary[BINARY_ADD](y, 1, finish->bias, 1, y, row.columns);
    }
    activate(job, &row, (int64_t)begin, (int64_t)end);
}

static int64_t finish_parts(const struct linear *linear, int64_t threads)
{
    const int64_t worth_a_thread = 1 << 14; /* elements */
    return int64_clamp(linear->rows * linear->columns / worth_a_thread, 1, threads);
}

static void run_plain(struct linear_job *job, struct thread_pool *pool, const float *w)
{
    struct linear linear = *job->linear;
    struct linear_finish finish = *job->finish;
    int64_t total = linear.rows, columns = linear.columns, threads = thread_pool_size(pool);
    int64_t block = threads * int64_max(PLAIN_FLOATS / int64_max(columns, 1), PLAIN_ROWS);
    job->linear = &linear;
    job->finish = &finish;
    job->parts = finish_parts(&linear, threads);
    for (int64_t first = 0; first < total; first += block) {
        linear.rows = int64_min(total - first, block);
        const struct gemm gemm = {.transpose_b = linear.transposed,
                                  .m = linear.rows,
                                  .n = columns,
                                  .k = linear.depth,
                                  .lda = linear.depth,
                                  .ldb = linear.transposed ? linear.depth : columns,
                                  .ldc = columns,
                                  .alpha = 1};
        gemm_run(&gemm, job->kernels, pool, job->x, w, job->y);
        thread_pool_run(pool, finish_rows, job, (size_t)job->parts);
        job->x += linear.rows * linear.depth;
        job->y += linear.rows * columns;
        finish.residual = finish.residual ? finish.residual + linear.rows * columns : NULL;
    }
}

void linear_run(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool, const float *x,
                const struct linear_weights *weights, const struct linear_finish *finish, float *y, void *scratch)
{
    struct linear_job job = {
        .linear = linear, .kernels = kernels, .x = x, .finish = finish, .y = y, .widened = scratch};
    if (!weights->packed) {
        run_plain(&job, pool, weights->plain);
        return;
    }
    if (linear_half_applies(linear, kernels)) {
        linear_half_run(linear, kernels, pool, x, weights->packed, y);
        job.parts = finish_parts(linear, thread_pool_size(pool));
        thread_pool_run(pool, finish_rows, &job, (size_t)job.parts);
        return;
    }
    job.panels = product_panels(kernels->product, linear->columns);
    job.packed = (void *)(uintptr_t)weights->packed;
    run_packed(&job, pool);
}
