#include "scratch.h"

#include <math.h>

#include "data/metrics.h"
#include "data/paired.h"

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12))
        fail_msg("%.17g is not %.17g", got, expected);
}

static void classes_are_counted(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct metrics *metrics = metrics_create(memory, 3, -1, NULL);
    /* Predictions 0 1 1 2 0 (the first of equal ones), labels 0 1 2 2 1; the last is not counted. */
    static const float logits[] = {5, 1, 0, 1, 2, 0, 0, 3, 2, -3, -2, -1, 1, 1, 0, 9, 9, 9};
    static const int64_t labels[] = {0, 1, 2, 2, 1, -1};
    for (int i = 0; i < 6; i++)
        assert_int_equal(metrics_add(metrics, logits + 3 * i, labels + i, 1, 1, NULL), 0);
    struct fovea_metrics summary = metrics_summarise(metrics, true);
    assert_int_equal(summary.counted, 5);
    assert_near(summary.top1, 3.0 / 5);
    assert_true(isnan(summary.top5)); /* five guesses among three classes tell nothing */
    assert_near(summary.mean_accuracy, (1 + 0.5 + 0.5) / 3);
    assert_near(summary.mean_iou, (1.0 / 2 + 1.0 / 3 + 1.0 / 2) / 3);
    assert_near(summary.mean_dice, (2.0 / 3 + 2.0 / 4 + 2.0 / 3) / 3);
    static const int64_t confusion[] = {1, 0, 0, 1, 1, 0, 0, 1, 1};
    assert_memory_equal(metrics_confusion(metrics), confusion, sizeof confusion);
    struct fovea_class_metrics second = metrics_of_class(metrics, 1);
    assert_int_equal(second.actual, 2);
    assert_int_equal(second.predicted, 2);
    assert_near(second.iou, 1.0 / 3);
    metrics_reset(metrics);
    summary = metrics_summarise(metrics, true);
    assert_true(isnan(metrics_summarise(metrics, false).mean_iou)); /* of samples there is none */
    assert_true(isnan(summary.top1) && isnan(summary.mean_iou) && isnan(metrics_of_class(metrics, 0).dice));
    metrics_destroy(metrics);
    assert_int_equal(memory_destroy(memory), 0);
}

static void pixels_are_counted(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct metrics *metrics = metrics_create(memory, 3, 255, NULL);
    /* [2, 3, 1, 2]: predictions 0 1 | 1 1; class 2 does not occur */
    static const float logits[] = {1, 0, 0, 1, -1, -1, 0, 0, 2, 2, -1, -1};
    static const int64_t labels[] = {0, 0, 1, 255};
    assert_int_equal(metrics_add(metrics, logits, labels, 2, 2, NULL), 0);
    struct fovea_metrics summary = metrics_summarise(metrics, true);
    assert_int_equal(summary.counted, 3);
    assert_near(summary.top1, 2.0 / 3);
    assert_near(summary.mean_iou, (1.0 / 2 + 1.0 / 2) / 2);
    assert_near(summary.mean_dice, (2.0 / 3 + 2.0 / 3) / 2);
    assert_true(isnan(metrics_of_class(metrics, 2).iou));
    metrics_destroy(metrics);
    assert_int_equal(memory_destroy(memory), 0);
}

static void top5_and_odd_numbers(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct metrics *metrics = metrics_create(memory, 7, -1, NULL);
    static const float falling[] = {7, 6, 5, 4, 3, 2, 1}, equal[7] = {0};
    float nothing[7], one[7];
    for (int64_t label = 0; label < 7; label++) {
        assert_int_equal(metrics_add(metrics, falling, &label, 1, 1, NULL), 0);
        assert_int_equal(metrics_add(metrics, equal, &label, 1, 1, NULL), 0);
        nothing[label] = one[label] = NAN;
    }
    struct fovea_metrics summary = metrics_summarise(metrics, true);
    assert_near(summary.top1, 2.0 / 14);
    assert_near(summary.top5, 10.0 / 14);
    metrics_reset(metrics);
    int64_t label = 3;
    one[3] = -INFINITY;
    assert_int_equal(metrics_add(metrics, nothing, &label, 1, 1, NULL), 0);
    assert_near(metrics_summarise(metrics, true).top5, 0);
    assert_int_equal(metrics_of_class(metrics, 0).predicted, 0);
    assert_int_equal(metrics_add(metrics, one, &label, 1, 1, NULL), 0);
    assert_near(metrics_summarise(metrics, true).top1, 0.5);
    struct error error = ERROR_INITIALISER;
    label = 7;
    assert_int_equal(metrics_add(metrics, equal, &label, 1, 1, &error), -1);
    assert_string_equal(error.message, "label 7 is not among the 7 classes");
    metrics_destroy(metrics);
    assert_null(metrics_create(memory, 0, -1, NULL));
    assert_null(metrics_create(memory, METRICS_MAX_CLASSES + 1, -1, NULL));
    metrics = metrics_create(memory, METRICS_MAX_CONFUSION + 1, -1, NULL);
    assert_null(metrics_confusion(metrics));
    metrics_destroy(metrics);
    assert_int_equal(memory_destroy(memory), 0);
}

/* Differences 1, 0, 0, -1, 1: mean 0.2, sample variance 0.7. */
static void differences_are_paired(void **state)
{
    (void)state;
    static const double differences[] = {1, 0, 0, -1, 1};
    struct paired paired = {0};
    double interval[2];
    assert_true(isnan(paired_mean(&paired, interval)));
    for (int i = 0; i < 5; i++)
        paired_add(&paired, differences[i]);
    assert_near(paired_mean(&paired, interval), 0.2);
    assert_near(interval[0], 0.2 - 1.96 * sqrt(0.7 / 5));
    assert_near(interval[1], 0.2 + 1.96 * sqrt(0.7 / 5));
}

static void intervals_of_few(void **state)
{
    (void)state;
    double interval[2];
    struct paired paired = {0};
    paired_add(&paired, 1);
    assert_near(paired_mean_of_few(&paired, interval), 1);
    assert_true(isnan(interval[0]));
    paired_add(&paired, 3);
    assert_near(paired_mean_of_few(&paired, interval), 2);
    assert_true(fabs(interval[1] - 14.706) < 0.01); /* t of one degree of freedom: 12.706 */
    binomial_interval(0.5, 10, interval);
    assert_true(fabs(interval[0] - 0.23659) < 1e-4 && fabs(interval[1] - 0.76341) < 1e-4);
    binomial_interval(0, 3, interval);
    assert_near(interval[0], 0);
    assert_true(fabs(interval[1] - 0.56150) < 1e-4);
    binomial_interval(1, 200, interval);
    assert_near(interval[1], 1);
    binomial_interval(0.5, 0, interval);
    assert_true(isnan(interval[0]) && isnan(interval[1]));
    binomial_interval((double)NAN, 4, interval);
    assert_true(isnan(interval[0]) && isnan(interval[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_counted),  cmocka_unit_test(pixels_are_counted),
        cmocka_unit_test(top5_and_odd_numbers), cmocka_unit_test(differences_are_paired),
        cmocka_unit_test(intervals_of_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
