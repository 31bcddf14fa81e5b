/* Learning rates over a run: every kind at its start, middle and end, with a warm-up, and below the least. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/schedule.h"

static void assert_factor(const struct schedule *schedule, int64_t step, double expected)
{
    double factor = schedule_factor(schedule, step);
    if (!(fabs(factor - expected) <= 1e-12))
        fail_msg("step %d: %.17g is not %.17g", (int)step, factor, expected);
}

static void kinds_follow_their_formulas(void **state)
{
    (void)state;
    const struct schedule constant = {.kind = FOVEA_SCHEDULE_CONSTANT, .steps = 100};
    const struct schedule cosine = {.kind = FOVEA_SCHEDULE_COSINE, .steps = 100};
    const struct schedule step = {.kind = FOVEA_SCHEDULE_STEP, .steps = 90, .factor = 0.1, .stages = 3};
    const struct schedule polynomial = {.kind = FOVEA_SCHEDULE_POLYNOMIAL, .steps = 100, .power = 0.9};
    for (int64_t i = 0; i < 100; i += 33)
        assert_factor(&constant, i, 1);
    assert_factor(&cosine, 0, 1);
    assert_factor(&cosine, 50, 0.5);
    assert_factor(&cosine, 25, (1 + sqrt(0.5)) / 2);
    assert_factor(&cosine, 100, 0);
    assert_factor(&step, 29, 1);
    assert_factor(&step, 30, 0.1);
    assert_factor(&step, 60, 0.01);
    assert_factor(&polynomial, 0, 1);
    assert_factor(&polynomial, 75, pow(0.25, 0.9));
    assert_factor(&polynomial, 100, 0);
}

static void the_warm_up_rises_from_nothing_and_counts_apart(void **state)
{
    (void)state;
    const struct schedule schedule = {.kind = FOVEA_SCHEDULE_COSINE, .steps = 110, .warmup = 10};
    assert_factor(&schedule, 0, 0.1);
    assert_factor(&schedule, 9, 1);
    assert_factor(&schedule, 10, 1);
    assert_factor(&schedule, 60, 0.5);
}

static void rates_end_at_the_least(void **state)
{
    (void)state;
    const struct schedule schedule = {.kind = FOVEA_SCHEDULE_POLYNOMIAL, .steps = 10, .power = 2, .last = 0.3};
    assert_factor(&schedule, 4, 0.36);
    assert_factor(&schedule, 5, 0.3);
    /* Beyond the end, as when a run is made longer; and where there is nothing but warm-up. */
    assert_factor(&schedule, 50, 0.3);
    const struct schedule short_run = {.kind = FOVEA_SCHEDULE_COSINE, .steps = 5, .warmup = 5};
    assert_factor(&short_run, 4, 1);
    assert_factor(&short_run, 5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_follow_their_formulas),
        cmocka_unit_test(the_warm_up_rises_from_nothing_and_counts_apart),
        cmocka_unit_test(rates_end_at_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
