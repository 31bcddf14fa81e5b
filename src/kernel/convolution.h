/* Convolution of every kind on NC(D)HW float buffers: forward, input gradient, weight gradient. All three read one
 * geometry; weights are [output_channels, input_channels / groups, kernel...] (ONNX Conv). */
#ifndef FOVEA_KERNEL_CONVOLUTION_H
#define FOVEA_KERNEL_CONVOLUTION_H

#include <stddef.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernel/activation_limits.h"

/* Three spatial axes always (depth, height, width); unused leading ones have size 1, stride 1, no pads. */
struct convolution {
    int64_t batch, groups, input_channels, output_channels;
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], dilation[3], pad_begin[3], pad_end[3];
    bool direct; /* the methods that multiply every tap, no others */
    bool half;   /* packed weights are kept in half precision where the method reads them tap by tap */
};

/* A box of cells [begin, end) per spatial axis. */
struct window {
    int64_t begin[3], end[3];
};

/* What happens to an output element before it is stored: y = activation(conv + bias + residual). */
struct epilogue {
    const float *bias;     /* [output_channels] or NULL */
    const float *residual; /* laid out as the output, or NULL */
    enum unary activation;
    float alpha, beta;
};

/* Limits of its activation; NULL: there are none. */
struct activation_limits epilogue_limits(const struct epilogue *epilogue);

/* Weights rearranged once for one geometry; `data` holds convolution_packed_bytes() bytes, 64-byte aligned. Zero bytes
 * mean that the kernel reads the plain weights. */
struct convolution_weights {
    const float *plain;
    const void *packed; /* or NULL: not packed */
};

/* Fills output[] from the other fields. Error on non-positive sizes or strides, overflow, or an empty output. */
int convolution_complete(struct convolution *convolution, struct error *error);

/* Forward. `packed` says whether the weights come packed; else the scratch has room for packing them. `window`
 * restricts the computed outputs (NULL: all; others stay untouched). `scratch` holds convolution_forward_scratch()
 * bytes, 64-byte aligned. */
size_t convolution_packed_bytes(const struct convolution *convolution, const struct kernels *kernels);
void convolution_pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                      void *packed);
size_t convolution_forward_scratch(const struct convolution *convolution, const struct kernels *kernels, int threads,
                                   bool packed);
void convolution_forward(const struct convolution *convolution, const struct kernels *kernels, struct thread_pool *pool,
                         const float *x, const struct convolution_weights *weights, const struct epilogue *epilogue,
                         const struct window *window, float *y, void *scratch);

/* dx = gradient of the input, with weights packed for it (they differ from the forward's). `window` says outside which
 * outputs dy is zero (NULL: nowhere); dx is written wholly. */
size_t convolution_input_gradient_packed_bytes(const struct convolution *convolution, const struct kernels *kernels);
void convolution_input_gradient_pack(const struct convolution *convolution, const struct kernels *kernels,
                                     const float *weights, void *packed);
size_t convolution_input_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                          int threads, bool packed);
void convolution_input_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                struct thread_pool *pool, const float *dy, const struct convolution_weights *weights,
                                const struct window *window, float *dx, void *scratch);

/* dw = gradient of the weights, summed over the batch. */
size_t convolution_weight_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                           int threads);
void convolution_weight_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                 struct thread_pool *pool, const float *x, const float *dy, float *dw, void *scratch);

/* How each of them is computed, in a word: "tiles", "columns". */
const char *convolution_forward_method(const struct convolution *convolution, const struct kernels *kernels);
const char *convolution_input_gradient_method(const struct convolution *convolution, const struct kernels *kernels);
const char *convolution_weight_gradient_method(const struct convolution *convolution, const struct kernels *kernels);

#endif
