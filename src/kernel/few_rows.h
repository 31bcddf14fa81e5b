/* Products of very few rows, which read each element of w once and take as long as that. */
#ifndef FOVEA_KERNEL_FEW_ROWS_H
#define FOVEA_KERNEL_FEW_ROWS_H

#include "kernel/gemm.h"
#include "kernel/product_kernel.h"

/* Most rows for which streaming w as it is beats arranging it for tiles. */
#define FEW_ROWS 4

/* Whether `gemm` has few rows, or one column, that lie as these loops read them. */
bool few_rows_applies(const struct gemm *gemm);
/* C = alpha op(A) op(B) + beta C on this thread. */
void few_rows_run(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const float *b,
                  float *c);
/* The same of few rows of A and a B in half precision. */
void few_rows_run_half(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const uint16_t *b,
                       float *c);

#endif
