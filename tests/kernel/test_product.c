/* Products of many shapes against three plain loops in double, on every instruction set of this machine: packed weights
 * with their epilogues, dense products of every transposition, few rows; one to three threads, whose number does not
 * change a bit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/gemm_large.h"
#include "kernel/linear.h"
#include "tensor/dtype.h"

struct size {
    int64_t rows, columns, depth;
};

/* Every number of rows of a tile, panels of every number of vectors, vectors in part, chunks, nothing at all. */
static const struct size sizes[] = {
    {1, 1, 1},     {2, 1, 7},      {3, 5, 1},      {1, 100, 33},   {4, 1000, 65},  {3, 33, 700},
    {5, 1, 3},     {6, 3, 0},      {2, 3, 0},      {1, 9, 0},      {7, 8, 9},      {9, 17, 20},
    {10, 24, 48},  {11, 25, 47},   {12, 47, 64},   {13, 48, 65},   {14, 49, 100},  {15, 64, 31},
    {16, 96, 384}, {17, 97, 385},  {23, 70, 1000}, {31, 144, 96},  {33, 150, 577}, {0, 4, 4},
    {100, 40, 96}, {197, 112, 77}, {300, 20, 500}, {1100, 9, 100}, {61, 400, 40},  {259, 261, 66},
};

/* In [-1, 1), by a linear congruence with its high bits stirred in. */
static float *noise(int64_t count, uint64_t seed)
{
    float *values = malloc((size_t)count * sizeof *values + 1);
    uint64_t state = seed * 0x9e3779b97f4a7c15u;
    for (int64_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)((state ^ state >> 29) >> 40) / 8388608.0f - 1.0f;
    }
    return values;
}

static float *copy(const float *values, int64_t count)
{
    float *made = malloc((size_t)count * sizeof *made + 1);
    memcpy(made, values, (size_t)count * sizeof *made);
    return made;
}

static struct memory *memory;
static struct thread_pool *pools[3];

/* ---- packed weights ---- */

struct linear_case {
    struct linear linear;
    float *x, *w, *bias, *residual;
    double *sums; /* of x w */
};

static void fill_case(struct linear_case *test, const struct size *size, bool transposed)
{
    int64_t m = size->rows, n = size->columns, depth = size->depth;
    test->linear = (struct linear){m, n, depth, transposed, false};
    test->x = noise(m * depth, 1);
    test->w = noise(n * depth, 2);
    test->bias = noise(n, 3);
    test->residual = noise(m * n, 4);
    test->sums = calloc((size_t)(m * n) + 1, sizeof(double));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t k = 0; k < depth; k++) {
            for (int64_t j = 0; j < n; j++)
                test->sums[i * n + j] +=
                    (double)test->x[i * depth + k] * (double)test->w[transposed ? j * depth + k : k * n + j];
        }
    }
}

static void free_case(struct linear_case *test)
{
    free(test->x);
    free(test->w);
    free(test->bias);
    free(test->residual);
    free(test->sums);
}

static double activated(const struct linear_finish *finish, double sum)
{
    switch (finish->activation) {
    case UNARY_RELU:
        return fmax(sum, 0);
    case UNARY_CLIP:
        return fmin(fmax(sum, (double)finish->alpha), (double)finish->beta);
    case UNARY_GELU_ERF:
        return sum / 2 * (1 + erf(sum / sqrt(2)));
    default:
        return sum;
    }
}

static void *scratch_of(size_t bytes)
{
    return aligned_alloc(64, (bytes + 64) / 64 * 64);
}

static void run(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool, const float *x,
                const struct linear_weights *weights, const struct linear_finish *finish, float *y)
{
    void *scratch = scratch_of(linear_scratch(linear, kernels, thread_pool_size(pool)));
    linear_run(linear, kernels, pool, x, weights, finish, y, scratch);
    free(scratch);
}

