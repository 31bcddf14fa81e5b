/* Files as exporters leave them (tools/fixtures/training_forms.py) tuned through the public header: the new file says
 * what the run said, and is in inference form; the plan tells what was done to the tensors. */
#include <math.h>

#include "../onnx/written_graph.h"
#include "fovea.h"

#define FOLDER "tests/fixtures/training_forms/"

static struct fovea *fovea;
static struct fovea_error error;

static struct fovea_model *load(const char *path)
{
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    if (!model)
        fail_msg("%s", error.message);
    return model;
}

static struct fovea_tune_options usual_options(void)
{
    static const struct fovea_preprocess raw = {.preset = "raw"};
    struct fovea_tune_options options = {.data = {.path = "models/images", .ignore = -1},
                                         .preprocess = &raw,
                                         .epochs = 1,
                                         .batch = 20,
                                         .samples = 40,
                                         .momentum = 0.9,
                                         .rate = 0.003,
                                         .decay = 1e-4};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    return options;
}

static int tune(const char *form, const struct fovea_tune_options *options, struct fovea_tune *result)
{
    char path[160];
    snprintf(path, sizeof path, FOLDER "%s.onnx", form);
    struct fovea_model *model = load(path);
    int code = fovea_tune(model, options, temporary_path("tuned.onnx"), true, NULL, result, &error);
    fovea_model_free(model);
    return code;
}

static void check_file(const char *form, const struct fovea_tune *result)
{
    struct fovea_data data = {.path = "models/images", .ignore = -1};
    struct fovea_eval_options options = {.data = &data, .split = FOVEA_SPLIT_VALIDATION};
    struct fovea_model *tuned = load(temporary_path("tuned.onnx"));
    struct fovea_eval eval;
    if (fovea_eval(tuned, NULL, &options, &eval, &error))
        fail_msg("%s: %s", form, error.message);
    const struct fovea_metrics *metrics = &eval.data.metrics[0];
    if (metrics->top1 != result->best.top1 || metrics->mean_accuracy != result->best.mean_accuracy)
        fail_msg("%s: the file has %g, the run said %g", form, metrics->top1, result->best.top1);
    fovea_eval_free(&eval);
    fovea_model_free(tuned);
}

/* All exporter modes, with the batch's statistics and without, small and large batches, the old head and a new one. */
static void test_modes(void **state)
{
    static const char *const modes[] = {"eval", "preserve", "training"};
    static const int opsets[] = {9, 11, 12, 13, 14, 15, 17};
    static const enum fovea_frozen statistics[] = {FOVEA_STATISTICS_AUTO, FOVEA_STATISTICS_FROZEN,
                                                   FOVEA_STATISTICS_TRAINED};
    (void)state;
    for (int run = 0; run < 3 * 7 * 3 * 2 * 2; run++) {
        char form[64];
        struct fovea_tune_options options = usual_options();
        struct fovea_tune result;
        snprintf(form, sizeof form, "mode_%s_%d", modes[run % 3], opsets[run / 3 % 7]);
        options.statistics = statistics[run / 21 % 3];
        options.batch = run / 63 % 2 ? 20 : 4;
        options.new_classes = run / 126 ? 10 : 0;
        if (tune(form, &options, &result))
            fail_msg("%s: %s", form, error.message);
        bool batch_statistics = options.statistics == FOVEA_STATISTICS_TRAINED ||
                                (options.statistics == FOVEA_STATISTICS_AUTO && options.batch == 20);
        assert_int_equal(result.plan.norms, run % 3 > 0 && batch_statistics ? 3 : 0);
        assert_int_equal(result.plan.trained, result.plan.parameters);
        check_file(form, &result);
        fovea_tune_free(&result);
    }
}

/* A Dropout that is on in a function's body is refused, by tune and by bench's training step. */
static void test_functions(void **state)
{
    (void)state;
    const struct fovea_tune_options options = usual_options();
    const struct fovea_bench_options training = {.runs = 1};
    struct fovea_tune result;
    struct fovea_bench bench;
    const char *path = temporary_path("function.onnx");
    write_text_model(path,
                     "def f b > y{Constant > t value=true; Dropout b _ t > y}; in x; Relu x > a; .f a > y; out y");
    struct fovea_model *model = load(path);
    error.message[0] = 0;
    assert_int_equal(fovea_tune(model, &options, temporary_path("tuned.onnx"), true, NULL, &result, &error), -1);
    if (!strstr(error.message, "is in training form inside of a function"))
        fail_msg("%s", error.message);
    error.message[0] = 0;
    assert_int_equal(fovea_bench_train(model, &training, &bench, &error), -1);
    assert_int_equal(error.code, FOVEA_BAD_INPUT);
    assert_non_null(strstr(error.message, "is in training form inside of a function"));
    fovea_model_free(model);
}

