#include "kernel/gemm_large.h"

#include "kernel/linear.h"

/* An element of B is arranged in a few cycles and used in m / 16 or more, one of A in n / 16. */
#define FEWEST 256
#define LEAST_DEPTH 64

static struct linear linear_of(const struct gemm *gemm)
{
    return (struct linear){.rows = gemm->m, .columns = gemm->n, .depth = gemm->k, .transposed = gemm->transpose_b};
}

static size_t packed_bytes(const struct gemm *gemm, const struct kernels *kernels)
{
    const struct linear linear = linear_of(gemm);
    return memory_aligned(linear_packed_bytes(&linear, kernels));
}

size_t gemm_large_scratch(const struct gemm *gemm, const struct kernels *kernels)
{
    bool dense = gemm->lda == (gemm->transpose_a ? gemm->m : gemm->k) &&
                 gemm->ldb == (gemm->transpose_b ? gemm->k : gemm->n) && gemm->ldc == gemm->n;
    if (!kernels->product || !dense || gemm->alpha != 1 || gemm->beta != 0 || gemm->m < FEWEST || gemm->n < FEWEST ||
        gemm->k < LEAST_DEPTH)
        return 0;
    return packed_bytes(gemm, kernels) + (gemm->transpose_a ? (size_t)(gemm->m * gemm->k) * sizeof(float) : 0);
}

struct transpose_job {
    const struct gemm *gemm;
    const struct kernels *kernels;
    const float *a;
    float *transposed;
    size_t parts;
};

/* Some rows of what A becomes. */
static void transpose_rows(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct transpose_job *job = argument;
    const struct gemm *gemm = job->gemm;
    size_t begin, end;
    thread_slice((size_t)gemm->m, job->parts, index, &begin, &end);
    job->kernels->transpose(job->a + begin, gemm->lda, job->transposed + (int64_t)begin * gemm->k, gemm->k, gemm->k,
                            (int64_t)(end - begin));
}

void gemm_large_run(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, const float *a,
                    const float *b, float *c, void *scratch)
{
    const struct linear linear = linear_of(gemm);
    const struct linear_weights weights = {.packed = scratch};
    const struct linear_finish finish = {.activation = UNARY_IDENTITY};
    struct transpose_job job = {.gemm = gemm,
                                .kernels = kernels,
                                .a = a,
                                .transposed = (float *)scratch + packed_bytes(gemm, kernels) / sizeof(float),
                                .parts = (size_t)((gemm->m + 63) / 64)};
    linear_pack(&linear, kernels, pool, b, scratch);
    if (gemm->transpose_a)
        thread_pool_run(pool, transpose_rows, &job, job.parts);
    linear_run(&linear, kernels, pool, gemm->transpose_a ? job.transposed : a, &weights, &finish, c, NULL);
}
