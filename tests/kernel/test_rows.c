/* Rows of normalisations of every instruction set against sums in double: lengths around the vectors' and the pieces',
 * means far from zero, NaN that spreads over its row. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/kernels.h"
#include "kernel/row_kernel.h"

enum { MOST = 9001 };
static float x[MOST], dy[MOST], scale[MOST], bias[MOST], y[MOST];

static void fill(float *values, int64_t count, int seed, float centre)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = centre + (float)((i * 7919 + seed * 104729) % 2001 - 1000) / 1000;
}

static void check_near(float value, double expected, double tolerance)
{
    if (!(fabs((double)value - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%.9g, expected %.9g", (double)value, expected);
}

static double sum_of(int64_t count, double centre, int power)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += power == 1 ? (double)x[i] : ((double)x[i] - centre) * ((double)x[i] - centre);
    return sum;
}

static void check_forward(const struct row_kernel *row, int64_t count)
{
    float mean, variance;
    row->statistics(x, count, false, &mean, &variance);
    assert_true(mean == 0);
    check_near(variance, sum_of(count, 0, 2) / (double)count, 1e-6);
    row->statistics(x, count, true, &mean, &variance);
    double centre = sum_of(count, 0, 1) / (double)count;
    check_near(mean, centre, 1e-6);
    check_near(variance, sum_of(count, (double)mean, 2) / (double)count, 1e-6);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        row->normalise(x, mean, 1.5f, scale, with_bias ? bias : NULL, y, count);
        for (int64_t i = 0; i < count; i++) {
            double expected = ((double)x[i] - (double)mean) * 1.5 * (double)scale[i];
            check_near(y[i], expected + (with_bias ? (double)bias[i] : 0), 1e-6);
        }
    }
}

static void check_gradient(const struct row_kernel *row, int64_t count)
{
    const struct row_gradient gradient = {3, 1.5f, -0.7f, 0.2f};
    static double products[MOST], sums[MOST];
    for (int with_scale = 0; with_scale < 2; with_scale++) {
        double expected[2] = {0}, found[2] = {(double)NAN, (double)NAN};
        row->gradient_sums(dy, x, 3, with_scale ? scale : NULL, count, found);
        row->gradient(dy, x, with_scale ? scale : NULL, &gradient, y, count);
        for (int64_t i = 0; i < count; i++) {
            double g = (double)dy[i] * (with_scale ? (double)scale[i] : 1);
            expected[0] += g;
            expected[1] += g * ((double)x[i] - 3);
            check_near(y[i], g * 1.5 - ((double)x[i] - 3) * 0.7 + 0.2, 1e-6);
        }
        assert_true(fabs(found[0] - expected[0]) < 1e-6 * (double)(count + 10));
        assert_true(fabs(found[1] - expected[1]) < 1e-6 * (double)(count + 10));
    }
    for (int64_t i = 0; i < count; i++)
        products[i] = sums[i] = (double)i;
    row->column_sums(dy, x, 3, 1.5f, count, products, sums);
    for (int64_t i = 0; i < count; i++) {
        check_near((float)products[i], (double)i + (double)dy[i] * ((double)x[i] - 3) * 1.5, 1e-6);
        check_near((float)sums[i], (double)i + (double)dy[i], 1e-6);
    }
}

static void test_rows(void **state)
{
    static const int64_t counts[] = {1, 7, 15, 16, 17, 31, 32, 33, 49, 96, 196, 768, 4095, 4096, 4097, MOST};
    (void)state;
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++) {
        const struct row_kernel *row = kernels_for((enum cpu_level)level)->row;
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            fill(x, MOST, 1, 3);
            fill(dy, MOST, 2, 0);
            fill(scale, MOST, 3, 1);
            fill(bias, MOST, 4, 0);
            check_forward(row, counts[i]);
            check_gradient(row, counts[i]);
            float mean, variance;
            x[counts[i] / 2] = NAN;
            row->statistics(x, counts[i], true, &mean, &variance);
            assert_true(isnan(mean) && isnan(variance));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
