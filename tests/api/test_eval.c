/* Evaluations of the shipped model by the public header: what must hold whatever the model says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fovea.h"

struct fixture {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_feed feed;
    struct fovea_eval_options options;
    struct fovea_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 7}, &fixture->error);
    fixture->model = fovea_model_load(fixture->fovea, "models/fashion_mnist.onnx", &fixture->error);
    assert_non_null(fixture->model);
    fixture->feed.path = "models/images";
    fixture->options.samples = (struct fovea_samples){.feeds = &fixture->feed, .feed_count = 1, .limit = 30};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fovea_model_free(fixture->model);
    assert_int_equal(fovea_close(fixture->fovea), 0);
    free(fixture);
    return 0;
}

static struct fovea_eval evaluated(struct fixture *fixture, struct fovea_model *other)
{
    struct fovea_eval eval;
    if (fovea_eval(fixture->model, other, &fixture->options, &eval, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return eval;
}

static int corruption_number(const char *name)
{
    int number = 0;
    while (strcmp(fovea_corruption_name(number), name) != 0)
        number++;
    return number;
}

static void rows_are_what_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    static const double scales[] = {1, 0.25};
    fixture->options.corruptions = 1u << corruption_number("jpeg") | 1u << corruption_number("shift");
    fixture->options.severities = 1u << 2 | 1u << 5;
    fixture->options.scales = scales;
    fixture->options.scale_count = 2;
    struct fovea_eval eval = evaluated(fixture, NULL);
    assert_int_equal(eval.row_count, 1 + 2 * 2 + 2);
    assert_string_equal(eval.rows[0].change, "none");
    assert_string_equal(eval.rows[2].change, "jpeg");
    assert_int_equal(eval.rows[2].severity, 5);
    assert_float_equal(eval.rows[2].strength, 7, 0);
    assert_int_equal(eval.labelled, 30);
    assert_int_equal(eval.classes, 10);
    assert_float_equal(eval.rows[0].scores[0].agreement, 1, 0);
    assert_true(eval.rows[0].scores[0].top1 > 0.8);
    assert_true(eval.rows[0].scores[0].interval[0] > 0.6);
    assert_true(eval.rows[0].scores[0].interval[1] > eval.rows[0].scores[0].top1);
    for (int i = 0; i < eval.row_count; i++)
        assert_true(eval.rows[i].scores[0].top5 >= eval.rows[i].scores[0].top1);
    const struct fovea_eval_score *same = &eval.rows[5].scores[0]; /* scaled by 1 */
    assert_memory_equal(same, &eval.rows[0].scores[0], sizeof *same);
    assert_true(eval.rows[6].scores[0].agreement < 0.9); /* weak contrast is fatal to this model */
    fovea_eval_free(&eval);
}

static void noise_repeats_with_the_seed_and_batch_does_not_matter(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.corruptions = 1u << corruption_number("gaussian-noise");
    struct fovea_eval first = evaluated(fixture, NULL);
    fixture->options.samples.batch = 1;
    struct fovea_eval second = evaluated(fixture, NULL);
    for (int i = 0; i < first.row_count; i++) {
        assert_float_equal(first.rows[i].scores[0].top1, second.rows[i].scores[0].top1, 0);
        assert_float_equal(first.rows[i].scores[0].confidence, second.rows[i].scores[0].confidence, 1e-5);
    }
    struct fovea *other_seed = fovea_open(&(struct fovea_options){.threads = 2, .seed = 8}, &fixture->error);
    struct fovea_model *model = fovea_model_load(other_seed, "models/fashion_mnist.onnx", &fixture->error);
    struct fovea_eval third;
    assert_int_equal(fovea_eval(model, NULL, &fixture->options, &third, &fixture->error), 0);
    assert_true(third.rows[3].scores[0].confidence != second.rows[3].scores[0].confidence);
    fovea_eval_free(&third);
    fovea_model_free(model);
    assert_int_equal(fovea_close(other_seed), 0);
    fovea_eval_free(&first);
    fovea_eval_free(&second);
}

static void a_model_equals_itself(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_model *other = fovea_model_load(fixture->fovea, "models/fashion_mnist.onnx", &fixture->error);
    fixture->options.corruptions = 1u << corruption_number("shot-noise");
    fixture->options.severities = 1u << 3;
    struct fovea_eval eval = evaluated(fixture, other);
    assert_int_equal(eval.models, 2);
    assert_float_equal(eval.same_prediction, 1, 0);
    assert_memory_equal(&eval.rows[1].scores[0], &eval.rows[1].scores[1], sizeof eval.rows[1].scores[0]);
    assert_float_equal(eval.rows[1].difference, 0, 0);
    assert_float_equal(eval.rows[1].interval[1], 0, 0);
    fovea_eval_free(&eval);
    fovea_model_free(other);
}

static void changes_of_no_effect_are_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.corruptions = 1u << corruption_number("hue") | 1u << corruption_number("jpeg");
    fixture->options.severities = 1u << 3;
    fixture->options.samples.limit = 4;
    struct fovea_eval eval = evaluated(fixture, NULL);
    for (int i = 0; i < eval.row_count; i++) /* the images are gray */
        assert_int_equal(eval.rows[i].no_effect, strcmp(eval.rows[i].change, "hue") == 0);
    fovea_eval_free(&eval);
}

static void without_labels_agreement_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.no_labels = true;
    struct fovea_eval eval = evaluated(fixture, NULL);
    assert_int_equal(eval.labelled, 0);
    assert_float_equal(eval.rows[0].scores[0].top1, -1, 0);
    assert_float_equal(eval.rows[0].scores[0].agreement, 1, 0);
    fovea_eval_free(&eval);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_repeats_with_the_seed_and_batch_does_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_equals_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_of_no_effect_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_labels_agreement_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
