/* The loops of every instruction set against libm in double, their gradients against differences, products against
 * plain loops, from several threads at once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/gemm.h"
#include "kernel/kernels.h"

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

/* The definitions, with alpha 0.3 and beta 0.4. */
static double reference(enum unary function, double x)
{
    const double a = 0.3, b = 0.4;
    switch (function) {
    case UNARY_RELU:
        return fmax(x, 0);
    case UNARY_CLIP:
        return clamp(x, a, b);
    case UNARY_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case UNARY_SIGMOID:
        return sigmoid(x);
    case UNARY_HARD_SIGMOID:
        return clamp(a * x + b, 0, 1);
    case UNARY_HARD_SWISH:
        return x * clamp(x / 6 + 0.5, 0, 1);
    case UNARY_SILU:
        return x * sigmoid(a * x);
    case UNARY_TANH:
        return tanh(x);
    case UNARY_GELU_ERF:
        return x / 2 * (1 + erf(x / sqrt(2)));
    case UNARY_GELU_TANH:
        return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case UNARY_ELU:
        return x < 0 ? a * expm1(x) : x;
    case UNARY_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case UNARY_MISH:
        return x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))));
    case UNARY_EXP:
        return exp(x);
    case UNARY_ERF:
        return erf(x);
    case UNARY_SQRT:
        return sqrt(x);
    case UNARY_RECIPROCAL:
        return 1 / x;
    default:
        return x;
    }
}

enum { COUNT = 403 };

static void check_function(const struct kernels *kernels, enum unary function)
{
    float x[COUNT], y[COUNT], dy[COUNT], dx[COUNT];
    bool positive = function == UNARY_SQRT || function == UNARY_RECIPROCAL;
    for (int i = 0; i < COUNT; i++) {
        x[i] = positive ? 0.01f * (float)(i + 1) : 0.0497f * (float)(i - COUNT / 2);
        dy[i] = 1 + 0.01f * (float)i;
    }
    kernels->unary[function](x, y, COUNT, 0.3f, 0.4f);
    kernels->unary_gradient[function](x, dy, dx, COUNT, 0.3f, 0.4f);
    for (int i = 0; i < COUNT; i++) {
        double at = (double)x[i], expected = reference(function, at), step = 1e-6;
        double slope = (reference(function, at + step) - reference(function, at - step)) / (2 * step);
        if (!(fabs((double)y[i] - expected) <= 3e-6 * (1 + fabs(expected))))
            fail_msg("level %d, function %d at %g: %g, expected %g", kernels->level, function, at, (double)y[i],
                     expected);
        bool kink = fabs(at) < 1e-5 || fabs(fabs(at) - 3) < 1e-3 || function == UNARY_CLIP ||
                    (function == UNARY_HARD_SIGMOID && (fabs(at - 2) < 0.06 || fabs(at + 4.0 / 3) < 0.06));
        if (!kink && !(fabs((double)dx[i] - slope * (double)dy[i]) <= 2e-5 * (1 + fabs(slope * (double)dy[i]))))
            fail_msg("level %d, gradient of function %d at %g: %g, expected %g", kernels->level, function, at,
                     (double)dx[i], slope * (double)dy[i]);
    }
}

static void check_extremes(const struct kernels *kernels)
{
    const float x[4] = {NAN, INFINITY, -INFINITY, -200};
    float y[4];
    kernels->unary[UNARY_RELU](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[2] == 0 && y[3] == 0);
    kernels->unary[UNARY_SIGMOID](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && y[1] == 1 && y[2] == 0 && y[3] < 1e-30f);
    kernels->unary[UNARY_EXP](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[2] == 0);
    kernels->unary[UNARY_ERF](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && y[1] == 1 && y[2] == -1 && y[3] == -1);
    kernels->unary[UNARY_GELU_ERF](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[3] == 0);
    kernels->unary[UNARY_SOFTPLUS](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[2] == 0 && y[3] < 1e-30f);
    kernels->unary[UNARY_MISH](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[3] == 0);
    kernels->unary[UNARY_ELU](x, y, 4, 1, 0);
    assert_true(isnan((double)y[0]) && isinf((double)y[1]) && y[2] == -1 && y[3] == -1);
    kernels->unary[UNARY_TANH](x, y, 4, 0, 0);
    assert_true(isnan((double)y[0]) && y[1] == 1 && y[2] == -1);
}

