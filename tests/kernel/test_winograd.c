/* Winograd's convolutions: how far they are from double beside the direct method, where infinities go, that the number
 * of threads does not change a bit, where they apply, and activations behind them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/convolution_shared.h"
#include "noise.h"

struct problem {
    int64_t batch, inputs, outputs, side, dilation;
};

/* Large tiles, small ones, both with some of them over the edge; few and many terms. */
static const struct problem problems[] = {
    {1, 64, 32, 28, 1}, {1, 256, 32, 14, 1}, {2, 48, 48, 19, 1},  {1, 160, 32, 7, 1}, {1, 32, 32, 33, 2},
    {1, 32, 16, 23, 7}, {3, 33, 40, 30, 3},  {1, 512, 16, 16, 1}, {2, 64, 96, 17, 5},
};
#define PROBLEMS (sizeof problems / sizeof problems[0])

struct setup {
    struct convolution convolution;
    int64_t x_count, w_count, y_count;
    float *x, *w, *y;
    double *reference;
};

static struct setup make(const struct problem *problem)
{
    int64_t side = problem->side, d = problem->dilation;
    struct setup setup = {.convolution = {.batch = problem->batch,
                                          .groups = 1,
                                          .input_channels = problem->inputs,
                                          .output_channels = problem->outputs,
                                          .input = {1, side, side},
                                          .kernel = {1, 3, 3},
                                          .stride = {1, 1, 1},
                                          .dilation = {1, d, d},
                                          .pad_begin = {0, d, d},
                                          .pad_end = {0, d, d}}};
    assert_int_equal(convolution_complete(&setup.convolution, NULL), 0);
    setup.x_count = problem->batch * problem->inputs * side * side;
    setup.y_count = problem->batch * problem->outputs * side * side;
    setup.w_count = problem->inputs * problem->outputs * 9;
    setup.x = noise(setup.x_count, 1);
    setup.w = noise(setup.w_count, 2);
    setup.y = noise(setup.y_count, 3);
    setup.reference = malloc((size_t)(setup.y_count > setup.x_count ? setup.y_count : setup.x_count) * sizeof(double));
    return setup;
}

static void release(struct setup *setup)
{
    free(setup->x);
    free(setup->w);
    free(setup->y);
    free(setup->reference);
}

static int64_t product_count(const struct convolution *c, int64_t channels)
{
    return c->batch * channels * c->input[1] * c->input[2];
}

/* to[row] (+)= w from[channel], shifted by a tap, in double; the gradient's taps go the other way. */
static void add_tap(const struct setup *setup, bool gradient, int64_t row, int64_t channel, int tap, const float *from,
                    double *to)
{
    const struct convolution *c = &setup->convolution;
    int64_t h = c->input[1], w = c->input[2], sign = gradient ? -1 : 1;
    int64_t dy = sign * (tap / 3 - 1) * c->dilation[1], dx = sign * (tap % 3 - 1) * c->dilation[2];
    int64_t output = gradient ? channel : row, input = gradient ? row : channel;
    double weight = (double)setup->w[(output * c->input_channels + input) * 9 + tap];
    for (int64_t y = dy < 0 ? -dy : 0; y < h && y + dy < h; y++) {
        for (int64_t x = dx < 0 ? -dx : 0; x < w && x + dx < w; x++)
            to[y * w + x] += weight * (double)from[(y + dy) * w + x + dx];
    }
}

static void compute_reference(const struct setup *setup, bool gradient)
{
    const struct convolution *c = &setup->convolution;
    int64_t plane = c->input[1] * c->input[2];
    int64_t rows = gradient ? c->input_channels : c->output_channels;
    int64_t channels = gradient ? c->output_channels : c->input_channels;
    const float *from = gradient ? setup->y : setup->x;
    memset(setup->reference, 0, (size_t)product_count(c, rows) * sizeof(double));
    for (int64_t i = 0; i < c->batch * rows * channels * 9; i++) {
        int64_t tap = i % 9, channel = i / 9 % channels, row = i / 9 / channels % rows, image = i / 9 / channels / rows;
        add_tap(setup, gradient, row, channel, (int)tap, from + (image * channels + channel) * plane,
                setup->reference + (image * rows + row) * plane);
    }
}