static void test_plan(void **state)
{
    (void)state;
    struct fovea_tune_options options = usual_options();
    struct fovea_tune result;
    assert_int_equal(tune("same_merged_named", &options, &result), 0);
    assert_int_equal(result.plan.unshared_statistics, 3);
    assert_int_equal(result.plan.unshared_parameters, 2);
    assert_int_equal(result.plan.shared, 0);
    fovea_tune_free(&result);
    assert_int_equal(tune("same_all_filled", &options, &result), 0);
    assert_int_equal(result.plan.stored, 8);
    fovea_tune_free(&result);
    assert_int_equal(tune("shared_trained", &options, &result), 0);
    assert_int_equal(result.plan.shared, 3);
    assert_string_equal(result.plan.first_shared, "layer.weight");
    fovea_tune_free(&result);
    assert_int_equal(tune("mode_training_13", &options, &result), 0);
    assert_int_equal(result.plan.inference_nodes, 5);
    fovea_tune_free(&result);
    assert_int_equal(tune("computed_quantised", &options, &result), 0);
    assert_int_equal(result.plan.still_count, 1);
    assert_string_equal(result.plan.still[0].name, "source");
    assert_string_equal(result.plan.still[0].why, "int8");
    assert_int_equal(result.plan.still_elements, 72);
    assert_int_equal(result.plan.elements, 72 + 90);
    assert_int_equal(result.plan.trained_elements, 90);
    fovea_tune_free(&result);
}

/* The plan's number for decay against a weight that nothing else moves. */
static void test_decay(void **state)
{
    (void)state;
    for (int run = 0; run < 4; run++) {
        struct fovea_tune_options options = usual_options();
        struct fovea_tune result;
        options.epochs = 5;
        options.rate = 0.01;
        options.decay = 0.1;
        options.momentum = run == 0 ? 0 : 0.9;
        options.nesterov = run == 2;
        options.optimiser = run == 3 ? FOVEA_ADAMW : FOVEA_SGD;
        options.schedule = run % 2 ? FOVEA_SCHEDULE_COSINE : FOVEA_SCHEDULE_CONSTANT;
        options.samples = 180;
        if (tune("dead_branch", &options, &result))
            fail_msg("%s", error.message);
        struct fovea_model *old = load(FOLDER "dead_branch.onnx"), *tuned = load(temporary_path("tuned.last.onnx"));
        struct fovea_diff diff;
        bool found = false;
        assert_int_equal(fovea_diff(old, tuned, &(struct fovea_diff_options){0}, &diff, &error), 0);
        for (int64_t i = 0; i < diff.change_count; i++) {
            if (strcmp(diff.changes[i].name, "dead.weight") != 0)
                continue;
            double lost = 1 - result.plan.kept_by_decay;
            assert_true(lost > 0.01);
            assert_true(fabs(diff.changes[i].largest - lost) <= 1e-3 * lost);
            found = true;
        }
        assert_true(found);
        fovea_diff_free(&diff);
        fovea_model_free(old);
        fovea_model_free(tuned);
        fovea_tune_free(&result);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct fovea_tune_options options = usual_options();
    struct fovea_tune result;
    assert_int_equal(tune("held_batch", &options, &result), -1);
    assert_non_null(strstr(error.message, "train with `batch` 1 `accumulate` 20"));
    options.batch = 1;
    options.accumulate = 20;
    assert_int_equal(tune("held_batch", &options, &result), 0);
    check_file("held_batch", &result);
    fovea_tune_free(&result);
    options.statistics = FOVEA_STATISTICS_TRAINED;
    assert_int_equal(tune("norm_of_vectors", &options, &result), -1);
    assert_non_null(strstr(error.message, "one value a channel"));
    options.batch = 4;
    options.accumulate = 1;
    assert_int_equal(tune("norm_of_vectors", &options, &result), 0);
    fovea_tune_free(&result);
    assert_int_equal(tune("half", &options, &result), 0);
    assert_int_equal(result.plan.halves, result.plan.parameters);
    check_file("half", &result);
    fovea_tune_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_modes), cmocka_unit_test(test_functions),
                                       cmocka_unit_test(test_plan), cmocka_unit_test(test_decay),
                                       cmocka_unit_test(test_refusals)};
    fovea = fovea_open(&(struct fovea_options){.threads = 1, .seed = 3}, &error);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    assert_int_equal(fovea_close(fovea), 0);
    return failures;
}
