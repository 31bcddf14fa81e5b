/* Dense products, row-major: C = alpha op(A) op(B) + beta C. */
#ifndef FOVEA_KERNEL_GEMM_H
#define FOVEA_KERNEL_GEMM_H

#include "base/thread_pool.h"
#include "kernel/kernels.h"

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

#endif