/* `out` by the method that is chosen where the convolution is `direct` or not. */
static void compute(const struct setup *setup, enum cpu_level level, int threads, bool direct, bool gradient,
                    const struct epilogue *epilogue, float *out)
{
    struct memory *memory = memory_create((size_t)1 << 30);
    struct thread_pool *pool = thread_pool_create(memory, threads, NULL);
    struct convolution c = setup->convolution;
    const struct kernels *kernels = kernels_for(level);
    struct convolution_weights weights = {.plain = setup->w};
    c.direct = direct;
    size_t bytes = gradient ? convolution_input_gradient_scratch(&c, kernels, threads, false)
                            : convolution_forward_scratch(&c, kernels, threads, false);
    void *scratch = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (gradient)
        convolution_input_gradient(&c, kernels, pool, setup->y, &weights, NULL, out, scratch);
    else
        convolution_forward(&c, kernels, pool, setup->x, &weights, epilogue, NULL, out, scratch);
    free(scratch);
    thread_pool_destroy(pool);
    assert_int_equal(memory_destroy(memory), 0);
}

static void check_error(const struct problem *problem, enum cpu_level level, bool gradient)
{
    struct setup setup = make(problem);
    int64_t count = gradient ? setup.x_count : setup.y_count;
    float *out = noise(count, 4), *direct = noise(count, 5);
    compute_reference(&setup, gradient);
    compute(&setup, level, 1, false, gradient, NULL, out);
    compute(&setup, level, 1, true, gradient, NULL, direct);
    double error = error_of(out, setup.reference, count), own = error_of(direct, setup.reference, count);
    assert_true(own > 0 && own < 1e-6);
    assert_memory_not_equal(out, direct, (size_t)count * sizeof(float));
    if (!(error <= 10 * own && error < 4e-6))
        fail_msg("%d channels, side %d: error %g, direct %g", (int)problem->inputs, (int)problem->side, error, own);
    free(out);
    free(direct);
    release(&setup);
}

static void for_levels(void (*check)(const struct problem *problem, enum cpu_level level, bool gradient))
{
    for (int level = CPU_AVX2; level <= (int)cpu_detect(); level++) {
        for (size_t i = 0; i < 2 * PROBLEMS; i++)
            check(&problems[i / 2], (enum cpu_level)level, i % 2 == 1);
    }
}

static void test_error(void **state)
{
    (void)state;
    for_levels(check_error);
}

/* What is not finite reaches the cells that read it, and of others none but those of the same tiles; with `direct` none
 * but those that read it. */
static void check_not_finite(const struct problem *problem, enum cpu_level level, bool direct)
{
    struct setup setup = make(problem);
    const struct convolution *c = &setup.convolution;
    int64_t side = problem->side, plane = side * side, reach = problem->dilation, tile = direct ? 0 : 4 * reach;
    int64_t row = side / 2, column = side / 2 - 1;
    float *out = noise(setup.y_count, 4);
    for (int kind = 0; kind < 2; kind++) {
        setup.x[3 * plane + row * side + column] = kind ? NAN : INFINITY; /* of the first image */
        compute(&setup, level, 2, direct, false, NULL, out);
        for (int64_t i = 0; i < setup.y_count; i++) {
            int64_t dy = llabs(i % plane / side - row), dx = llabs(i % side - column);
            bool first = i < c->output_channels * plane, taps = dy % reach == 0 && dx % reach == 0;
            if (first && taps && dy <= reach && dx <= reach)
                assert_true(!isfinite(out[i]));
            else if (!first || !taps || dy > reach + tile || dx > reach + tile)
                assert_true(isfinite(out[i]));
            else if (direct)
                assert_true(isfinite(out[i]));
        }
    }
    free(out);
    release(&setup);
}

