/* The vectorisable inner loops. This file is compiled once per instruction set: KERNEL_LEVEL names the table that it
 * defines, KERNEL_GEMM the matrix product that goes with it. */
#include <math.h>
#include <string.h>

#include "kernel/depthwise.h"
#include "kernel/gemm.h"
#include "kernel/level.h"

/* e^x to about 1e-7 relative (range reduction by powers of two, Taylor polynomial of degree 7 on +-ln(2)/2);
 * branch-free, so that compilers vectorise it. NaN stays NaN, large arguments give infinity or 0. */
static inline float exponential(float x)
{
    float clamped = x > 89.0f ? 89.0f : x;
    clamped = clamped < -104.0f ? -104.0f : clamped;
    union {
        float f;
        int bits;
    } shifted = {clamped * 1.44269504f + 12582912.0f}; /* 1.5 2^23: the low bits are the rounded number */
    float turns = shifted.f - 12582912.0f;
    float rest = (clamped - turns * 0.693359375f) + turns * 2.12194440e-4f;
    float p = 1.98412698e-4f;
    p = p * rest + 1.38888889e-3f;
    p = p * rest + 8.33333333e-3f;
    p = p * rest + 4.16666667e-2f;
    p = p * rest + 1.66666667e-1f;
    p = p * rest + 0.5f;
    p = p * rest + 1.0f;
    p = p * rest + 1.0f;
    int exponent = shifted.bits - 0x4b400000, half = exponent / 2; /* of NaN any, but no overflow */
    union {
        unsigned bits;
        float f;
    } low = {(unsigned)(half + 127) << 23}, high = {(unsigned)(exponent - half + 127) << 23};
    return p * low.f * high.f;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exponential(-x));
}

/* Odd polynomial near 0 (Taylor), through e^-2|x| elsewhere. */
static inline float hyperbolic_tangent(float x)
{
    float magnitude = fabsf(x), square = x * x;
    float e = exponential(-2.0f * magnitude);
    float far = copysignf((1.0f - e) / (1.0f + e), x);
    float near = x * (1.0f + square * (-0.333333333f + square * (0.133333333f + square * -0.0539682540f)));
    return magnitude < 0.12f ? near : far;
}

/* erf(x) to about 2e-7: x times a polynomial of x^2 up to 1, beyond 1 - e^(-x^2) times a polynomial of 1 / (1 + x / 2);
 * Chebyshev fits to the function's definition. NaN stays NaN. */
static inline float error_integral(float x)
{
    float magnitude = fabsf(x), square = x * x;
    float p = -9.67359099e-6f;
    p = p * square + 1.1268254e-4f;
    p = p * square - 8.48439656e-4f;
    p = p * square + 5.22105341e-3f;
    p = p * square - 2.68654383e-2f;
    p = p * square + 0.112837826f;
    p = p * square - 0.376126385f;
    p = p * square + 1.12837917f;
    float far = magnitude < 4.0f ? magnitude : 4.0f, t = 1.0f / (1.0f + 0.5f * far);
    float q = 1.29329167e-2f;
    q = q * t + 6.85304426e-2f;
    q = q * t - 0.384646078f;
    q = q * t + 0.479816334f;
    q = q * t - 5.3793553e-2f;
    q = q * t + 0.328946305f;
    q = q * t + 0.264107674f;
    q = q * t + 0.284325781f;
    q = q * t - 1.20402558e-4f;
    float tail = copysignf(1.0f - exponential(-far * far) * q, x);
    return magnitude > 1.0f ? tail : x * p;
}

static inline float hard_sigmoid(float x, float alpha, float beta)
{
    float y = alpha * x + beta;
    y = y < 0.0f ? 0.0f : y;
    return y > 1.0f ? 1.0f : y;
}

static inline float softplus(float x)
{
    return x > 20.0f ? x : log1pf(expf(x));
}

static inline float gelu_tanh_argument(float x)
{
    return 0.797884561f * (x + 0.044715f * x * x * x);
}