static void run_backward(const struct linear *linear, const struct kernels *kernels, struct thread_pool *pool,
                         const float *dy, const void *packed, float *dx)
{
    void *scratch = scratch_of(linear_backward_scratch(linear, kernels, thread_pool_size(pool)));
    linear_run_backward(linear, kernels, pool, dy, packed, dx, scratch);
    free(scratch);
}

/* The result; `first` is that of one thread, or NULL. */
static float *run_case(const struct linear_case *test, const struct kernels *kernels, struct thread_pool *pool,
                       const struct linear_finish *finish, const float *first)
{
    const struct linear *linear = &test->linear;
    int64_t count = linear->rows * linear->columns;
    size_t bytes = linear_packed_bytes(linear, kernels);
    void *packed = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    float *y = malloc((size_t)(count + 1) * sizeof *y);
    for (int64_t i = 0; i <= count; i++)
        y[i] = NAN;
    if (packed)
        linear_pack(linear, kernels, pool, test->w, packed);
    run(linear, kernels, pool, test->x, &(struct linear_weights){packed ? NULL : test->w, packed}, finish, y);
    double tolerance = 1e-6 * ((double)linear->depth / 8 + 4);
    for (int64_t i = 0; i < count; i++) {
        double bias = finish->bias ? (double)finish->bias[i % linear->columns] : 0;
        double expected = activated(finish, test->sums[i] + bias);
        expected += finish->residual ? (double)finish->residual[i] : 0;
        if (!(fabs((double)y[i] - expected) <= tolerance))
            fail_msg("level %d, [%lld, %lld] depth %lld: element %lld is %g, expected %g", kernels->level,
                     (long long)linear->rows, (long long)linear->columns, (long long)linear->depth, (long long)i,
                     (double)y[i], expected);
    }
    assert_true(isnan((double)y[count]));
    if (first)
        assert_memory_equal(y, first, (size_t)count * sizeof *y);
    free(packed);
    return y;
}

static void check_case(const struct linear_case *test)
{
    const struct linear_finish finishes[] = {
        {.activation = UNARY_IDENTITY},
        {.bias = test->bias, .activation = UNARY_RELU},
        {.bias = test->bias, .residual = test->residual, .activation = UNARY_IDENTITY},
        {.residual = test->residual, .activation = UNARY_CLIP, .alpha = -0.5f, .beta = 0.75f},
        {.bias = test->bias, .residual = test->residual, .activation = UNARY_GELU_ERF},
    };
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct kernels *kernels = kernels_for((enum cpu_level)level);
        for (size_t i = 0; i < sizeof finishes / sizeof *finishes; i++) {
            float *y = run_case(test, kernels, pools[0], &finishes[i], NULL);
            for (int threads = 1; threads < 3; threads++)
                free(run_case(test, kernels, pools[threads], &finishes[i], y));
            free(y);
        }
    }
}

/* The gradient of x, of weights packed for the product itself. */
static void check_backward(const struct linear_case *test)
{
    const struct linear *linear = &test->linear;
    int64_t m = linear->rows, n = linear->columns, depth = linear->depth;
    double tolerance = 1e-6 * ((double)n / 8 + 4);
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct kernels *kernels = kernels_for((enum cpu_level)level);
        size_t bytes = linear_packed_bytes(linear, kernels);
        float *dx[3], *dy = test->residual;
        if (bytes == 0)
            continue;
        void *packed = aligned_alloc(64, (bytes + 63) / 64 * 64);
        linear_pack(linear, kernels, NULL, test->w, packed);
        for (int threads = 0; threads < 3; threads++) {
            dx[threads] = malloc((size_t)(m * depth) * sizeof(float) + 1);
            run_backward(linear, kernels, pools[threads], dy, packed, dx[threads]);
            assert_memory_equal(dx[threads], dx[0], (size_t)(m * depth) * sizeof(float));
        }
        for (int64_t i = 0; i < m * depth; i++) {
            int64_t row = i / depth, k = i % depth;
            double sum = 0;
            for (int64_t j = 0; j < n; j++)
                sum += (double)dy[row * n + j] * (double)test->w[linear->transposed ? j * depth + k : k * n + j];
            assert_true(fabs((double)dx[0][i] - sum) <= tolerance);
        }
        free(packed);
        for (int threads = 0; threads < 3; threads++)
            free(dx[threads]);
    }
}

