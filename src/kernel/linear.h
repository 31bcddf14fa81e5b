/* Products with weights that stay the same: y = activation(x w + bias) + residual. */
#ifndef FOVEA_KERNEL_LINEAR_H
#define FOVEA_KERNEL_LINEAR_H

#include <stddef.h>

#include "base/thread_pool.h"
#include "kernel/kernels.h"

/* x [rows, depth], w [depth, columns] or [columns, depth] when `transposed`, y [rows, columns]. `half`: the weights are
 * packed in half precision, and widened to float32 on the way into the product. */
struct linear {
    int64_t rows, columns, depth;
    bool transposed, half;
};

/* The weights as they are, or packed; the other may be NULL. */
struct linear_weights {
    const float *plain;
    const void *packed;
};

/* What happens to the sums before they are stored. */
struct linear_finish {
    const float *bias;     /* [columns] or NULL */
    const float *residual; /* [rows, columns] or NULL, not y */
    enum unary activation;
    float alpha, beta;
};

/* Bytes of packed weights; 0: few rows, which read the plain ones as fast, or a level without a kernel for them. */
size_t linear_packed_bytes(const struct linear *linear, const struct kernels *kernels);
/* Whether weights in half precision are kept as they lie in float32: for few rows, and where there is no kernel for
 * panels. Else they are packed alike for any number of rows. */
bool linear_half_applies(const struct linear *linear, const struct kernels *kernels);
/* `packed` is 64-byte aligned. */
void linear_pack(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                 const float *weights, void *packed);
/* Bytes of 64-byte aligned scratch: 110 KB a thread where weights in half precision are widened panel by panel. */
size_t linear_scratch(const struct linear *linear, const struct kernels *kernels, int threads);
void linear_run(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool, const float *x,
                const struct linear_weights *weights, const struct linear_finish *finish, float *y, void *scratch);
/* dx [rows, depth] = dy [rows, columns] w^T of weights packed for `linear`, which are transposed part by part: 83 KB of
 * scratch a thread. */
size_t linear_backward_scratch(const struct linear *linear, const struct kernels *kernels, int threads);
void linear_run_backward(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                         const float *dy, const void *packed, float *dx, void *scratch);

#endif
