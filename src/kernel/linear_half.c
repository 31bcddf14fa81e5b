#include "kernel/linear_half.h"

#include <string.h>

#include "base/number.h"
#include "kernel/few_rows.h"

#define PACKED_AT_A_TIME ((int64_t)1 << 16) /* elements */
#define PIECE 256                           /* weights that are widened at a time without a kernel for few rows */

struct half_job {
    const struct linear *linear;
    const struct kernels *kernels;
    const float *from; /* x, or the weights that are packed */
    uint16_t *packed;
    float *y;
    size_t parts;
};

bool linear_half_applies(const struct linear *linear, const struct kernels *kernels)
{
    return linear->half && (linear->rows <= FEW_ROWS || !kernels->product);
}

static void pack_part(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct half_job *job = argument;
    size_t begin, end;
    thread_slice((size_t)(job->linear->depth * job->linear->columns), job->parts, index, &begin, &end);
    job->kernels->narrow(job->from + begin, job->packed + begin, (int64_t)(end - begin));
}

void linear_half_pack(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                      const float *weights, uint16_t *packed)
{
    struct half_job job = {.linear = linear,
                           .kernels = kernels,
                           .from = weights,
                           .packed = packed,
                           .parts = (size_t)(linear->depth * linear->columns / PACKED_AT_A_TIME + 1)};
    thread_pool_run(pool, pack_part, &job, job.parts);
}

/* Columns [begin, end) of y in plain C, in the order of gemm_portable. */
static void run_plain(const struct half_job *job, int64_t begin, int64_t end)
{
    const struct linear *linear = job->linear;
    float weights[PIECE];
    for (int64_t i = 0; i < linear->rows; i++)
        memset(job->y + i * linear->columns + begin, 0, (size_t)(end - begin) * sizeof(float));
    int64_t lines = linear->transposed ? end - begin : linear->depth;
    int64_t length = linear->transposed ? linear->depth : end - begin;
    for (int64_t line = 0; line < lines; line++) {
        int64_t place = linear->transposed ? (begin + line) * linear->depth : line * linear->columns + begin;
        for (int64_t first = 0; first < length; first += PIECE) {
            int64_t count = int64_min(PIECE, length - first);
            job->kernels->widen(job->packed + place + first, weights, count);
            for (int64_t i = 0; i < linear->rows; i++) {
                const float *x = job->from + i * linear->depth + (linear->transposed ? first : line);
                float *y = job->y + i * linear->columns + begin + (linear->transposed ? line : first);
                for (int64_t k = 0; k < count; k++) {
                    if (linear->transposed)
                        *y += x[k] * weights[k];
                    else
                        y[k] += *x * weights[k];
                }
            }
        }
    }
}

static void run_part(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct half_job *job = argument;
    const struct linear *linear = job->linear;
    size_t begin, end;
    thread_slice((size_t)linear->columns, job->parts, index, &begin, &end);
    if (begin == end)
        return;
    if (!job->kernels->product) {
        run_plain(job, (int64_t)begin, (int64_t)end);
        return;
    }
    const struct gemm gemm = {.transpose_b = linear->transposed,
                              .m = linear->rows,
                              .n = (int64_t)(end - begin),
                              .k = linear->depth,
                              .lda = linear->depth,
                              .ldb = linear->transposed ? linear->depth : linear->columns,
                              .ldc = linear->columns,
                              .alpha = 1};
    few_rows_run_half(job->kernels->product, &gemm, job->from,
                      job->packed + (int64_t)begin * (linear->transposed ? linear->depth : 1), job->y + begin);
}

void linear_half_run(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                     const float *x, const uint16_t *packed, float *y)
{
    bool shared = linear->rows * linear->columns * linear->depth >= GEMM_WORTH_A_THREAD;
    struct half_job job = {.linear = linear,
                           .kernels = kernels,
                           .from = x,
                           .packed = (uint16_t *)(uintptr_t)packed,
                           .y = y,
                           .parts = shared ? (size_t)thread_pool_size(pool) : 1};
    thread_pool_run(pool, run_part, &job, job.parts);
}