/* name, f(x), f'(x); alpha and beta as enum unary says */
#define UNARY_FUNCTIONS(X)                                                                                             \
    X(UNARY_IDENTITY, identity, x, 1.0f)                                                                               \
    X(UNARY_RELU, relu, x<0.0f ? 0.0f : x, x> 0.0f ? 1.0f : 0.0f)                                                      \
    X(UNARY_CLIP, clip, x < alpha ? alpha : (x > beta ? beta : x), x >= alpha && x <= beta ? 1.0f : 0.0f)              \
    X(UNARY_LEAKY_RELU, leaky_relu, x<0.0f ? alpha * x : x, x> 0.0f ? 1.0f : alpha)                                    \
    X(UNARY_SIGMOID, logistic, sigmoid(x), sigmoid(x) * (1.0f - sigmoid(x)))                                           \
    X(UNARY_HARD_SIGMOID, hard_logistic, hard_sigmoid(x, alpha, beta),                                                 \
      alpha *x + beta > 0.0f && alpha * x + beta < 1.0f ? alpha : 0.0f)                                                \
    X(UNARY_HARD_SWISH, hard_swish, x *hard_sigmoid(x, 1.0f / 6.0f, 0.5f),                                             \
      x <= -3.0f ? 0.0f : (x < 3.0f ? x / 3.0f + 0.5f : 1.0f))                                                         \
    X(UNARY_SILU, silu, x *sigmoid(alpha *x), sigmoid(alpha *x) * (1.0f + alpha * x * (1.0f - sigmoid(alpha * x))))    \
    X(UNARY_TANH, tangent, hyperbolic_tangent(x), 1.0f - hyperbolic_tangent(x) * hyperbolic_tangent(x))                \
    X(UNARY_GELU_ERF, gelu_erf, 0.5f * x * (1.0f + error_integral(x * 0.707106781f)),                                  \
      0.5f * (1.0f + error_integral(x * 0.707106781f)) + x * 0.398942280f * exponential(-0.5f * x * x))                \
    X(UNARY_GELU_TANH, gelu_tanh, 0.5f * x * (1.0f + hyperbolic_tangent(gelu_tanh_argument(x))),                       \
      0.5f * (1.0f + hyperbolic_tangent(gelu_tanh_argument(x))) +                                                      \
          0.5f * x * (1.0f - hyperbolic_tangent(gelu_tanh_argument(x)) * hyperbolic_tangent(gelu_tanh_argument(x))) *  \
              0.797884561f * (1.0f + 0.134145f * x * x))                                                               \
    X(UNARY_ELU, elu, x<0.0f ? alpha * expm1f(x) : x, x> 0.0f ? 1.0f : alpha *exponential(x))                          \
    X(UNARY_SOFTPLUS, soft_plus, softplus(x), sigmoid(x))                                                              \
    X(UNARY_MISH, mish, x *hyperbolic_tangent(softplus(x)),                                                            \
      hyperbolic_tangent(softplus(x)) +                                                                                \
          x * sigmoid(x) * (1.0f - hyperbolic_tangent(softplus(x)) * hyperbolic_tangent(softplus(x))))                 \
    X(UNARY_EXP, exp, exponential(x), exponential(x))                                                                  \
    X(UNARY_ERF, error_function, error_integral(x), 1.12837917f * exponential(-x * x))                                 \
    X(UNARY_SQRT, square_root, sqrtf(x), 0.5f / sqrtf(x))                                                              \
    X(UNARY_RECIPROCAL, reciprocal, 1.0f / x, -1.0f / (x * x))

#define DEFINE_UNARY(code, name, value, derivative)                                                                    \
    static void apply_##name(const float *from, float *to, int64_t count, float alpha, float beta)                     \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            float x = from[i];                                                                                         \
            to[i] = value;                                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void gradient_##name(const float *from, const float *dy, float *dx, int64_t count, float alpha, float beta) \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        (void)from;                                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            float x = from[i];                                                                                         \
            (void)x;                                                                                                   \
            dx[i] = dy[i] * (derivative);                                                                              \
        }                                                                                                              \
    }
