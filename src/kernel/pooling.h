/* Max and average pooling over up to three spatial axes, forward and gradient. */
#ifndef FOVEA_KERNEL_POOLING_H
#define FOVEA_KERNEL_POOLING_H

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernel/kernels.h"

/* As struct convolution: three axes, planes = batch * channels. */
struct pooling {
    int64_t planes;
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], dilation[3], pad_begin[3], pad_end[3];
    bool ceil_mode; /* ONNX ceil_mode; a last window that starts in the end padding is dropped (opset 19+ rule, PyTorch)
                     */
    bool count_include_pad; /* average only */
};

int pooling_complete(struct pooling *pooling, struct error *error);
/* `indices` (or NULL): for each output the flat index of its maximum inside its own input plane (row-major), -1 where
 * the window is empty. NaN wins, the first of equals wins. */
void pooling_max(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool, const float *x,
                 float *y, int64_t *indices);
/* dx is written wholly: zero but for the cells named by indices (per plane), which sum their dy. */
void pooling_max_gradient(const struct pooling *pooling, struct thread_pool *pool, const float *dy,
                          const int64_t *indices, float *dx);
void pooling_average(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool,
                     const float *x, float *y);
void pooling_average_gradient(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool,
                              const float *dy, float *dx);

#endif
