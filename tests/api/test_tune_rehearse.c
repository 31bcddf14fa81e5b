/* A rehearsal tells the plan of the run and its time, and changes nothing. */
#include <math.h>

#include "../temporary.h"
#include "fovea.h"

static struct fovea *fovea;
static struct fovea_model *model;
static struct fovea_error error;

static struct fovea_tune_options usual_options(void)
{
    struct fovea_tune_options options = fovea_tune_options_default();
    options.data.path = "models/images";
    options.epochs = 3;
    options.batch = 20;
    options.samples = 40;
    return options;
}

static void count_plans(void *user, const struct fovea_tune_plan *plan)
{
    *(int *)user += plan->parameters > 0;
}

static void its_plan_is_the_runs(void **state)
{
    (void)state;
    struct fovea_tune_options options = usual_options();
    static const char *const frozen[] = {"*stem*"};
    struct fovea_tune_rehearsal rehearsal;
    struct fovea_tune tune;
    struct fovea_model *tuned;
    int plans = 0;
    const struct fovea_tune_calls calls = {.plan = count_plans, .user = &plans};
    options.freeze = frozen;
    options.freeze_count = 1;
    if (fovea_tune_rehearse(model, &options, &calls, &rehearsal, &error) ||
        fovea_tune_model(model, &options, NULL, &tuned, &tune, &error))
        fail_msg("%s", error.message);
    const struct fovea_tune_plan *a = &rehearsal.plan, *b = &tune.plan;
    assert_int_equal(plans, 1);
    assert_int_equal(a->parameters, b->parameters);
    assert_int_equal(a->trained, b->trained);
    assert_int_equal(a->trained_elements, b->trained_elements);
    assert_int_equal(a->frozen, b->frozen);
    assert_true(a->frozen > 0 && a->trained + a->frozen == a->parameters);
    assert_int_equal(a->trained_elements + a->frozen_elements, a->elements);
    assert_int_equal(a->updates, b->updates);
    assert_int_equal(a->batch, 20);
    assert_int_equal(a->batches, 2);
    assert_int_equal(a->epochs, 3);
    assert_int_equal(a->training, b->training);
    assert_int_equal(a->validation, 20);
    int parameters = 0;
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++) {
        assert_memory_equal(&a->decays[i], &b->decays[i], sizeof a->decays[i]);
        parameters += a->decays[i].parameters;
    }
    assert_int_equal(parameters, a->trained);
    assert_true(a->decays[FOVEA_DECAY_LAST].factor == 1 && a->decays[FOVEA_DECAY_BETA].factor == 0);
    fovea_tune_rehearsal_free(&rehearsal);
    fovea_model_free(tuned);
    fovea_tune_free(&tune);
}

static void its_times_add_up(void **state)
{
    (void)state;
    struct fovea_tune_options options = usual_options();
    struct fovea_tune_rehearsal one, all;
    if (fovea_tune_rehearse(model, &options, NULL, &one, &error))
        fail_msg("%s", error.message);
    assert_true(one.steps > 0 && one.step_seconds > 0 && one.validation_seconds > 0);
    assert_true(fabs(one.epoch_seconds - 2 * one.step_seconds - one.validation_seconds) < 1e-9);
    assert_true(fabs(one.total_seconds - 3 * one.epoch_seconds) < 1e-9);
    assert_int_equal(one.runs, 1);
    options.seeds = 2;
    options.control_model = model;
    options.data.validation_share = -1;
    if (fovea_tune_rehearse(model, &options, NULL, &all, &error))
        fail_msg("%s", error.message);
    assert_int_equal(all.runs, 4);
    assert_true(all.validation_seconds == 0);
    assert_true(all.total_seconds > 6 * all.epoch_seconds); /* of both models */
    fovea_tune_rehearsal_free(&one);
    fovea_tune_rehearsal_free(&all);
    fovea_tune_rehearsal_free(NULL);
}

static void it_refuses_what_the_run_refuses(void **state)
{
    (void)state;
    struct fovea_tune_options options = usual_options();
    struct fovea_tune_rehearsal rehearsal;
    options.data.path = "models/none";
    assert_int_equal(fovea_tune_rehearse(model, &options, NULL, &rehearsal, &error), -1);
    assert_null(rehearsal.storage);
    options = usual_options();
    options.rate = 1e30;
    assert_int_equal(fovea_tune_rehearse(model, &options, NULL, &rehearsal, &error), -1);
    assert_non_null(strstr(error.message, "not finite"));
    assert_int_equal(fovea_tune_rehearse(model, &options, NULL, NULL, &error), -1);
    assert_int_equal(fovea_tune_rehearse(NULL, &options, NULL, &rehearsal, &error), -1);
    assert_null(fovea_tune_rehearsal_json(NULL, &error));
}

/* The bytes that a save of it gives are those of the file, as before. */
static void the_model_stays(void **state)
{
    (void)state;
    struct fovea_diff diff;
    const struct fovea_diff_options options = {0};
    struct fovea_model *fresh = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    assert_non_null(fresh);
    assert_int_equal(fovea_diff(model, fresh, &options, &diff, &error), 0);
    assert_true(diff.same);
    fovea_diff_free(&diff);
    fovea_model_free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(its_plan_is_the_runs), cmocka_unit_test(its_times_add_up),
                                       cmocka_unit_test(it_refuses_what_the_run_refuses),
                                       cmocka_unit_test(the_model_stays)};
    fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    model = fovea ? fovea_model_load(fovea, "models/fashion_mnist.onnx", &error) : NULL;
    if (!model)
        fail_msg("%s", error.message);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    fovea_model_free(model);
    return result || fovea_close(fovea);
}