UNARY_FUNCTIONS(DEFINE_UNARY)
#undef DEFINE_UNARY

/* name, z from a and b; maxima and minima keep NaN */
#define BINARY_FUNCTIONS(X)                                                                                            \
    X(BINARY_ADD, add, x + y)                                                                                          \
    X(BINARY_SUBTRACT, subtract, x - y)                                                                                \
    X(BINARY_MULTIPLY, multiply, x *y)                                                                                 \
    X(BINARY_DIVIDE, divide, x / y)                                                                                    \
    X(BINARY_MAXIMUM, maximum, x > y || x != x ? x : y)                                                                \
    X(BINARY_MINIMUM, minimum, x < y || x != x ? x : y)

#define DEFINE_BINARY(code, name, value)                                                                               \
    static void combine_##name(const float *a, int64_t stride_a, const float *b, int64_t stride_b, float *z,           \
                               int64_t count)                                                                          \
    {                                                                                                                  \
        if (stride_a == 1 && stride_b == 1) {                                                                          \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                float x = a[i], y = b[i];                                                                              \
                z[i] = value;                                                                                          \
            }                                                                                                          \
        } else if (stride_a == 1) {                                                                                    \
            float y = b[0];                                                                                            \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                float x = a[i];                                                                                        \
                z[i] = value;                                                                                          \
            }                                                                                                          \
        } else {                                                                                                       \
            float x = a[0];                                                                                            \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                float y = b[i * stride_b];                                                                             \
                z[i] = value;                                                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }
BINARY_FUNCTIONS(DEFINE_BINARY)
#undef DEFINE_BINARY

#define PARTIALS 16

/* Adds the partial sums pairwise. */
static float fold_partials(float partial[PARTIALS])
{
    for (int half = PARTIALS / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            partial[i] += partial[i + half];
    }
    return partial[0];
}

static float sum(const float *x, int64_t count)
{
    float partial[PARTIALS] = {0};
    int64_t i = 0;
    for (; i + PARTIALS <= count; i += PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane++)
            partial[lane] += x[i + lane];
    }
    for (int lane = 0; i < count; i++, lane++)
        partial[lane] += x[i];
    return fold_partials(partial);
}

static float dot(const float *x, const float *y, int64_t count)
{
    float partial[PARTIALS] = {0};
    int64_t i = 0;
    for (; i + PARTIALS <= count; i += PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane++)
            partial[lane] += x[i + lane] * y[i + lane];
    }
    for (int lane = 0; i < count; i++, lane++)
        partial[lane] += x[i] * y[i];
    return fold_partials(partial);
}

static float centred_dot(const float *x, float x_centre, const float *y, float y_centre, int64_t count)
{
    float partial[PARTIALS] = {0};
    int64_t i = 0;
    for (; i + PARTIALS <= count; i += PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane++)
            partial[lane] += (x[i + lane] - x_centre) * (y[i + lane] - y_centre);
    }
    for (int lane = 0; i < count; i++, lane++)
        partial[lane] += (x[i] - x_centre) * (y[i] - y_centre);
    return fold_partials(partial);
}

static void axpy(float alpha, const float *restrict x, float *restrict y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += alpha * x[i];
}

static void moments(const float *x, int64_t count, float *mean, float *variance)
{
    float centre = count > 0 ? sum(x, count) / (float)count : 0.0f;
    *mean = centre;
    *variance = count > 0 ? centred_dot(x, centre, x, centre, count) / (float)count : 0.0f;
}

static void affine(const float *x, float scale, float shift, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * scale + shift;
}

/* The largest number; NaN are left out. */
static float maximum_of(const float *x, int64_t count)
{
    float lanes[PARTIALS];
    int64_t i = 0;
    for (int lane = 0; lane < PARTIALS; lane++)
        lanes[lane] = -INFINITY;
    for (; i + PARTIALS <= count; i += PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane++)
            lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
    for (; i < count; i++)
        lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int lane = 1; lane < PARTIALS; lane++)
        lanes[0] = lanes[lane] > lanes[0] ? lanes[lane] : lanes[0];
    return lanes[0];
}

