/* Weight gradients from Winograd's tiles: how far they are from double beside plain sums, that the number of threads
 * does not change a bit, that they are added to what is there, and where they apply. */
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
    int64_t batch, inputs, outputs, height, width, pads[4];
};

/* Tiles that fit and that hang over, rows of tiles that are longer than a chunk, blocks that are not full, many images
 * in a chunk; pads on one side. */
static const struct problem problems[] = {
    {1, 64, 64, 56, 56, {1, 1, 1, 1}}, {3, 48, 40, 14, 14, {1, 1, 1, 1}},   {9, 32, 72, 7, 7, {1, 1, 1, 1}},
    {1, 33, 32, 5, 150, {1, 1, 1, 1}}, {2, 160, 132, 13, 18, {0, 2, 1, 0}}, {5, 36, 35, 10, 9, {0, 0, 0, 0}},
};
#define PROBLEMS (sizeof problems / sizeof problems[0])

struct setup {
    struct convolution convolution;
    int64_t count;
    float *x, *dy;
    double *reference;
};

static double reference_of(const struct setup *setup, int64_t row, int64_t channel, int64_t tap)
{
    const struct convolution *c = &setup->convolution;
    int64_t shift_y = tap / 3 - c->pad_begin[1], shift_x = tap % 3 - c->pad_begin[2];
    double sum = 0;
    for (int64_t image = 0; image < c->batch; image++) {
        const float *x = setup->x + (image * c->input_channels + channel) * c->input[1] * c->input[2];
        const float *dy = setup->dy + (image * c->output_channels + row) * c->output[1] * c->output[2];
        for (int64_t i = 0; i < c->output[1] * c->output[2]; i++) {
            int64_t y = i / c->output[2] + shift_y, at = i % c->output[2] + shift_x;
            if (y >= 0 && y < c->input[1] && at >= 0 && at < c->input[2])
                sum += (double)dy[i] * (double)x[y * c->input[2] + at];
        }
    }
    return sum;
}

static struct setup make(const struct problem *problem)
{
    const int64_t *pads = problem->pads;
    struct setup setup = {.convolution = {.batch = problem->batch,
                                          .groups = 1,
                                          .input_channels = problem->inputs,
                                          .output_channels = problem->outputs,
                                          .input = {1, problem->height, problem->width},
                                          .kernel = {1, 3, 3},
                                          .stride = {1, 1, 1},
                                          .dilation = {1, 1, 1},
                                          .pad_begin = {0, pads[0], pads[1]},
                                          .pad_end = {0, pads[2], pads[3]}}};
    struct convolution *c = &setup.convolution;
    assert_int_equal(convolution_complete(c, NULL), 0);
    setup.count = problem->inputs * problem->outputs * 9;
    setup.x = noise(problem->batch * problem->inputs * problem->height * problem->width, 1);
    setup.dy = noise(problem->batch * problem->outputs * c->output[1] * c->output[2], 2);
    setup.reference = malloc((size_t)setup.count * sizeof(double));
    for (int64_t i = 0; i < setup.count; i++)
        setup.reference[i] = reference_of(&setup, i / 9 / problem->inputs, i / 9 % problem->inputs, i % 9);
    return setup;
}

static void release(struct setup *setup)
{
    free(setup->x);
    free(setup->dy);
    free(setup->reference);
}

static void compute(const struct setup *setup, enum cpu_level level, int threads, bool direct, float *dw)
{
    struct memory *memory = memory_create((size_t)1 << 30);
    struct thread_pool *pool = thread_pool_create(memory, threads, NULL);
    struct convolution c = setup->convolution;
    const struct kernels *kernels = kernels_for(level);
    c.direct = direct;
    size_t bytes = convolution_weight_gradient_scratch(&c, kernels, threads);
    void *scratch = aligned_alloc(64, (bytes + 127) / 64 * 64);
    convolution_weight_gradient(&c, kernels, pool, setup->x, setup->dy, dw, scratch);
    free(scratch);
    thread_pool_destroy(pool);
    assert_int_equal(memory_destroy(memory), 0);
}

static void for_levels(void (*check)(const struct setup *setup, enum cpu_level level))
{
    for (size_t i = 0; i < PROBLEMS; i++) {
        struct setup setup = make(&problems[i]);
        for (int level = CPU_AVX2; level <= (int)cpu_detect(); level++)
            check(&setup, (enum cpu_level)level);
        release(&setup);
    }
}

static void check_error(const struct setup *setup, enum cpu_level level)
{
    float *dw = noise(setup->count, 3), *direct = noise(setup->count, 4);
    compute(setup, level, 1, false, dw);
    compute(setup, level, 1, true, direct);
    double error = error_of(dw, setup->reference, setup->count), own = error_of(direct, setup->reference, setup->count);
    assert_true(own > 0 && own < 1e-6);
    assert_memory_not_equal(dw, direct, (size_t)setup->count * sizeof(float));
    if (!(error <= 10 * own && error < 3e-6))
        fail_msg("%d channels, width %d: error %g, direct %g", (int)setup->convolution.input_channels,
                 (int)setup->convolution.input[2], error, own);
    free(dw);
    free(direct);
}

static void test_error(void **state)
{
    (void)state;
    for_levels(check_error);
}

static void check_threads(const struct setup *setup, enum cpu_level level)
{
    static const int threads[] = {2, 3, 8};
    float *one = noise(setup->count, 3), *many = noise(setup->count, 4);
    compute(setup, level, 1, false, one);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        memset(many, 0, (size_t)setup->count * sizeof(float));
        compute(setup, level, threads[i], false, many);
        assert_memory_equal(one, many, (size_t)setup->count * sizeof(float));
    }
    free(one);
    free(many);
}

static void test_threads(void **state)
{
    (void)state;
    for_levels(check_threads);
}

static void check_applies(const struct setup *setup, enum cpu_level level)
{
    const struct weight_gradient_method *method = &weight_gradient_winograd;
    struct convolution c = setup->convolution;
    assert_true(method->applies(&c, kernels_for(level)));
    assert_false(method->applies(&c, kernels_for(CPU_PORTABLE)));
    c.stride[2] = 2;
    assert_int_equal(convolution_complete(&c, NULL), 0);
    assert_false(method->applies(&c, kernels_for(level)));
    c = setup->convolution;
    c.input_channels = 4;
    assert_false(method->applies(&c, kernels_for(level)));
}

static void test_applies(void **state)
{
    (void)state;
    for_levels(check_applies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_error), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_applies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