static void test_not_finite(void **state)
{
    (void)state;
    for_levels(check_not_finite);
}

static void check_threads(const struct problem *problem, enum cpu_level level, bool gradient)
{
    static const int threads[] = {2, 3, 5, 8};
    struct setup setup = make(problem);
    int64_t count = gradient ? setup.x_count : setup.y_count;
    float *one = noise(count, 4), *many = noise(count, 5);
    compute(&setup, level, 1, false, gradient, NULL, one);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        memset(many, 0, (size_t)count * sizeof(float));
        compute(&setup, level, threads[i], false, gradient, NULL, many);
        assert_memory_equal(one, many, (size_t)count * sizeof(float));
    }
    free(one);
    free(many);
    release(&setup);
}

static void test_threads(void **state)
{
    (void)state;
    for_levels(check_threads);
}

/* Every problem is computed so, unless told otherwise; not where the tile kernel is quicker or there is no fast one. */
static void check_applies(const struct problem *problem, enum cpu_level level, bool gradient)
{
    struct setup setup = make(problem);
    struct convolution c = setup.convolution;
    const struct convolution_method *method = gradient ? &input_gradient_winograd : &convolution_winograd;
    assert_true(method->applies(&c, kernels_for(level)));
    assert_false(method->applies(&c, kernels_for(CPU_PORTABLE)));
    c.direct = true;
    assert_false(method->applies(&c, kernels_for(level)));
    c.direct = false;
    c.stride[1] = 2;
    assert_false(method->applies(&c, kernels_for(level)));
    c = setup.convolution;
    c.input[1] = c.input[2] = 1;
    assert_int_equal(convolution_complete(&c, NULL), 0);
    assert_false(method->applies(&c, kernels_for(level)));
    c = setup.convolution;
    c.input_channels = c.output_channels = 4;
    assert_false(method->applies(&c, kernels_for(level)));
    release(&setup);
}

static void test_applies(void **state)
{
    (void)state;
    for_levels(check_applies);
}

static void check_activation(const struct setup *setup, enum cpu_level level, const struct epilogue *epilogue)
{
    int64_t plane = setup->convolution.output[1] * setup->convolution.output[2];
    const struct kernels *plain = kernels_for(CPU_PORTABLE);
    float *out = noise(setup->y_count, 4), *expected = noise(setup->y_count, 5);
    compute(setup, level, 1, false, false, NULL, expected);
    for (int64_t i = 0; i < setup->y_count; i++)
        expected[i] += epilogue->bias[i / plane % setup->convolution.output_channels] + epilogue->residual[i];
    plain->unary[epilogue->activation](expected, expected, setup->y_count, epilogue->alpha, epilogue->beta);
    compute(setup, level, 2, false, false, epilogue, out);
    for (int64_t i = 0; i < setup->y_count; i++)
        assert_true(fabsf(out[i] - expected[i]) <= 1e-5f * (1 + fabsf(expected[i])));
    free(out);
    free(expected);
}

static void test_activations(void **state)
{
    (void)state;
    struct setup setup = make(&problems[2]);
    float *bias = noise(setup.convolution.output_channels, 6), *residual = noise(setup.y_count, 7);
    for (int level = CPU_AVX2; level <= (int)cpu_detect(); level++) {
        for (int activation = 0; activation < UNARY_MISH; activation++) {
            struct epilogue epilogue = {bias, residual, (enum unary)activation, activation == UNARY_CLIP ? -0.5f : 0.2f,
                                        0.6f};
            check_activation(&setup, (enum cpu_level)level, &epilogue);
        }
    }
    free(bias);
    free(residual);
    release(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_error), cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_applies),
                                       cmocka_unit_test(test_activations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
