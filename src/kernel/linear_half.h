/* Products with weights in half precision that lie as they did in float32 (linear_half_applies). */
#ifndef FOVEA_KERNEL_LINEAR_HALF_H
#define FOVEA_KERNEL_LINEAR_HALF_H

#include "kernel/linear.h"

void linear_half_pack(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                      const float *weights, uint16_t *packed);
/* y = x w. */
void linear_half_run(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                     const float *x, const uint16_t *packed, float *y);

#endif
