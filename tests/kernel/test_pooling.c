/* Pools of every instruction set against the definition of a window: maxima and their places with NaN, equals and
 * -infinity, averages and their gradient, rows longer than the buffer, windows wider than it, empty windows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/pooling.h"

struct planes {
    const struct kernels *kernels;
    struct pooling pooling;
    int64_t inputs, outputs; /* cells of a plane */
    float *x, *y, *dx, *without;
    int64_t *indices;
};

static int64_t product(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

/* What the window of output `cell` holds: visited taps in order. */
struct window {
    int64_t best; /* flat index; -1: empty */
    double sum;
    int64_t inside, padded;
};

static struct window window_of(const struct planes *planes, const float *x, int64_t cell, float spread, double *dx)
{
    const struct pooling *p = &planes->pooling;
    struct window window = {.best = -1};
    int64_t place[3] = {cell / (p->output[1] * p->output[2]), cell / p->output[2] % p->output[1], cell % p->output[2]};
    for (int64_t tap = 0; tap < product(p->kernel); tap++) {
        int64_t taps[3] = {tap / (p->kernel[1] * p->kernel[2]), tap / p->kernel[2] % p->kernel[1], tap % p->kernel[2]};
        int64_t at = 0;
        bool inside = true, padded = true;
        for (int i = 0; i < 3; i++) {
            int64_t along = place[i] * p->stride[i] + taps[i] * p->dilation[i] - p->pad_begin[i];
            inside = inside && along >= 0 && along < p->input[i];
            padded = padded && along < p->input[i] + p->pad_end[i];
            at = at * p->input[i] + along;
        }
        window.padded += padded;
        if (!inside)
            continue;
        window.inside++;
        window.sum += (double)x[at];
        if (dx)
            dx[at] += (double)spread;
        if (window.best < 0 || x[at] > x[window.best] || (isnan(x[at]) && !isnan(x[window.best])))
            window.best = at;
    }
    return window;
}

static void check_maxima(const struct planes *planes, struct thread_pool *pool)
{
    const struct pooling *p = &planes->pooling;
    pooling_max(p, planes->kernels, pool, planes->x, planes->y, planes->indices);
    pooling_max(p, planes->kernels, pool, planes->x, planes->without, NULL);
    for (int64_t i = 0; i < p->planes * planes->outputs; i++) {
        const float *x = planes->x + i / planes->outputs * planes->inputs;
        struct window window = window_of(planes, x, i % planes->outputs, 0, NULL);
        float expected = window.best < 0 ? -INFINITY : x[window.best];
        assert_int_equal(planes->indices[i], window.best);
        assert_true(planes->y[i] == expected || (isnan(planes->y[i]) && isnan(expected)));
        assert_true(planes->without[i] == expected || (isnan(planes->without[i]) && isnan(expected)));
    }
}

static void check_averages(struct planes *planes, struct thread_pool *pool, double *slopes)
{
    struct pooling *p = &planes->pooling;
    for (int include = 0; include < 2; include++) {
        p->count_include_pad = include;
        pooling_average(p, planes->kernels, pool, planes->x, planes->y);
        memset(slopes, 0, (size_t)(p->planes * planes->inputs) * sizeof *slopes);
        for (int64_t i = 0; i < p->planes * planes->outputs; i++) {
            int64_t plane = i / planes->outputs * planes->inputs;
            struct window window = window_of(planes, planes->x + plane, i % planes->outputs, 0, NULL);
            int64_t cells = include ? window.padded : window.inside;
            planes->without[i] = (float)(i % 13 - 6);
            window_of(planes, planes->x + plane, i % planes->outputs,
                      planes->without[i] / (float)(cells > 0 ? cells : 1), slopes + plane);
            assert_true(fabs((double)planes->y[i] - window.sum / (double)(cells > 0 ? cells : 1)) < 1e-5);
        }
        pooling_average_gradient(p, planes->kernels, pool, planes->without, planes->dx);
        for (int64_t i = 0; i < p->planes * planes->inputs; i++)
            assert_true(fabs((double)planes->dx[i] - slopes[i]) < 1e-4 * (1 + fabs(slopes[i])));
    }
}

static void check_pool(const struct kernels *kernels, struct thread_pool *pool, struct pooling pooling)
{
    struct planes planes = {.kernels = kernels};
    assert_int_equal(pooling_complete(&pooling, NULL), 0);
    planes.pooling = pooling;
    planes.inputs = product(pooling.input);
    planes.outputs = product(pooling.output);
    size_t inputs = (size_t)(pooling.planes * planes.inputs), outputs = (size_t)(pooling.planes * planes.outputs);
    planes.x = calloc(inputs, sizeof(float));
    planes.dx = calloc(inputs, sizeof(float));
    planes.y = calloc(outputs, sizeof(float));
    planes.without = calloc(outputs, sizeof(float));
    planes.indices = calloc(outputs, sizeof(int64_t));
    double *slopes = calloc(inputs, sizeof(double));
    for (size_t i = 0; i < inputs; i++)
        planes.x[i] = (float)(i * 7919 % 41) / 20 - 1; /* with many equals */
    check_averages(&planes, pool, slopes);
    for (size_t i = 0; i < inputs; i++)
        planes.x[i] = i % 97 == 96 ? NAN : i % 53 < 9 ? -INFINITY : planes.x[i];
    check_maxima(&planes, pool);
    free(planes.x);
    free(planes.dx);
    free(planes.y);
    free(planes.without);
    free(planes.indices);
    free(slopes);
}

static void check_pools(const struct kernels *kernels, struct thread_pool *pool)
{
    for (int64_t stride = 1; stride <= 3; stride++) {
        for (int64_t dilation = 1; dilation <= 2; dilation++) {
            for (int ceil_mode = 0; ceil_mode < 2; ceil_mode++) {
                struct pooling pooling = {.planes = 3,
                                          .input = {1, 11, 41},
                                          .kernel = {1, 3, 2},
                                          .stride = {1, stride, stride},
                                          .dilation = {1, dilation, dilation},
                                          .pad_begin = {0, 1, 1},
                                          .pad_end = {0, 1, 0},
                                          .ceil_mode = ceil_mode};
                check_pool(kernels, pool, pooling);
                pooling.input[0] = 4; /* depth as well, an even number of rows */
                pooling.kernel[0] = 2;
                pooling.kernel[2] = 3;
                pooling.pad_end[2] = 2;
                check_pool(kernels, pool, pooling);
            }
        }
    }
    check_pool(kernels, pool, /* rows in several pieces */
               (struct pooling){.planes = 1,
                                .input = {1, 3, 2500},
                                .kernel = {1, 2, 5},
                                .stride = {1, 1, 2},
                                .dilation = {1, 1, 1},
                                .pad_begin = {0, 0, 2},
                                .pad_end = {0, 1, 2}});
    check_pool(kernels, pool, /* windows wider than the buffer */
               (struct pooling){.planes = 1,
                                .input = {1, 2, 1400},
                                .kernel = {1, 1, 1200},
                                .stride = {1, 1, 7},
                                .dilation = {1, 1, 1},
                                .pad_begin = {0, 0, 3},
                                .pad_end = {0, 0, 9}});
    check_pool(kernels, pool, /* windows that lie in the pads alone between dilated taps */
               (struct pooling){.planes = 1,
                                .input = {1, 1, 2},
                                .kernel = {1, 2, 2},
                                .stride = {1, 1, 1},
                                .dilation = {1, 3, 5},
                                .pad_begin = {0, 2, 4},
                                .pad_end = {0, 2, 4}});
}

static void test_pools(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    for (int threads = 1; threads <= 3; threads++) {
        struct thread_pool *pool = thread_pool_create(memory, threads, NULL);
        for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++)
            check_pools(kernels_for((enum cpu_level)level), pool);
        thread_pool_destroy(pool);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pools)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
