/* Depthwise convolutions and their gradients on maps large enough for bands of rows, blocks of channels and several
 * threads: against the plain C of the portable table, with the same bits for any number of threads, nothing written
 * behind the scratch that was asked for, with every kind of end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/convolution.h"
#include "noise.h"

struct layer {
    const char *name;
    int64_t batch, channels, multiplier, height, width, kernel, stride, dilation, padding;
};

static const struct layer layers[] = {
    {"3x3", 2, 20, 1, 56, 56, 3, 1, 1, 1},
    {"3x3 stride 2", 2, 19, 1, 56, 55, 3, 2, 1, 1},
    {"3x3 stride 2 wide", 1, 3, 1, 112, 113, 3, 2, 1, 1},
    {"5x5", 1, 33, 1, 28, 28, 5, 1, 1, 2},
    {"5x5 stride 2", 3, 50, 1, 14, 14, 5, 2, 1, 2},
    {"7x7", 1, 20, 1, 56, 57, 7, 1, 1, 3},
    {"7x7 small", 2, 70, 1, 7, 7, 7, 1, 1, 3},
    {"3x3 small", 2, 130, 1, 7, 7, 3, 1, 1, 1},
    {"3x3 multiplier", 2, 10, 3, 30, 30, 3, 1, 1, 1},
    {"5x5 stride 2 multiplier", 2, 10, 2, 40, 30, 5, 2, 1, 2},
    {"3x3 dilation 6", 1, 12, 1, 33, 33, 3, 1, 6, 6},
    {"9x9", 1, 9, 1, 40, 40, 9, 1, 1, 4},
    {"3x3 stride 3", 1, 20, 1, 50, 50, 3, 3, 1, 1},
    {"3x3 two channels", 1, 2, 1, 90, 300, 3, 1, 1, 1},
};

enum work { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, WORKS };

static struct convolution geometry(const struct layer *layer)
{
    struct convolution c = {.batch = layer->batch,
                            .groups = layer->channels,
                            .input_channels = layer->channels,
                            .output_channels = layer->channels * layer->multiplier,
                            .input = {1, layer->height, layer->width},
                            .kernel = {1, layer->kernel, layer->kernel},
                            .stride = {1, layer->stride, layer->stride},
                            .dilation = {1, layer->dilation, layer->dilation},
                            .pad_begin = {0, layer->padding, layer->padding},
                            .pad_end = {0, layer->padding, layer->padding}};
    assert_int_equal(convolution_complete(&c, NULL), 0);
    return c;
}

static int64_t result_count(const struct convolution *c, int work)
{
    int64_t inputs = c->input[1] * c->input[2], outputs = c->output[1] * c->output[2];
    return work == FORWARD          ? c->batch * c->output_channels * outputs
           : work == INPUT_GRADIENT ? c->batch * c->input_channels * inputs
                                    : c->output_channels * c->kernel[1] * c->kernel[2];
}

#define GUARD 64
#define MARK 0x5a

/* `bytes` bytes at 64-byte boundaries with marked ones behind them. */
static unsigned char *guarded(size_t bytes)
{
    size_t all = (bytes + GUARD + 63) / 64 * 64;
    unsigned char *memory = aligned_alloc(64, all);
    memset(memory, MARK, all);
    return memory;
}

static void check_guard(const char *name, const unsigned char *memory, size_t bytes)
{
    for (size_t i = bytes; i < bytes + GUARD; i++) {
        if (memory[i] != MARK)
            fail_msg("%s: byte %zu behind the scratch is written", name, i - bytes);
    }
}

struct operands {
    float *x, *w, *dy;
    const struct epilogue *epilogue;
    const struct window *window;
};

static float *run(const struct layer *layer, int work, const struct kernels *kernels, struct thread_pool *pool,
                  const struct operands *o)
{
    struct convolution c = geometry(layer);
    struct convolution_weights weights = {o->w, NULL};
    int threads = thread_pool_size(pool);
    size_t bytes = work == FORWARD          ? convolution_forward_scratch(&c, kernels, threads, false)
                   : work == INPUT_GRADIENT ? convolution_input_gradient_scratch(&c, kernels, threads, false)
                                            : convolution_weight_gradient_scratch(&c, kernels, threads);
    unsigned char *scratch = guarded(bytes);
    float *result = coarse_noise(result_count(&c, work), 9);
    if (work == FORWARD)
        convolution_forward(&c, kernels, pool, o->x, &weights, o->epilogue, o->window, result, scratch);
    else if (work == INPUT_GRADIENT)
        convolution_input_gradient(&c, kernels, pool, o->dy, &weights, o->window, result, scratch);
    else
        convolution_weight_gradient(&c, kernels, pool, o->x, o->dy, result, scratch);
    check_guard(layer->name, scratch, bytes);
    free(scratch);
    return result;
}

static void compare(const struct layer *layer, int work, const float *expected, const float *got, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!(fabsf(got[i] - expected[i]) <= 1e-3f * (1 + fabsf(expected[i]))))
            fail_msg("%s, work %d: element %lld is %g, expected %g", layer->name, work, (long long)i, (double)got[i],
                     (double)expected[i]);
    }
}

static void compare_bits(const struct layer *layer, int work, int level, const float *one, const float *three,
                         int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (memcmp(&one[i], &three[i], sizeof *one))
            fail_msg("%s, work %d, level %d: element %lld is %g with one thread, %g with three", layer->name, work,
                     level, (long long)i, (double)one[i], (double)three[i]);
    }
}