/* ---- dense products ---- */

struct dense_case {
    struct gemm gemm;
    float *a, *b, *c;
};

/* Operands with room between their rows, and C with elements there that stay. */
static void fill_dense(struct dense_case *test, const struct size *size, int form)
{
    bool ta = form & 1, tb = form & 2;
    int64_t gap = form & 4 ? 3 : 0;
    test->gemm = (struct gemm){.transpose_a = ta,
                               .transpose_b = tb,
                               .m = size->rows,
                               .n = size->columns,
                               .k = size->depth,
                               .lda = (ta ? size->rows : size->depth) + gap,
                               .ldb = (tb ? size->depth : size->columns) + gap,
                               .ldc = size->columns + gap,
                               .alpha = form & 8 ? 0.5f : 1,
                               .beta = form & 4 ? (form & 8 ? 0.75f : 1) : 0};
    test->a = noise((ta ? size->depth : size->rows) * test->gemm.lda, 5);
    test->b = noise((tb ? size->columns : size->depth) * test->gemm.ldb, 6);
    test->c = noise(size->rows * test->gemm.ldc, 7);
}

static double dense_element(const struct dense_case *test, int64_t i, int64_t j)
{
    const struct gemm *gemm = &test->gemm;
    double sum = 0;
    for (int64_t k = 0; k < gemm->k; k++)
        sum += (double)test->a[gemm->transpose_a ? k * gemm->lda + i : i * gemm->lda + k] *
               (double)test->b[gemm->transpose_b ? j * gemm->ldb + k : k * gemm->ldb + j];
    return (double)gemm->alpha * sum + (double)gemm->beta * (double)test->c[i * gemm->ldc + j];
}

static float *run_dense(const struct dense_case *test, const struct kernels *kernels, struct thread_pool *pool)
{
    int64_t count = test->gemm.m * test->gemm.ldc;
    float *c = copy(test->c, count);
    for (int64_t i = 0; i < count; i++)
        c[i] = test->gemm.beta == 0 && i % test->gemm.ldc < test->gemm.n ? NAN : c[i];
    gemm_run(&test->gemm, kernels, pool, test->a, test->b, c);
    return c;
}

/* With both operands arranged first, where that is a way. */
static void check_large(const struct dense_case *test, const struct kernels *kernels, const double *expected,
                        double tolerance)
{
    const struct gemm *gemm = &test->gemm;
    size_t bytes = gemm_large_scratch(gemm, kernels);
    float *first = NULL;
    for (int threads = 0; threads < 3 && bytes > 0; threads++) {
        float *c = malloc((size_t)(gemm->m * gemm->n) * sizeof *c);
        void *scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
        gemm_large_run(gemm, kernels, pools[threads], test->a, test->b, c, scratch);
        for (int64_t i = 0; i < gemm->m * gemm->n; i++)
            assert_true(fabs((double)c[i] - expected[i]) <= tolerance);
        if (first)
            assert_memory_equal(c, first, (size_t)(gemm->m * gemm->n) * sizeof *c);
        free(scratch);
        if (threads > 0)
            free(c);
        else
            first = c;
    }
    free(first);
}

