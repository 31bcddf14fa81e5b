/* The vectorisable inner loops, compiled once per instruction set, and the table of all that the level has. */
#include <math.h>
#include <string.h>

#include "kernel/depthwise.h"
#include "kernel/elementary.h"
#include "kernel/gemm.h"
#include "kernel/level.h"
#include "kernel/loop_words.h"

/* name, f(x), f'(x); alpha and beta as enum unary says */
#define UNARY_FUNCTIONS(X)                                                                                             \
    X(UNARY_IDENTITY, identity, x, splat(1.0f))                                                                        \
    X(UNARY_RELU, relu, at_least(x, 0.0f), either(x > 0.0f, splat(1.0f), splat(0.0f)))                                 \
    X(UNARY_CLIP, clip, either(x < alpha, splat(alpha), at_most(x, beta)),                                             \
      either((x >= alpha) & (x <= beta), splat(1.0f), splat(0.0f)))                                                    \
    X(UNARY_LEAKY_RELU, leaky_relu, either(x < 0.0f, alpha * x, x), either(x > 0.0f, splat(1.0f), splat(alpha)))       \
    X(UNARY_SIGMOID, logistic, sigmoid(x), sigmoid(x) * (1.0f - sigmoid(x)))                                           \
    X(UNARY_HARD_SIGMOID, hard_logistic, hard_sigmoid(x, alpha, beta),                                                 \
      either((alpha * x + beta > 0.0f) & (alpha * x + beta < 1.0f), splat(alpha), splat(0.0f)))                        \
    X(UNARY_HARD_SWISH, hard_swish, x *hard_sigmoid(x, 1.0f / 6.0f, 0.5f),                                             \
      either(x <= -3.0f, splat(0.0f), either(x < 3.0f, x / 3.0f + 0.5f, splat(1.0f))))                                 \
    X(UNARY_SILU, silu, weighted_sigmoid(x, alpha),                                                                    \
      sigmoid(alpha *x) * (1.0f + alpha * x * (1.0f - sigmoid(alpha * x))))                                            \
    X(UNARY_TANH, tangent, hyperbolic_tangent(x), 1.0f - hyperbolic_tangent(x) * hyperbolic_tangent(x))                \
    X(UNARY_GELU_ERF, gelu_erf, gelu(x), gelu_slope(x))                                                                \
    X(UNARY_GELU_TANH, gelu_tanh, 0.5f * x * (1.0f + hyperbolic_tangent(gelu_tanh_argument(x))),                       \
      0.5f * (1.0f + hyperbolic_tangent(gelu_tanh_argument(x))) +                                                      \
          0.5f * x * (1.0f - hyperbolic_tangent(gelu_tanh_argument(x)) * hyperbolic_tangent(gelu_tanh_argument(x))) *  \
              0.797884561f * (1.0f + 0.134145f * x * x))                                                               \
    X(UNARY_ELU, elu, either(x < 0.0f, alpha * exponential_less_one(x), x),                                            \
      either(x > 0.0f, splat(1.0f), alpha * exponential(x)))                                                           \
    X(UNARY_SOFTPLUS, soft_plus, softplus(x), sigmoid(x))                                                              \
    X(UNARY_MISH, mish, x *hyperbolic_tangent_of_softplus(x),                                                          \
      hyperbolic_tangent_of_softplus(x) +                                                                              \
          x * sigmoid(x) * (1.0f - hyperbolic_tangent_of_softplus(x) * hyperbolic_tangent_of_softplus(x)))             \
    X(UNARY_EXP, exp, exponential(x), exponential(x))                                                                  \
    X(UNARY_ERF, error_function, error_integral(x), 1.12837917f * exponential(-x * x))                                 \
    X(UNARY_SQRT, square_root, square_root(x), 0.5f / square_root(x))                                                  \
    X(UNARY_RECIPROCAL, reciprocal, 1.0f / x, -1.0f / (x * x))

