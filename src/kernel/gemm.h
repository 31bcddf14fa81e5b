/* Dense products, row-major: C = alpha op(A) op(B) + beta C. */
#ifndef FOVEA_KERNEL_GEMM_H
#define FOVEA_KERNEL_GEMM_H

#include "base/thread_pool.h"
#include "kernel/kernels.h"

/* Multiply-accumulates that another thread pays for. */
#define GEMM_WORTH_A_THREAD (1 << 18)

struct gemm {
    bool transpose_a, transpose_b; /* A is [m,k] ([k,m] when transposed), B [k,n] ([n,k]) */
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
    float alpha, beta;
};

/* Splits m or n over the pool. beta == 0 overwrites C even if it holds NaN. k == 0 scales C by beta. */
void gemm_run(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, const float *a,
              const float *b, float *c);
/* `count` independent products at the given element offsets (batched MatMul); parallel over the products or inside one,
 * whichever is wider. */
void gemm_batch(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, int64_t count,
                const float *a, const int64_t *offset_a, const float *b, const int64_t *offset_b, float *c,
                const int64_t *offset_c);

/* Around public calls: OpenBLAS starts no threads of its own in between. */
void gemm_enter(void);
void gemm_leave(void);

/* The `gemm` of the tables: plain blocked C, and those of the levels that have product kernels. */
void gemm_portable(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                   int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
void gemm_avx2(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
               int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
void gemm_avx512(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
/* What those are made of: on this thread, by the way that suits the shape. */
void gemm_with(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const float *b, float *c);

#endif