static void check_dense(const struct dense_case *test)
{
    const struct gemm *gemm = &test->gemm;
    double *expected = calloc((size_t)(gemm->m * gemm->ldc) + 1, sizeof *expected);
    double tolerance = 1e-6 * ((double)gemm->k / 8 + 4);
    for (int64_t i = 0; i < gemm->m * gemm->ldc; i++)
        expected[i] = i % gemm->ldc < gemm->n ? dense_element(test, i / gemm->ldc, i % gemm->ldc) : (double)test->c[i];
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        for (int threads = 0; threads < 3; threads++) {
            float *c = run_dense(test, kernels_for((enum cpu_level)level), pools[threads]);
            for (int64_t i = 0; i < gemm->m * gemm->ldc; i++) {
                if (!(fabs((double)c[i] - expected[i]) <= tolerance))
                    fail_msg("level %d, [%lld, %lld] depth %lld, %d %d: element %lld is %g, expected %g", level,
                             (long long)gemm->m, (long long)gemm->n, (long long)gemm->k, gemm->transpose_a,
                             gemm->transpose_b, (long long)i, (double)c[i], expected[i]);
            }
            free(c);
        }
        check_large(test, kernels_for((enum cpu_level)level), expected, tolerance);
    }
    free(expected);
}

/* ---- all sizes ---- */

/* Weights in half precision give the bits that float32 ones of the same values give, forward and backward. */
static void check_half(struct linear_case *test)
{
    const struct linear plain = test->linear;
    int64_t weights = plain.columns * plain.depth, count = plain.rows * plain.columns;
    const struct linear_finish finish = {
        .bias = test->bias, .residual = test->residual, .activation = UNARY_CLIP, .alpha = -0.5f, .beta = 0.75f};
    float *rounded = malloc((size_t)weights * sizeof(float) + 1);
    for (int64_t i = 0; i < weights; i++)
        rounded[i] = half_to_float(float_to_half(test->w[i]));
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct kernels *kernels = kernels_for((enum cpu_level)level);
        const struct linear half = {plain.rows, plain.columns, plain.depth, plain.transposed, true};
        const struct gemm back = {false,
                                  !plain.transposed,
                                  plain.rows,
                                  plain.depth,
                                  plain.columns,
                                  plain.columns,
                                  plain.transposed ? plain.depth : plain.columns,
                                  plain.depth,
                                  1,
                                  0};
        size_t bytes = linear_packed_bytes(&plain, kernels), less = linear_packed_bytes(&half, kernels);
        void *packed = aligned_alloc(64, bytes / 64 * 64 + 64), *halves = aligned_alloc(64, less / 64 * 64 + 64);
        float *y[4], *dx[4];
        assert_true(less == (bytes > 0 ? bytes / 2 : (size_t)weights * 2));
        if (bytes > 0)
            linear_pack(&plain, kernels, pools[0], rounded, packed);
        linear_pack(&half, kernels, pools[1], test->w, halves);
        for (int i = 0; i < 4; i++) {
            const struct linear_weights one = {i == 0 && bytes == 0 ? rounded : NULL, i > 0       ? halves
                                                                                      : bytes > 0 ? packed
                                                                                                  : NULL};
            struct thread_pool *pool = pools[i > 0 ? i - 1 : 0];
            y[i] = malloc((size_t)count * sizeof(float) + 1);
            dx[i] = malloc((size_t)(plain.rows * plain.depth) * sizeof(float) + 1);
            run(i > 0 ? &half : &plain, kernels, pool, test->x, &one, &finish, y[i]);
            if (i > 0 || bytes > 0)
                run_backward(i > 0 ? &half : &plain, kernels, pool, test->residual, one.packed, dx[i]);
            else
                gemm_run(&back, kernels, pool, test->residual, rounded, dx[i]);
            assert_memory_equal(y[i], y[0], (size_t)count * sizeof(float));
            assert_memory_equal(dx[i], dx[0], (size_t)(plain.rows * plain.depth) * sizeof(float));
        }
        for (int i = 0; i < 4; i++) {
            free(y[i]);
            free(dx[i]);
        }
        free(packed);
        free(halves);
    }
    free(rounded);
}

