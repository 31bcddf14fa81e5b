/* Transforms of many lengths against the sums that define them, and back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/fourier.h"

static struct complex_number term(const struct complex_number *x, int64_t count, int64_t k, bool inverse)
{
    struct complex_number sum = {0, 0};
    for (int64_t n = 0; n < count; n++) {
        double angle = (inverse ? 2 : -2) * 3.14159265358979323846 * (double)(k * n % count) / (double)count;
        sum.re += x[n].re * cos(angle) - x[n].im * sin(angle);
        sum.im += x[n].re * sin(angle) + x[n].im * cos(angle);
    }
    return sum;
}

static void check_length(int64_t count)
{
    struct random random = {.seed = (uint64_t)count};
    size_t bytes = (size_t)count * sizeof(struct complex_number);
    struct complex_number *x = malloc(bytes), *y = malloc(bytes);
    void *tables = malloc(fourier_table_bytes(count) + 1), *work = malloc(fourier_work_bytes(count) + 1);
    assert_true(x && y && tables && work);
    for (int64_t n = 0; n < count; n++)
        x[n] = (struct complex_number){random_normal(&random), random_normal(&random)};
    struct fourier fourier;
    fourier_prepare(&fourier, count, tables);
    for (int inverse = 0; inverse < 2; inverse++) {
        memcpy(y, x, bytes);
        fourier_run(&fourier, y, inverse, work);
        for (int64_t k = 0; k < count; k++) {
            struct complex_number wanted = term(x, count, k, inverse);
            if (!(hypot(y[k].re - wanted.re, y[k].im - wanted.im) <= 1e-13 * (double)(count + 10)))
                fail_msg("length %d, inverse %d, term %d", (int)count, inverse, (int)k);
        }
    }
    fourier_run(&fourier, y, false, work); /* behind the inverse: the signal, length times */
    for (int64_t n = 0; n < count; n++)
        assert_true(hypot(y[n].re / (double)count - x[n].re, y[n].im / (double)count - x[n].im) < 1e-12);
    free(x);
    free(y);
    free(tables);
    free(work);
}

static void any_length(void **state)
{
    (void)state;
    static const int64_t longer[] = {64, 97, 100, 128, 255, 257, 400, 512, 1000, 1021};
    for (int64_t count = 1; count <= 40; count++)
        check_length(count);
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++)
        check_length(longer[i]);
}

/* A longer transform does not take quadratically longer. */
static void steps_grow_slowly(void **state)
{
    (void)state;
    assert_true(fourier_steps(1 << 20) < (INT64_C(1) << 20) * 25);
    assert_true(fourier_steps((1 << 20) - 3) < (INT64_C(1) << 20) * 150);
    assert_true(fourier_table_bytes(FOURIER_LONGEST - 1) < (size_t)1 << 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_length), cmocka_unit_test(steps_grow_slowly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
