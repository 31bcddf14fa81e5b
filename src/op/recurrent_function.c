/* The activations that LSTM, GRU and RNN name. Their parameters' defaults are those of the operators of that name. */
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "op/recurrent.h"

static void affine(const float *x, float *y, int64_t count, float alpha, float beta)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = alpha * x[i] + beta;
}

static void affine_slope(const float *x, const float *dy, float *dx, int64_t count, float alpha, float beta)
{
    (void)x, (void)beta;
    for (int64_t i = 0; i < count; i++)
        dx[i] = alpha * dy[i];
}

static void thresholded(const float *x, float *y, int64_t count, float alpha, float beta)
{
    (void)beta;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] <= alpha ? 0 : x[i];
}

static void thresholded_slope(const float *x, const float *dy, float *dx, int64_t count, float alpha, float beta)
{
    (void)beta;
    for (int64_t i = 0; i < count; i++)
        dx[i] = x[i] <= alpha ? 0 : dy[i];
}

static void scaled_tanh(const float *x, float *y, int64_t count, float alpha, float beta)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = alpha * tanhf(beta * x[i]);
}

static void scaled_tanh_slope(const float *x, const float *dy, float *dx, int64_t count, float alpha, float beta)
{
    for (int64_t i = 0; i < count; i++) {
        float t = tanhf(beta * x[i]);
        dx[i] = dy[i] * alpha * beta * (1 - t * t);
    }
}

static void softsign(const float *x, float *y, int64_t count, float alpha, float beta)
{
    (void)alpha, (void)beta;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] / (1 + fabsf(x[i]));
}

static void softsign_slope(const float *x, const float *dy, float *dx, int64_t count, float alpha, float beta)
{
    (void)alpha, (void)beta;
    for (int64_t i = 0; i < count; i++) {
        float divisor = 1 + fabsf(x[i]);
        dx[i] = dy[i] / (divisor * divisor);
    }
}

enum { ALPHA = 1, BETA = 2 };

/* A kernel (enum unary), or a pair of the loops above. */
static const struct {
    const char *name;
    int parameters;
    float alpha, beta;
    enum unary kernel;
    unary_kernel *loop;
    unary_gradient_kernel *slope;
} functions[] = {
    {"Sigmoid", 0, 0, 0, UNARY_SIGMOID, NULL, NULL},
    {"Tanh", 0, 0, 0, UNARY_TANH, NULL, NULL},
    {"Relu", 0, 0, 0, UNARY_RELU, NULL, NULL},
    {"LeakyRelu", ALPHA, 0.01f, 0, UNARY_LEAKY_RELU, NULL, NULL},
    {"Elu", ALPHA, 1, 0, UNARY_ELU, NULL, NULL},
    {"HardSigmoid", ALPHA | BETA, 0.2f, 0.5f, UNARY_HARD_SIGMOID, NULL, NULL},
    {"Softplus", 0, 0, 0, UNARY_SOFTPLUS, NULL, NULL},
    {"Softsign", 0, 0, 0, UNARY_COUNT, softsign, softsign_slope},
    {"Affine", ALPHA | BETA, 1, 0, UNARY_COUNT, affine, affine_slope},
    {"ThresholdedRelu", ALPHA, 1, 0, UNARY_COUNT, thresholded, thresholded_slope},
    {"ScaledTanh", ALPHA | BETA, 1, 1, UNARY_COUNT, scaled_tanh, scaled_tanh_slope},
};

bool recurrent_function_find(const char *name, struct recurrent_function *function, int *parameters)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (text_compare_caseless(functions[i].name, name, strlen(functions[i].name) + 1) == 0) {
            *function = (struct recurrent_function){(int)i, functions[i].alpha, functions[i].beta};
            *parameters = functions[i].parameters;
            return true;
        }
    }
    return false;
}

void recurrent_apply(const struct recurrent_function *function, const struct kernels *kernels, const float *x, float *y,
                     int64_t count)
{
    unary_kernel *loop = functions[function->row].loop;
    if (!loop)
        loop = kernels->unary[functions[function->row].kernel];
    loop(x, y, count, function->alpha, function->beta);
}

void recurrent_slope(const struct recurrent_function *function, const struct kernels *kernels, const float *x,
                     const float *dy, float *dx, int64_t count)
{
    unary_gradient_kernel *slope = functions[function->row].slope;
    if (!slope)
        slope = kernels->unary_gradient[functions[function->row].kernel];
    slope(x, dy, dx, count, function->alpha, function->beta);
}