/* Every half comes back from float32, and what lies between two of them is rounded as plain C rounds it. */
static void test_halves(void **state)
{
    (void)state;
    enum { HALVES = 1 << 16, MORE = 37 };
    uint16_t *halves = malloc((HALVES + MORE) * sizeof *halves), *back = malloc((HALVES + MORE) * sizeof *back);
    float *values = malloc((HALVES + MORE) * sizeof *values), *between = noise(HALVES + MORE, 8);
    for (int i = 0; i < HALVES + MORE; i++)
        halves[i] = (uint16_t)i;
    for (int i = 0; i < HALVES + MORE; i++)
        between[i] = ldexpf(between[i], i % 48 - 30);
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct kernels *kernels = kernels_for((enum cpu_level)level);
        kernels->widen(halves, values, HALVES + MORE);
        kernels->narrow(values, back, HALVES + MORE);
        for (int i = 0; i < HALVES + MORE; i++) {
            float expected = half_to_float(halves[i]);
            if (isnan((double)expected)) {
                assert_true(isnan((double)values[i]) && isnan((double)half_to_float(back[i])));
                continue;
            }
            assert_memory_equal(&values[i], &expected, sizeof expected);
            assert_int_equal(back[i], halves[i]);
        }
        kernels->narrow(between, back, HALVES + MORE);
        for (int i = 0; i < HALVES + MORE; i++)
            assert_int_equal(back[i], float_to_half(between[i]));
    }
    const float bounds[] = {65519.996f, -65504, INFINITY, -INFINITY, NAN, 1e-8f, 65520, -1e6f};
    assert_true(half_holds(bounds, 6));
    assert_false(half_holds(bounds, 7));
    assert_false(half_holds(bounds + 7, 1));
    free(halves);
    free(back);
    free(values);
    free(between);
}

static void test_linear(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        struct linear_case test;
        fill_case(&test, &sizes[i / 2], i % 2);
        check_case(&test);
        check_backward(&test);
        check_half(&test);
        free_case(&test);
    }
}

static void test_dense(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int form = 0; form < 16; form++) {
            struct dense_case test;
            fill_dense(&test, &sizes[i], form);
            check_dense(&test);
            free(test.a);
            free(test.b);
            free(test.c);
        }
    }
}

/* Infinite and undefined elements reach the results that they belong to and no others. */
static void test_not_finite(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct size *size = &sizes[i];
        if (size->depth == 0 || size->rows < 2 || size->columns < 2)
            continue;
        struct linear_case test;
        fill_case(&test, size, false);
        test.w[(size->depth - 1) * size->columns + 1] = INFINITY;
        test.x[size->depth - 1] = 0;
        test.x[2 * size->depth - 1] = 1;
        for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
            const struct kernels *kernels = kernels_for((enum cpu_level)level);
            const struct linear_finish finish = {.activation = UNARY_RELU};
            size_t bytes = linear_packed_bytes(&test.linear, kernels);
            void *packed = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
            float *y = malloc((size_t)(size->rows * size->columns) * sizeof *y);
            if (packed)
                linear_pack(&test.linear, kernels, pools[0], test.w, packed);
            run(&test.linear, kernels, pools[0], test.x, &(struct linear_weights){test.w, packed}, &finish, y);
            assert_true(isnan((double)y[1]) && isinf((double)y[size->columns + 1]));
            assert_true(isfinite((double)y[0]) && isfinite((double)y[size->columns]));
            free(y);
            free(packed);
        }
        free_case(&test);
    }
}

static int set_up(void **state)
{
    (void)state;
    memory = memory_create(0);
    for (int i = 0; i < 3; i++)
        pools[i] = thread_pool_create(memory, i + 1, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        thread_pool_destroy(pools[i]);
    return memory_destroy(memory) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear), cmocka_unit_test(test_halves),
                                       cmocka_unit_test(test_dense), cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