/* NaN in a row makes all of it NaN through the sum. */
static void softmax_row(const float *x, float *y, int64_t count, bool log)
{
    float largest = maximum_of(x, count);
    if (log) {
        double total = 0;
        for (int64_t i = 0; i < count; i++)
            total += (double)exponential(x[i] - largest);
        float shift = largest + logf((float)total);
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] - shift;
        return;
    }
    for (int64_t i = 0; i < count; i++)
        y[i] = exponential(x[i] - largest);
    float scale = 1.0f / sum(y, count);
    for (int64_t i = 0; i < count; i++)
        y[i] *= scale;
}

/* Each tap adds a shifted row: contiguous loads for stride 1. */
static void depthwise_plane(const struct depthwise_plane *plane)
{
    for (int64_t oy = plane->row_begin; oy < plane->row_end; oy++) {
        float *row = plane->y + oy * plane->output_width;
        for (int64_t ox = plane->column_begin; ox < plane->column_end; ox++)
            row[ox] = plane->bias;
        for (int64_t ky = 0; ky < plane->kernel_height; ky++) {
            int64_t iy = oy * plane->stride_y - plane->pad_top + ky * plane->dilation_y;
            if (iy < 0 || iy >= plane->input_height)
                continue;
            for (int64_t kx = 0; kx < plane->kernel_width; kx++) {
                float weight = plane->w[ky * plane->kernel_width + kx];
                int64_t shift = kx * plane->dilation_x - plane->pad_left, stride = plane->stride_x;
                int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
                int64_t end = plane->input_width - 1 - shift < 0 ? 0 : (plane->input_width - 1 - shift) / stride + 1;
                begin = begin > plane->column_begin ? begin : plane->column_begin;
                end = end < plane->column_end ? end : plane->column_end;
                const float *restrict from = plane->x + iy * plane->input_width + shift;
                float *restrict to = row;
                if (stride == 1) {
                    for (int64_t ox = begin; ox < end; ox++)
                        to[ox] += weight * from[ox];
                } else {
                    for (int64_t ox = begin; ox < end; ox++)
                        to[ox] += weight * from[ox * stride];
                }
            }
        }
    }
}

#define UNARY_ENTRY(code, name, value, derivative) [code] = apply_##name,
#define GRADIENT_ENTRY(code, name, value, derivative) [code] = gradient_##name,
#define BINARY_ENTRY(code, name, value) [code] = combine_##name,

#ifdef TILE_KERNEL
extern const struct tile_kernel TILE_KERNEL;
extern const struct winograd_kernel WINOGRAD_KERNEL;
extern const struct product_kernel LEVEL(product);
extern const struct depthwise_kernel LEVEL(depthwise);
#endif

float PEAK_LOOP(int64_t operations);
extern const struct pool_kernel LEVEL(pool);
extern const struct kernels KERNEL_TABLE;
const struct kernels KERNEL_TABLE = {
    .level = KERNEL_LEVEL,
    .unary = {UNARY_FUNCTIONS(UNARY_ENTRY)},
    .unary_gradient = {UNARY_FUNCTIONS(GRADIENT_ENTRY)},
    .binary = {BINARY_FUNCTIONS(BINARY_ENTRY)},
    .sum = sum,
    .centred_dot = centred_dot,
    .dot = dot,
    .axpy = axpy,
    .moments = moments,
    .affine = affine,
    .softmax_row = softmax_row,
    .depthwise_plane = depthwise_plane,
    .pool = &LEVEL(pool),
    .gemm = KERNEL_GEMM,
    .multiply_adds = PEAK_LOOP,
#ifdef TILE_KERNEL
    .tile = &TILE_KERNEL,
    .winograd = &WINOGRAD_KERNEL,
    .product = &LEVEL(product),
    .depthwise = &LEVEL(depthwise),
#endif
};
