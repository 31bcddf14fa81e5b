#include <math.h>

#include "base/number.h"
#include "kernel/gemm.h"
#include "kernel/linear_half.h"
#include "kernel/product_blocks.h"

/* Rows of dy that pass over a part of the weights before it is transposed again for the next ones. */
#define BLOCK_ROWS 512
/* Floats of what a thread has transposed, and of what it widened of a panel before. */
#define TRANSPOSED (PRODUCT_CHUNK * PRODUCT_MAX_WIDTH)
#define WIDENED (PRODUCT_MAX_WIDTH * PRODUCT_MAX_WIDTH)

struct backward_job {
    const struct linear *linear;
    const struct kernels *kernels;
    struct product_panels panels, outputs; /* of w's columns, over which the sums go, and of dx's */
    const float *dy;
    const void *packed;
    float *dx, *scratch;   /* scratch [threads, TRANSPOSED + WIDENED] */
    int64_t blocks, parts; /* of rows, of outputs */
};

/* Panels that are summed before they join dx: as PRODUCT_CHUNK says. */
static int64_t chunk_panels(const struct product_kernel *kernel)
{
    return PRODUCT_CHUNK / (kernel->vectors * kernel->vector);
}

/* out[j * width + k] = w[first + k][column + j] for the columns of panels [begin, end), zero for k beyond `depth`;
 * returns how many columns that are. */
static int64_t transpose_panels(const struct backward_job *job, int64_t begin, int64_t end,
                                const struct product_panel *output, float *out, float *widened)
{
    int64_t width = (int64_t)output->vectors * job->panels.vector, place = 0;
    for (int64_t p = begin; p < end; p++) {
        const struct product_panel panel = product_panel(&job->panels, p);
        int64_t row = (int64_t)panel.vectors * job->panels.vector;
        const float *from = (const float *)job->packed + panel.column * job->linear->depth + output->column * row;
        if (job->linear->half) {
            job->kernels->widen((const uint16_t *)job->packed + panel.column * job->linear->depth +
                                    output->column * row,
                                widened, output->columns * row);
            from = widened;
        }
        product_transpose(from, row, job->kernels, panel.columns, output->columns, width, out + place * width);
        place += panel.columns;
    }
    return place;
}

/* Rows [begin, end) of one panel of outputs. */
static void run_output(const struct backward_job *job, int64_t index, int64_t begin, int64_t end, float *transposed)
{
    const struct linear *linear = job->linear;
    const struct product_panel output = product_panel(&job->outputs, index);
    int64_t each = chunk_panels(job->kernels->product), panel = 0;
    do { /* once at least: sums of nothing are zero */
        int64_t last = int64_min(panel + each, job->panels.count), column = product_panel(&job->panels, panel).column;
        struct product_tile tile = {
            .depth = transpose_panels(job, panel, last, &output, transposed, transposed + TRANSPOSED),
            .x = job->dy + begin * linear->columns + column,
            .x_row = linear->columns,
            .x_step = 1,
            .w = transposed,
            .vectors = output.vectors,
            .columns = (int)output.columns,
            .adds = panel > 0,
            .low = -INFINITY,
            .high = INFINITY,
            .y = job->dx + begin * linear->depth + output.column,
            .y_row = linear->depth};
        product_rows(job->kernels->product, tile, end - begin, NULL);
        panel = last;
    } while (panel < job->panels.count);
}

static void run_part(void *argument, size_t index, int thread)
{
    const struct backward_job *job = argument;
    float *transposed = job->scratch + thread * (TRANSPOSED + WIDENED);
    size_t begin, end, first, last, blocks = (size_t)job->blocks;
    thread_slice((size_t)job->linear->rows, blocks, index % blocks, &begin, &end);
    thread_slice((size_t)job->outputs.count, (size_t)job->parts, index / blocks, &first, &last);
    for (size_t output = first; output < last; output++)
        run_output(job, (int64_t)output, (int64_t)begin, (int64_t)end, transposed);
}

size_t linear_backward_scratch(const struct linear *linear, const struct kernels *kernels, int threads)
{
    bool transposes = kernels->product && !linear_half_applies(linear, kernels);
    return transposes ? (size_t)(threads * (TRANSPOSED + WIDENED)) * sizeof(float) : 0;
}

void linear_run_backward(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                         const float *dy, const void *packed, float *dx, void *scratch)
{
    if (linear_half_applies(linear, kernels)) {
        const struct linear back = {linear->rows, linear->depth, linear->columns, !linear->transposed, true};
        linear_half_run(&back, kernels, pool, dy, packed, dx);
        return;
    }
    struct backward_job job = {.linear = linear,
                               .kernels = kernels,
                               .panels = product_panels(kernels->product, linear->columns),
                               .outputs = product_panels(kernels->product, linear->depth),
                               .dy = dy,
                               .packed = packed,
                               .dx = dx,
                               .scratch = scratch,
                               .blocks = (linear->rows + BLOCK_ROWS - 1) / BLOCK_ROWS};
    bool shared = linear->rows * linear->columns * linear->depth >= GEMM_WORTH_A_THREAD;
    job.parts = shared ? int64_min(job.outputs.count, 4 * (int64_t)thread_pool_size(pool)) : 1;
    thread_pool_run(pool, run_part, &job, (size_t)(job.blocks * job.parts));
}
