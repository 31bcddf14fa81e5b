/* What the methods of computing a convolution share. */
#ifndef FOVEA_KERNEL_CONVOLUTION_SHARED_H
#define FOVEA_KERNEL_CONVOLUTION_SHARED_H

#include "kernel/implicit_gemm.h"

/* One run: from x to y, or from dy to dx. */
struct convolution_run {
    const struct convolution *convolution;
    const struct kernels *kernels;
    struct thread_pool *pool;
    const float *input;
    const float *weights;            /* plain, or packed by the method, if it does so in halves */
    const struct epilogue *epilogue; /* or NULL */
    const struct window *window;     /* of the convolution's outputs; NULL: all */
    float *output, *scratch;
};

/* A way to compute the forward or the input gradient of some convolutions. */
struct convolution_method {
    const char *name;
    bool half; /* weights may be kept in half precision: by `pack`, or as they lie where it has none */
    bool (*applies)(const struct convolution *convolution, const struct kernels *kernels);
    /* Bytes of packed weights; NULL: it reads the plain ones. */
    size_t (*packed_bytes)(const struct convolution *convolution, const struct kernels *kernels);
    void (*pack)(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                 void *packed);
    /* Bytes of scratch for all threads. */
    size_t (*scratch)(const struct convolution *convolution, const struct kernels *kernels, int threads);
    void (*run)(const struct convolution_run *run);
};

/* One weight gradient: of dy [batch, output_channels, output] and x into dw. */
struct weight_gradient_run {
    const struct convolution *convolution;
    const struct kernels *kernels;
    struct thread_pool *pool;
    const float *x, *dy;
    float *dw, *scratch;
};

/* A way to compute the weight gradient of some convolutions. */
struct weight_gradient_method {
    const char *name;
    bool (*applies)(const struct convolution *convolution, const struct kernels *kernels);
    size_t (*scratch)(const struct convolution *convolution, const struct kernels *kernels, int threads);
    void (*run)(const struct weight_gradient_run *run);
};

extern const struct convolution_method convolution_depthwise, convolution_depthwise_plain, convolution_taps,
    convolution_winograd, convolution_tiled, convolution_columns;
extern const struct convolution_method input_gradient_depthwise, input_gradient_few, input_gradient_winograd,
    input_gradient_tiled, input_gradient_columns;
extern const struct weight_gradient_method weight_gradient_depthwise, weight_gradient_winograd, weight_gradient_packed,
    weight_gradient_columns;

/* One tap, stride 1, no pads: the columns are the input itself. */
bool convolution_is_product(const struct convolution *convolution);
/* One input channel per group, in two dimensions. */
bool convolution_is_depthwise(const struct convolution *convolution);
/* The forward product of one group for the outputs in `window`. */
struct implicit_gemm convolution_gemm(const struct convolution *convolution, const struct window *window);
/* Cells of one channel. */
int64_t convolution_plane(const int64_t size[3]);
/* Taps of one input channel. */
int64_t convolution_tap_count(const struct convolution *convolution);
/* All outputs; the cells of a window. */
struct window convolution_all(const struct convolution *convolution);
int64_t window_cells(const struct window *window);
/* Columns that are worked on at a time when the column matrix has `rows` rows. */
int64_t convolution_tile_cells(const struct convolution *convolution, int64_t rows);
/* Channels that one item works on where `items` of them are to keep the threads busy. */
int64_t convolution_channel_block(int64_t channels, int64_t items, int64_t threads);
/* Bias, residual (of these elements) and activation on `count` elements of one output channel. */
void convolution_finish(const struct kernels *kernels, const struct epilogue *epilogue, int64_t channel,
                        const float *residual, int64_t count, float *y);

#endif
