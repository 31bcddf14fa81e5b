/* Inner loops on plain float buffers, one table per instruction set. The portable C table is the reference; the others
 * start as copies of it and replace what they do faster. Nothing here allocates. */
#ifndef FOVEA_KERNEL_KERNELS_H
#define FOVEA_KERNEL_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

/* Functions of one variable; alpha and beta are the ONNX attributes or limits of those that have any. */
enum unary {
    UNARY_IDENTITY,
    UNARY_RELU,
    UNARY_CLIP, /* [alpha, beta] */
    UNARY_LEAKY_RELU,
    UNARY_SIGMOID,
    UNARY_HARD_SIGMOID, /* max(0, min(1, alpha x + beta)) */
    UNARY_HARD_SWISH,   /* x * max(0, min(1, x / 6 + 1 / 2)) */
    UNARY_SILU,         /* x * sigmoid(alpha x) */
    UNARY_TANH,
    UNARY_GELU_ERF,
    UNARY_GELU_TANH,
    UNARY_ELU,
    UNARY_SOFTPLUS,
    UNARY_MISH,
    UNARY_EXP,
    UNARY_ERF,
    UNARY_SQRT,
    UNARY_RECIPROCAL,
    UNARY_COUNT
};

enum binary {
    BINARY_ADD,
    BINARY_SUBTRACT,
    BINARY_MULTIPLY,
    BINARY_DIVIDE,
    BINARY_MAXIMUM,
    BINARY_MINIMUM,
    BINARY_COUNT
};

/* y[i] = f(x[i]); x == y is allowed. */
typedef void unary_kernel(const float *x, float *y, int64_t count, float alpha, float beta);
/* dx[i] = dy[i] * f'(x[i]); f' is the one-sided derivative that PyTorch uses at kinks (0 for ReLU at 0). dx may be dy.
 */
typedef void unary_gradient_kernel(const float *x, const float *dy, float *dx, int64_t count, float alpha, float beta);
/* z[i] = a[i * stride_a] op b[i * stride_b], strides 0 (a scalar) or 1; z may be a or b. */
typedef void binary_kernel(const float *a, int64_t stride_a, const float *b, int64_t stride_b, float *z, int64_t count);

struct depthwise_plane;
struct depthwise_kernel;
struct attention_rows;
struct pool_kernel;
struct row_kernel;
struct product_kernel;
struct tile_kernel;
struct winograd_kernel;
struct winograd_gradient_kernel;

struct kernels {
    enum cpu_level level;
    unary_kernel *unary[UNARY_COUNT];
    unary_gradient_kernel *unary_gradient[UNARY_COUNT];
    binary_kernel *binary[BINARY_COUNT];
    /* Sum of x[0..count), with at least eight partial sums. */
    float (*sum)(const float *x, int64_t count);
    float (*dot)(const float *x, const float *y, int64_t count);
    /* Sum of (x - x_centre) * (y - y_centre). */
    float (*centred_dot)(const float *x, float x_centre, const float *y, float y_centre, int64_t count);
    /* y += alpha x */
    void (*axpy)(float alpha, const float *x, float *y, int64_t count);
    /* y = x * scale + shift (scalars), the inner loop of normalisations; x == y is allowed. */
    void (*affine)(const float *x, float scale, float shift, float *y, int64_t count);
    /* to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns. */
    void (*transpose)(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows, int64_t columns);
    /* From halves (IEEE 754 binary16) to floats, and back to the nearest half. */
    void (*widen)(const uint16_t *from, float *to, int64_t count);
    void (*narrow)(const float *from, uint16_t *to, int64_t count);
    /* Softmax of one row of `count` contiguous elements (log: log-softmax). */
    void (*softmax_row)(const float *x, float *y, int64_t count, bool log);
    /* One plane of a depthwise convolution in plain C (depthwise.h). */
    void (*depthwise_plane)(const struct depthwise_plane *plane);
    /* Depthwise convolutions (depthwise.h); NULL: there is none. */
    const struct depthwise_kernel *depthwise;
    /* Rows of normalisations (row_kernel.h). */
    const struct row_kernel *row;
    /* Rows of attention's weights (attention_rows.h); NULL: there are none. */
    const struct attention_rows *attention;
    /* Rows of pools (pool_row.h). */
    const struct pool_kernel *pool;
    /* The inner product of convolutions (tile.h); NULL: there is none, products go through `gemm`. */
    const struct tile_kernel *tile;
    /* Transforms and products of 3x3 convolutions (winograd.h); NULL: there are none. */
    const struct winograd_kernel *winograd;
    /* The same of their weight gradients (winograd_gradient.h). */
    const struct winograd_gradient_kernel *winograd_gradient;
    /* The inner loops of matrix products (product_kernel.h); NULL: there are none. */
    const struct product_kernel *product;
    /* Row-major C[m,n] (+)= A[m,k] B[k,n] with leading dimensions; see gemm.h. */
    void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
    /* So many operations in registers, two of them a multiply-add: the machine's peak (peak.h). */
    float (*multiply_adds)(int64_t operations);
};

/* The table for a level (capped at what this build holds). Static, never released. */
const struct kernels *kernels_for(enum cpu_level level);

#endif
