/* Large dense products of operands that change, as those of training: both are arranged before they are multiplied. */
#ifndef FOVEA_KERNEL_GEMM_LARGE_H
#define FOVEA_KERNEL_GEMM_LARGE_H

#include <stddef.h>

#include "kernel/gemm.h"

/* Bytes that B packed in panels and a transposed A take; 0: the product is left to gemm_run, as it is too small to pay
 * for arranging them, does not overwrite C, or has gaps between rows. */
size_t gemm_large_scratch(const struct gemm *gemm, const struct kernels *kernels);
/* C = op(A) op(B); `scratch` is 64-byte aligned. */
void gemm_large_run(const struct gemm *gemm, const struct kernels *kernels, struct thread_pool *pool, const float *a,
                    const float *b, float *c, void *scratch);

#endif
