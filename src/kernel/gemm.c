#include "kernel/gemm.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>

#include "base/number.h"
#include "kernel/few_rows.h"

/* C rows are scaled first, so that NaN in an overwritten C does not survive. */
static void scale_rows(int64_t m, int64_t n, float beta, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i++) {
        float *row = c + i * ldc;
        for (int64_t j = 0; j < n; j++)
            row[j] = beta == 0.0f ? 0.0f : beta * row[j];
    }
}

void gemm_portable(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                   int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    enum { BLOCK = 256 };
    scale_rows(m, n, beta, c, ldc);
    for (int64_t start = 0; start < k; start += BLOCK) {
        int64_t stop = int64_min(start + BLOCK, k);
        for (int64_t i = 0; i < m; i++) {
            float *row = c + i * ldc;
            for (int64_t p = start; p < stop; p++) {
                float factor = alpha * (transpose_a ? a[p * lda + i] : a[i * lda + p]);
                if (transpose_b) {
                    for (int64_t j = 0; j < n; j++)
                        row[j] += factor * b[j * ldb + p];
                } else {
                    const float *from = b + p * ldb;
                    for (int64_t j = 0; j < n; j++)
                        row[j] += factor * from[j];
                }
            }
        }
    }
}

/* How many threads OpenBLAS starts is the process's setting, not a thread's: one while calls of ours last, as its
 * threads would fight with ours and its sums depend on their number, and what the host had before them and after. */
static pthread_mutex_t host_mutex = PTHREAD_MUTEX_INITIALIZER;
static int host_calls, host_threads;

void gemm_enter(void)
{
    pthread_mutex_lock(&host_mutex);
    if (host_calls++ == 0) {
        host_threads = openblas_get_num_threads();
        openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&host_mutex);
}

void gemm_leave(void)
{
    pthread_mutex_lock(&host_mutex);
    if (--host_calls == 0)
        openblas_set_num_threads(host_threads);
    pthread_mutex_unlock(&host_mutex);
}

/* OpenBLAS's sequential variants are built without locks around their work buffers (Debian 12: two threads may be given
 * the same one), so calls of those must not overlap. */
static pthread_mutex_t openblas_mutex = PTHREAD_MUTEX_INITIALIZER;

static void run_openblas(const struct gemm *gemm, const float *a, const float *b, float *c)
{
    bool overlaps = openblas_get_parallel() != OPENBLAS_SEQUENTIAL;
    if (openblas_get_num_threads() != 1) /* the host has changed it meanwhile */
        openblas_set_num_threads(1);
    if (!overlaps)
        pthread_mutex_lock(&openblas_mutex);
    cblas_sgemm(CblasRowMajor, gemm->transpose_a ? CblasTrans : CblasNoTrans,
                gemm->transpose_b ? CblasTrans : CblasNoTrans, (int)gemm->m, (int)gemm->n, (int)gemm->k, gemm->alpha, a,
                (int)gemm->lda, b, (int)gemm->ldb, gemm->beta, c, (int)gemm->ldc);
    if (!overlaps)
        pthread_mutex_unlock(&openblas_mutex);
}

static bool fits_openblas(const struct gemm *gemm)
{
    return gemm->m <= INT_MAX && gemm->n <= INT_MAX && gemm->k <= INT_MAX && gemm->lda <= INT_MAX &&
           gemm->ldb <= INT_MAX && gemm->ldc <= INT_MAX;
}

void gemm_with(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const float *b, float *c)
{
    if (few_rows_applies(gemm))
        few_rows_run(kernel, gemm, a, b, c);
    else if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0 || !fits_openblas(gemm))
        gemm_portable(gemm->transpose_a, gemm->transpose_b, gemm->m, gemm->n, gemm->k, gemm->alpha, a, gemm->lda, b,
                      gemm->ldb, gemm->beta, c, gemm->ldc);
    else
        run_openblas(gemm, a, b, c);
}

struct gemm_job {
    const struct gemm *gemm;
    const struct kernels *kernels;
    const float *a, *b;
    float *c;
    const int64_t *offset_a, *offset_b, *offset_c;
    size_t parts;
    bool by_rows;
};

/* One slice of rows or columns. */
static void run_part(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct gemm_job *job = argument;
    const struct gemm *gemm = job->gemm;
    size_t begin, end;
    thread_slice((size_t)(job->by_rows ? gemm->m : gemm->n), job->parts, index, &begin, &end);
    int64_t from = (int64_t)begin, size = (int64_t)(end - begin);
    if (size == 0)
        return;
    if (job->by_rows)
        job->kernels->gemm(gemm->transpose_a, gemm->transpose_b, size, gemm->n, gemm->k, gemm->alpha,
                           job->a + (gemm->transpose_a ? from : from * gemm->lda), gemm->lda, job->b, gemm->ldb,
                           gemm->beta, job->c + from * gemm->ldc, gemm->ldc);
    else
        job->kernels->gemm(gemm->transpose_a, gemm->transpose_b, gemm->m, size, gemm->k, gemm->alpha, job->a, gemm->lda,
                           job->b + (gemm->transpose_b ? from * gemm->ldb : from), gemm->ldb, gemm->beta, job->c + from,
                           gemm->ldc);
}

void gemm_run(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, const float *a,
              const float *b, float *c)
{
    int64_t work = gemm->m * gemm->n * (gemm->k > 0 ? gemm->k : 1);
    struct gemm_job job = {.gemm = gemm, .kernels = kernels, .a = a, .b = b, .c = c, .by_rows = gemm->m >= gemm->n};
    job.parts = work >= GEMM_WORTH_A_THREAD ? (size_t)thread_pool_size(pool) : 1;
    thread_pool_run(pool, run_part, &job, job.parts);
}

static void run_one(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct gemm_job *job = argument;
    const struct gemm *gemm = job->gemm;
    job->kernels->gemm(gemm->transpose_a, gemm->transpose_b, gemm->m, gemm->n, gemm->k, gemm->alpha,
                       job->a + job->offset_a[index], gemm->lda, job->b + job->offset_b[index], gemm->ldb, gemm->beta,
                       job->c + job->offset_c[index], gemm->ldc);
}

void gemm_batch(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, int64_t count,
                const float *a, const int64_t *offset_a, const float *b, const int64_t *offset_b, float *c,
                const int64_t *offset_c)
{
    if (count < thread_pool_size(pool)) {
        for (int64_t i = 0; i < count; i++)
            gemm_run(gemm, kernels, pool, a + offset_a[i], b + offset_b[i], c + offset_c[i]);
        return;
    }
    struct gemm_job job = {.gemm = gemm,
                           .kernels = kernels,
                           .a = a,
                           .b = b,
                           .c = c,
                           .offset_a = offset_a,
                           .offset_b = offset_b,
                           .offset_c = offset_c};
    thread_pool_run(pool, run_one, &job, (size_t)count);
}