static void check_work(const struct layer *layer, int work, struct thread_pool *const pools[2],
                       const struct operands *operands)
{
    struct convolution c = geometry(layer);
    int64_t count = result_count(&c, work);
    float *expected = run(layer, work, kernels_for(CPU_PORTABLE), pools[0], operands);
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct kernels *kernels = kernels_for((enum cpu_level)level);
        float *one = run(layer, work, kernels, pools[0], operands),
              *three = run(layer, work, kernels, pools[1], operands);
        compare(layer, work, expected, one, count);
        compare_bits(layer, work, level, one, three, count);
        free(one);
        free(three);
    }
    free(expected);
}

/* dy is zero outside the window. */
static void clear_outside(const struct convolution *c, const struct window *window, float *dy)
{
    for (int64_t i = 0; i < result_count(c, FORWARD); i++) {
        int64_t x = i % c->output[2], y = i / c->output[2] % c->output[1];
        if (x < window->begin[2] || x >= window->end[2] || y < window->begin[1] || y >= window->end[1])
            dy[i] = 0;
    }
}

static void for_layers(void check(const struct layer *, struct thread_pool *const[2], struct operands *))
{
    struct memory *memory = memory_create((size_t)1 << 30);
    struct thread_pool *pools[2] = {thread_pool_create(memory, 1, NULL), thread_pool_create(memory, 3, NULL)};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct convolution c = geometry(&layers[i]);
        struct operands operands = {.x = coarse_noise(result_count(&c, INPUT_GRADIENT), 1),
                                    .w = coarse_noise(result_count(&c, WEIGHT_GRADIENT), 2),
                                    .dy = coarse_noise(result_count(&c, FORWARD), 3)};
        check(&layers[i], pools, &operands);
        free(operands.x);
        free(operands.w);
        free(operands.dy);
    }
    for (int i = 0; i < 2; i++)
        thread_pool_destroy(pools[i]);
    assert_int_equal(memory_destroy(memory), 0);
}

static void check_whole(const struct layer *layer, struct thread_pool *const pools[2], struct operands *operands)
{
    for (int work = 0; work < WORKS; work++)
        check_work(layer, work, pools, operands);
}

/* One cell in the middle, a corner, a band of rows. */
static void check_windows(const struct layer *layer, struct thread_pool *const pools[2], struct operands *operands)
{
    struct convolution c = geometry(layer);
    int64_t h = c.output[1], w = c.output[2];
    const struct window windows[] = {{{0, h / 2, w / 2}, {1, h / 2 + 1, w / 2 + 1}},
                                     {{0, h - 2, w - 3}, {1, h, w}},
                                     {{0, 1, 0}, {1, h - 1, w}},
                                     {{0, 1, 1}, {1, h, w - 1}}};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct operands part = *operands;
        part.dy = coarse_noise(result_count(&c, FORWARD), 4);
        part.window = &windows[i];
        clear_outside(&c, &windows[i], part.dy);
        check_work(layer, FORWARD, pools, &part);
        check_work(layer, INPUT_GRADIENT, pools, &part);
        free(part.dy);
    }
}

static void check_ends(const struct layer *layer, struct thread_pool *const pools[2], struct operands *operands)
{
    struct convolution c = geometry(layer);
    float *bias = coarse_noise(c.output_channels, 5), *residual = coarse_noise(result_count(&c, FORWARD), 6);
    const struct window window = {{0, 1, 1}, {1, c.output[1], c.output[2] - 1}};
    const struct epilogue epilogues[] = {
        {.bias = bias, .activation = UNARY_RELU},
        {.bias = bias, .activation = UNARY_CLIP, .alpha = -0.5f, .beta = 0.75f},
        {.bias = bias, .residual = residual, .activation = UNARY_CLIP, .alpha = 0, .beta = 6},
        {.activation = UNARY_SILU, .alpha = 1},
        {.residual = residual, .activation = UNARY_HARD_SWISH},
    };
    for (size_t i = 0; i < sizeof epilogues / sizeof epilogues[0]; i++) {
        operands->epilogue = &epilogues[i];
        operands->window = NULL;
        check_work(layer, FORWARD, pools, operands);
        operands->window = &window;
        check_work(layer, FORWARD, pools, operands);
    }
    free(bias);
    free(residual);
}

static void test_whole(void **state)
{
    (void)state;
    for_layers(check_whole);
}

static void test_windows(void **state)
{
    (void)state;
    for_layers(check_windows);
}

static void test_ends(void **state)
{
    (void)state;
    for_layers(check_ends);
}

/* A limit leaves NaN, and what is not read of a NaN plane stays out of the others. */
static void test_nan(void **state)
{
    (void)state;
    const struct layer layer = {"NaN", 1, 3, 1, 9, 9, 3, 1, 1, 1};
    struct convolution c = geometry(&layer);
    const struct epilogue epilogue = {.activation = UNARY_RELU};
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        struct operands operands = {.x = coarse_noise(result_count(&c, INPUT_GRADIENT), 1),
                                    .w = coarse_noise(result_count(&c, WEIGHT_GRADIENT), 2),
                                    .epilogue = &epilogue};
        operands.x[81 + 4 * 9 + 4] = NAN; /* the middle of the second plane */
        float *y = run(&layer, FORWARD, kernels_for((enum cpu_level)level), NULL, &operands);
        for (int i = 0; i < 3 * 81; i++) {
            int row = i / 9 % 9, column = i % 9;
            bool reached = i / 81 == 1 && row >= 3 && row <= 5 && column >= 3 && column <= 5;
            assert_int_equal(isnan(y[i]) != 0, reached);
        }
        free(operands.x);
        free(operands.w);
        free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_windows),
                                       cmocka_unit_test(test_ends), cmocka_unit_test(test_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
