#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/ticks.h"

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%g is not %g", a, b);
}

static void ticks_are_round(void **state)
{
    (void)state;
    double ticks[MAX_TICKS];
    char text[TICK_TEXT_SIZE];
    assert_int_equal(nice_ticks(-0.5, 27.5, 6, true, ticks), 6);
    assert_near(ticks[0], 0, 0);
    assert_near(ticks[5], 25, 0);
    assert_int_equal(nice_ticks(0, 3.2e-6, 8, false, ticks), 7);
    assert_near(ticks[6], 3e-6, 1e-18);
    assert_int_equal(nice_ticks(-0.5, 1.5, 8, true, ticks), 2);
    assert_int_equal(nice_ticks(5, 5, 8, false, ticks), 1);
    assert_int_equal(nice_ticks(0, HUGE_VAL, 8, false, ticks), 0);
    for (int i = 0; i < 4000; i++) {
        double low = sin(i) * pow(10, i % 40 - 20), high = low + fabs(cos(i)) * pow(10, i % 7 - 3) * fabs(low);
        int most = 2 + i % 11, count = nice_ticks(low, high, most, false, ticks);
        assert_true(count >= 0 && count <= most);
        for (int t = 0; t < count; t++)
            assert_true(ticks[t] >= low - 1e-6 * (high - low) && ticks[t] <= high + 1e-6 * (high - low));
    }
    assert_string_equal(tick_text(0.25, 0.05, 1, text), "0.25");
    assert_string_equal(tick_text(40, 20, 100, text), "40");
    assert_string_equal(tick_text(5e-7, 5e-7, 3e-6, text), "0.5e-6");
    assert_string_equal(tick_text(3e-6, 5e-7, 3e-6, text), "3.0e-6");
    assert_string_equal(tick_text(-2e7, 1e7, 3e7, text), "-2e7");
    assert_string_equal(tick_text(1e-22, 0.1, 1, text), "0");
    assert_int_equal(tick_exponent(3.2e-6), -6);
    assert_int_equal(tick_exponent(0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ticks_are_round)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