/* Over the whole range of exponents: e^x and what is made of it keep their relative error, others their absolute. */
static void check_errors(const struct kernels *kernels)
{
    enum { STEPS = 20000 };
    static float x[STEPS], y[STEPS];
    static const struct {
        enum unary function;
        double low, high, relative, absolute;
    } bounds[] = {
        {UNARY_EXP, -86, 88.7, 2e-7, 0},    {UNARY_SIGMOID, -80, 20, 3e-7, 0},  {UNARY_TANH, -12, 12, 4e-7, 0},
        {UNARY_ERF, -6, 6, 0, 4e-7},        {UNARY_GELU_ERF, -8, 8, 0, 1.2e-6}, {UNARY_SILU, -40, 20, 2e-6, 0},
        {UNARY_SOFTPLUS, -80, 30, 4e-7, 0}, {UNARY_MISH, -30, 30, 6e-7, 0},     {UNARY_ELU, -20, 0, 6e-7, 0},
    };
    for (size_t at = 0; at < sizeof bounds / sizeof bounds[0]; at++) {
        for (int i = 0; i < STEPS; i++)
            x[i] = (float)(bounds[at].low + (bounds[at].high - bounds[at].low) * i / (STEPS - 1));
        kernels->unary[bounds[at].function](x, y, STEPS, 0.3f, 0.4f);
        for (int i = 0; i < STEPS; i++) {
            double expected = reference(bounds[at].function, (double)x[i]);
            double error = fabs((double)y[i] - expected);
            if (!(error <= bounds[at].relative * fabs(expected) + bounds[at].absolute))
                fail_msg("level %d, function %d at %g: %g, expected %g", kernels->level, bounds[at].function,
                         (double)x[i], (double)y[i], expected);
        }
    }
}

static void test_functions(void **state)
{
    (void)state;
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        for (int function = 0; function < UNARY_COUNT; function++)
            check_function(kernels_for((enum cpu_level)level), (enum unary)function);
        check_extremes(kernels_for((enum cpu_level)level));
        check_errors(kernels_for((enum cpu_level)level));
    }
}

static void fill(float *values, int count, int seed)
{
    for (int i = 0; i < count; i++)
        values[i] = (float)((i * 7919 + seed * 104729) % 2001 - 1000) / 1000;
}

struct products {
    const struct kernels *kernels;
    int failures[64];
};

enum { M = 13, N = 37, K = 129 };

/* One product of every transposition, compared with three loops. */
static void check_products(void *argument, size_t index, int thread)
{
    struct products *products = argument;
    (void)thread;
    float a[M * K], b[K * N], c[M * N];
    bool ta = index & 1, tb = index & 2;
    float beta = index & 4 ? 0.5f : 0;
    fill(a, M * K, (int)index);
    fill(b, K * N, (int)index + 1);
    for (int i = 0; i < M * N; i++)
        c[i] = beta == 0 ? NAN : 1;
    products->kernels->gemm(ta, tb, M, N, K, 2, a, ta ? M : K, b, tb ? K : N, beta, c, N);
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++) {
            double sum = beta == 0 ? 0 : (double)beta;
            for (int k = 0; k < K; k++)
                sum += 2 * (double)a[ta ? k * M + i : i * K + k] * (double)b[tb ? j * K + k : k * N + j];
            products->failures[index] += !(fabs((double)c[i * N + j] - sum) < 1e-4);
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    struct thread_pool *pool = thread_pool_create(memory, 4, NULL);
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        struct products products = {.kernels = kernels_for((enum cpu_level)level)};
        for (int round = 0; round < 50; round++)
            thread_pool_run(pool, check_products, &products, 64);
        for (int i = 0; i < 64; i++)
            assert_int_equal(products.failures[i], 0);
    }
    thread_pool_destroy(pool);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_transposes(void **state)
{
    enum { MOST = 35, FROM = 41, TO = 37 };
    float from[MOST * FROM], to[MOST * TO];
    (void)state;
    fill(from, MOST * FROM, 3);
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        for (int rows = 1; rows <= MOST; rows += rows < 18 ? 1 : 7) {
            for (int columns = 1; columns <= MOST; columns += columns < 18 ? 1 : 7) {
                for (int i = 0; i < MOST * TO; i++)
                    to[i] = -7;
                kernels_for((enum cpu_level)level)->transpose(from, FROM, to, TO, rows, columns);
                for (int i = 0; i < MOST * TO; i++) {
                    int row = i % TO, column = i / TO;
                    bool inside = row < rows && column < columns;
                    assert_true(to[i] == (inside ? from[row * FROM + column] : -7));
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_transposes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
