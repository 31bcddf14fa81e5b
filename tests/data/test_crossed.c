/* Intervals over seeds and samples: against tables worked by hand, against what they promise, in their limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "data/crossed.h"
#include "data/paired.h"

#define MOST_SAMPLES 60

static void assert_near(double value, double expected, double distance)
{
    if (!(fabs(value - expected) <= distance))
        fail_msg("%.10g is not %.10g", value, expected);
}

/* Of every table of statistics. */
static void quantiles_are_students(void **state)
{
    (void)state;
    static const double known[][2] = {{1, 12.7062}, {2, 4.30265},  {3, 3.18245},   {4, 2.77645},
                                      {9, 2.26216}, {30, 2.04227}, {120, 1.97993}, {1e9, 1.95996}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_near(student_quantile(known[i][0]), known[i][1], 1e-4 * known[i][1]);
    assert_true(student_quantile(1.5) < 12.7 && student_quantile(1.5) > 4.31);
}

/* Differences 1 3 / 2 6 (seeds by samples): mean 3, MS of seeds 4, of samples 9, of the rest 1, so variance 12 / 4 with
 * Satterthwaite's 9 / (1 + 81/16 + 1/16) degrees of freedom. */
static void tables_by_hand(void **state)
{
    (void)state;
    static const float a[] = {1, 3}, b[] = {2, 6}, zero[] = {0, 0};
    const float *const first[] = {a, b}, *const second[] = {zero, zero};
    double interval[2];
    assert_near(crossed_mean(first, second, 2, 2, interval), 3, 1e-12);
    double half = student_quantile(9 / (1 + 81.0 / 16 + 1.0 / 16)) * sqrt(3);
    assert_near(interval[0], 3 - half, 1e-6);
    assert_near(interval[1], 3 + half, 1e-6);
}

/* One seed is the paired test of samples; samples that are not known anywhere are left out. */
static void limits(void **state)
{
    (void)state;
    static const float a[] = {1, 0, NAN, 1, 1, 0.5f}, b[] = {0, 0, 1, 1, 0, NAN}, c[] = {1, 0, NAN, 1, 1, 0.5f};
    const float *const first[] = {a, a}, *const second[] = {b, b}, *const same[] = {c, c};
    struct paired paired = {0};
    double interval[2], expected[2];
    for (int i = 0; i < 6; i++) {
        if (!isnan(a[i]) && !isnan(b[i]))
            paired_add(&paired, (double)a[i] - (double)b[i]);
    }
    assert_near(crossed_mean(first, second, 1, 6, interval), paired_mean(&paired, expected), 1e-12);
    double half = (expected[1] - expected[0]) / 2 / 1.96 * student_quantile(3);
    assert_near(interval[1] - interval[0], 2 * half, 1e-9);
    assert_near(crossed_mean(first, same, 2, 6, interval), 0, 0);
    assert_true(interval[0] == 0 && interval[1] == 0);
    assert_true(isnan(crossed_mean(first, second, 2, 0, interval)) && isnan(interval[0]));
    assert_near(crossed_mean(first, second, 2, 1, interval), 1, 0);
    assert_true(isnan(interval[1]));
}

/* Of many tables with true mean 0, the interval holds it in about 95 %, whatever varies most; that of one seed does not
 * where seeds vary. */
static void the_truth_is_inside(void **state)
{
    (void)state;
    static const double deviations[][3] = {{1, 0.2, 1}, {0.05, 2, 1}, {0.3, 1, 3}, {0, 0, 1}};
    static float values[4][MOST_SAMPLES], zero[MOST_SAMPLES];
    const float *const first[] = {values[0], values[1], values[2], values[3]}, *const second[] = {zero, zero, zero,
                                                                                                  zero};
    struct random random = {.seed = 11};
    for (size_t kind = 0; kind < sizeof deviations / sizeof deviations[0]; kind++) {
        int inside = 0, inside_alone = 0, runs = 400;
        for (int run = 0; run < runs; run++) {
            double of_sample[MOST_SAMPLES], interval[2];
            for (int i = 0; i < MOST_SAMPLES; i++)
                of_sample[i] = deviations[kind][1] * random_normal(&random);
            for (int s = 0; s < 4; s++) {
                double of_seed = deviations[kind][0] * random_normal(&random);
                for (int i = 0; i < MOST_SAMPLES; i++)
                    values[s][i] = (float)(of_seed + of_sample[i] + deviations[kind][2] * random_normal(&random));
            }
            crossed_mean(first, second, 4, MOST_SAMPLES, interval);
            inside += interval[0] <= 0 && interval[1] >= 0;
            crossed_mean(first, second, 1, MOST_SAMPLES, interval);
            inside_alone += interval[0] <= 0 && interval[1] >= 0;
        }
        if (inside < runs * 92 / 100)
            fail_msg("kind %d: %d of %d", (int)kind, inside, runs);
        if (kind == 0)
            assert_true(inside_alone < runs / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles_are_students), cmocka_unit_test(tables_by_hand),
                                       cmocka_unit_test(limits), cmocka_unit_test(the_truth_is_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
