/* The functions of enum unary in double, for models in that type: loops without instruction sets. */
#include <math.h>

#include "op/elementary.h"
#include "op/unary.h"

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double hard_sigmoid(double x, double alpha, double beta)
{
    double y = alpha * x + beta;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double hard_sigmoid_slope(double x, double alpha, double beta)
{
    double y = alpha * x + beta;
    return y > 0 && y < 1 ? alpha : 0;
}

/* Density and distribution of the normal distribution. */
static double normal_density(double x)
{
    return 0.39894228040143267794 * exp(-0.5 * x * x);
}

static double normal_distribution(double x)
{
    return 0.5 * erfc(-0.70710678118654752440 * x);
}

static double gelu_tanh_inner(double x)
{
    return tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x));
}

static double gelu_tanh_slope(double x)
{
    double t = gelu_tanh_inner(x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x);
}

static double silu_slope(double x, double alpha)
{
    double s = sigmoid(alpha * x);
    return s * (1 + alpha * x * (1 - s));
}

static double mish_slope(double x)
{
    double t = tanh(softplus(x));
    return t + x * sigmoid(x) * (1 - t * t);
}

/* code, f(x), f'(x) with the same conventions at kinks as the kernels in float */
#define DOUBLE_FUNCTIONS(X)                                                                                            \
    X(UNARY_IDENTITY, x, 1)                                                                                            \
    X(UNARY_RELU, x<0 ? 0 : x, x> 0)                                                                                   \
    X(UNARY_CLIP, x < alpha ? alpha : (x > beta ? beta : x), x >= alpha && x <= beta)                                  \
    X(UNARY_LEAKY_RELU, x<0 ? alpha * x : x, x> 0 ? 1 : alpha)                                                         \
    X(UNARY_SIGMOID, sigmoid(x), sigmoid(x) * sigmoid(-x))                                                             \
    X(UNARY_HARD_SIGMOID, hard_sigmoid(x, alpha, beta), hard_sigmoid_slope(x, alpha, beta))                            \
    X(UNARY_HARD_SWISH, x *hard_sigmoid(x, 1.0 / 6, 0.5), x <= -3 ? 0 : (x < 3 ? x / 3 + 0.5 : 1))                     \
    X(UNARY_SILU, x *sigmoid(alpha *x), silu_slope(x, alpha))                                                          \
    X(UNARY_TANH, tanh(x), 1 - tanh(x) * tanh(x))                                                                      \
    X(UNARY_GELU_ERF, x *normal_distribution(x), normal_distribution(x) + x * normal_density(x))                       \
    X(UNARY_GELU_TANH, 0.5 * x * (1 + gelu_tanh_inner(x)), gelu_tanh_slope(x))                                         \
    X(UNARY_ELU, x<0 ? alpha * expm1(x) : x, x> 0 ? 1 : alpha *exp(x))                                                 \
    X(UNARY_SOFTPLUS, softplus(x), sigmoid(x))                                                                         \
    X(UNARY_MISH, x *tanh(softplus(x)), mish_slope(x))                                                                 \
    X(UNARY_EXP, exp(x), exp(x))                                                                                       \
    X(UNARY_ERF, erf(x), 1.12837916709551257390 * exp(-x * x))                                                         \
    X(UNARY_SQRT, sqrt(x), 0.5 / sqrt(x))                                                                              \
    X(UNARY_RECIPROCAL, 1 / x, -1 / (x * x))

#define DEFINE_DOUBLE(code, value, derivative)                                                                         \
    DEFINE_ELEMENT_LOOP(loop, code, double, ELEMENT_VALUE, value)                                                      \
    DEFINE_ELEMENT_LOOP(slope, code, double, ELEMENT_SLOPE, derivative)
DOUBLE_FUNCTIONS(DEFINE_DOUBLE)

element_loop *double_loop(enum unary function, bool gradient)
{
    static element_loop *const loops[UNARY_COUNT][2] = {
#define LIST_DOUBLE(code, value, derivative) [code] = {loop_##code##_double, slope_##code##_double},
        DOUBLE_FUNCTIONS(LIST_DOUBLE)};
    return loops[function][gradient];
}