#define DEFINE_UNARY(code, name, value, derivative)                                                                    \
    static void apply_##name(const float *from, float *to, int64_t count, float alpha, float beta)                     \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        for (; i + NUMBERS <= count; i += NUMBERS) {                                                                   \
            numbers x = take(from + i);                                                                                \
            put(to + i, value);                                                                                        \
        }                                                                                                              \
        if (i < count) {                                                                                               \
            numbers x = take_some(from + i, count - i);                                                                \
            put_some(to + i, value, count - i);                                                                        \
        }                                                                                                              \
    }                                                                                                                  \
    static void gradient_##name(const float *from, const float *dy, float *dx, int64_t count, float alpha, float beta) \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        for (; i + NUMBERS <= count; i += NUMBERS) {                                                                   \
            numbers x = take(from + i);                                                                                \
            (void)x;                                                                                                   \
            put(dx + i, take(dy + i) * (derivative));                                                                  \
        }                                                                                                              \
        if (i < count) {                                                                                               \
            numbers x = take_some(from + i, count - i);                                                                \
            (void)x;                                                                                                   \
            put_some(dx + i, take_some(dy + i, count - i) * (derivative), count - i);                                  \
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
            INDEPENDENT                                                                                                \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                float x = a[i], y = b[i];                                                                              \
                z[i] = value;                                                                                          \
            }                                                                                                          \
        } else if (stride_a == 1) {                                                                                    \
            float y = b[0];                                                                                            \
            INDEPENDENT                                                                                                \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                float x = a[i];                                                                                        \
                z[i] = value;                                                                                          \
            }                                                                                                          \
        } else {                                                                                                       \
            float x = a[0];                                                                                            \
            INDEPENDENT                                                                                                \
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
    float partial[PARTIALS] = {0}, others[PARTIALS] = {0};
    int64_t i = 0;
    for (; i + 2 * PARTIALS <= count; i += 2 * PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane += NUMBERS) {
            put(partial + lane, take(partial + lane) + take(x + i + lane));
            put(others + lane, take(others + lane) + take(x + i + PARTIALS + lane));
        }
    }
    for (int lane = 0; lane < 2 * PARTIALS && i < count; i += NUMBERS, lane += NUMBERS) {
        float *sums = lane < PARTIALS ? partial + lane : others + lane - PARTIALS;
        put(sums, take(sums) + take_some(x + i, count - i));
    }
    for (int lane = 0; lane < PARTIALS; lane += NUMBERS)
        put(partial + lane, take(partial + lane) + take(others + lane));
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

static void affine(const float *x, float scale, float shift, float *y, int64_t count)
{
    INDEPENDENT
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

/* y = e^(x - shift) and their sum, in one pass. */
static float exponentials(const float *x, float shift, float *y, int64_t count)
{
    float partial[PARTIALS] = {0};
    int64_t i = 0;
    for (; i + PARTIALS <= count; i += PARTIALS) {
        for (int lane = 0; lane < PARTIALS; lane += NUMBERS) {
            numbers e = exponential(take(x + i + lane) - shift);
            put(y + i + lane, e);
            put(partial + lane, take(partial + lane) + e);
        }
    }
    for (int lane = 0; i < count; i += NUMBERS, lane += NUMBERS) {
        numbers e = exponential(take_some(x + i, count - i) - shift);
        put_some(y + i, e, count - i);
        put_some(partial + lane, take(partial + lane) + e, count - i);
    }
    return fold_partials(partial);
}

/* The sum alone, for logarithms: in double. */
static double sum_of_exponentials(const float *x, float shift, int64_t count)
{
    float e[NUMBERS];
    double total = 0;
    for (int64_t i = 0; i < count; i += NUMBERS) {
        put(e, exponential(take_some(x + i, count - i) - shift));
        for (int64_t lane = 0; lane < NUMBERS && i + lane < count; lane++)
            total += (double)e[lane];
    }
    return total;
}

/* NaN in a row makes all of it NaN through the sum. */
static void softmax_row(const float *x, float *y, int64_t count, bool log)
{
    float largest = maximum_of(x, count);
    if (log) {
        float shift = largest + logf((float)sum_of_exponentials(x, largest, count));
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] - shift;
        return;
    }
    float scale = 1.0f / exponentials(x, largest, y, count);
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

#ifdef KERNEL_FAST
extern const struct attention_rows LEVEL(attention);
extern const struct tile_kernel LEVEL(tile);
extern const struct winograd_kernel LEVEL(winograd);
extern const struct winograd_gradient_kernel LEVEL(winograd_gradient);
extern const struct product_kernel LEVEL(product);
extern const struct depthwise_kernel LEVEL(depthwise);
#endif

float LEVEL(peak_loop)(int64_t operations);
extern const struct pool_kernel LEVEL(pool);
extern const struct row_kernel LEVEL(row);
void LEVEL(transpose)(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows, int64_t columns);
void LEVEL(widen)(const uint16_t *from, float *to, int64_t count);
void LEVEL(narrow)(const float *from, uint16_t *to, int64_t count);
extern const struct kernels LEVEL(kernels);
const struct kernels LEVEL(kernels) = {
    .level = KERNEL_LEVEL,
    .unary = {UNARY_FUNCTIONS(UNARY_ENTRY)},
    .unary_gradient = {UNARY_FUNCTIONS(GRADIENT_ENTRY)},
    .binary = {BINARY_FUNCTIONS(BINARY_ENTRY)},
    .sum = sum,
    .centred_dot = centred_dot,
    .dot = dot,
    .axpy = axpy,
    .affine = affine,
    .transpose = LEVEL(transpose),
    .widen = LEVEL(widen),
    .narrow = LEVEL(narrow),
    .softmax_row = softmax_row,
    .depthwise_plane = depthwise_plane,
    .pool = &LEVEL(pool),
    .row = &LEVEL(row),
    .gemm = LEVEL(gemm),
    .multiply_adds = LEVEL(peak_loop),
#ifdef KERNEL_FAST
    .attention = &LEVEL(attention),
    .tile = &LEVEL(tile),
    .winograd = &LEVEL(winograd),
    .winograd_gradient = &LEVEL(winograd_gradient),
    .product = &LEVEL(product),
    .depthwise = &LEVEL(depthwise),
#endif
};
