/* Training through the public header: what must hold whatever is learned. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fovea.h"

#define MODEL "models/fashion_mnist.onnx"
#define IMAGES 200

struct fixture {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_error error;
    struct fovea_tune_options options;
    char folder[64], list[128], out[128], last[128], weights[128];
};

/* A list of the shipped images with the classes that their names tell, of which it takes so many each. */
static void write_list_of(struct fixture *fixture, const int most[10])
{
    int taken[10] = {0};
    static const char *const classes[] = {"t-shirt-top", "trouser", "pullover", "dress", "coat",
                                          "sandal",      "shirt",   "sneaker",  "bag",   "ankle-boot"};
    FILE *list = fopen(fixture->list, "w"), *names = popen("ls $PWD/models/images/*.png", "r");
    char path[512];
    assert_non_null(list);
    assert_non_null(names);
    while (fgets(path, sizeof path, names)) {
        path[strcspn(path, "\n")] = 0;
        const char *name = strrchr(path, '_');
        for (int i = 0; i < 10; i++) {
            size_t length = strlen(classes[i]);
            if (strncmp(name + 1, classes[i], length) == 0 && strcmp(name + 1 + length, ".png") == 0 &&
                taken[i]++ < most[i])
                fprintf(list, "%s,%d\n", path, i);
        }
    }
    pclose(names);
    fclose(list);
}

static void write_list(struct fixture *fixture)
{
    write_list_of(fixture, (const int[]){99, 99, 99, 99, 99, 99, 99, 99, 99, 99});
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    strcpy(fixture->folder, "/tmp/fovea-test-tune-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->list, sizeof fixture->list, "%s/list.csv", fixture->folder);
    snprintf(fixture->out, sizeof fixture->out, "%s/new.onnx", fixture->folder);
    snprintf(fixture->last, sizeof fixture->last, "%s/new.last.onnx", fixture->folder);
    snprintf(fixture->weights, sizeof fixture->weights, "%s/weights.txt", fixture->folder);
    write_list(fixture);
    fixture->fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 3}, &fixture->error);
    fixture->model = fovea_model_load(fixture->fovea, MODEL, &fixture->error);
    assert_non_null(fixture->model);
    fixture->options = (struct fovea_tune_options){
        .data = {.path = fixture->list, .ignore = -1}, .epochs = 2, .batch = 20, .momentum = 0.9, .rate = 0.003};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        fixture->options.decays[i] = NAN;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fovea_model_free(fixture->model);
    assert_int_equal(fovea_close(fixture->fovea), 0);
    unlink(fixture->list);
    unlink(fixture->out);
    unlink(fixture->weights);
    unlink(fixture->last);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static struct fovea_tune tune(struct fixture *fixture, const struct fovea_tune_options *options)
{
    struct fovea_tune result;
    if (fovea_tune(fixture->model, options, fixture->out, true, NULL, &result, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return result;
}

/* The loss falls, the new file says what the run says, and it repeats whatever the loaders. */
static void test_run(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    options.new_classes = 10; /* a new head: there is something to learn */
    options.epochs = 4;
    options.augment = (struct fovea_augment){.padding = 2, .flip = 0.5};
    struct fovea_tune first = tune(fixture, &options);
    assert_int_equal(first.epoch_count, 4);
    assert_true(first.epochs[3].loss < 0.8 * first.epochs[0].loss);
    assert_true(first.best.top1 >= first.epochs[0].validation.top1);
    assert_true(isnan(first.difference) && isnan(first.control.top1)); /* there is no control */
    options.data.loader_threads = 1;
    struct fovea_tune second = tune(fixture, &options);
    assert_true(first.epochs[3].loss == second.epochs[3].loss);
    fovea_tune_free(&first);
    fovea_tune_free(&second);
    assert_int_equal(access(fixture->last, F_OK), 0);
    struct fovea_model *tuned = fovea_model_load(fixture->fovea, fixture->out, &fixture->error);
    assert_non_null(tuned);
    fovea_model_free(tuned);
}

/* What is frozen stays byte for byte; one parameter alone can be trained. */
static void test_freeze(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    const char *const frozen[] = {"*", "!head.*"}, *const nothing[] = {"nothing*"};
    options.epochs = 1;
    options.statistics = FOVEA_STATISTICS_FROZEN;
    options.freeze = frozen;
    options.freeze_count = 2;
    struct fovea_tune result = tune(fixture, &options);
    fovea_tune_free(&result);
    struct fovea_model *tuned = fovea_model_load(fixture->fovea, fixture->last, &fixture->error);
    struct fovea_diff diff;
    assert_int_equal(fovea_diff(fixture->model, tuned, &(struct fovea_diff_options){0}, &diff, &fixture->error), 0);
    assert_true(diff.change_count > 0);
    for (int64_t i = 0; i < diff.change_count; i++) /* the loss goes into the metadata */
        assert_true(strstr(diff.changes[i].name, "head.") || strcmp(diff.changes[i].name, "fovea.loss") == 0);
    fovea_diff_free(&diff);
    fovea_model_free(tuned);
    options.freeze = nothing;
    options.freeze_count = 1;
    assert_int_equal(fovea_tune(fixture->model, &options, fixture->out, true, NULL, &result, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.message, "nothing*"));
}

/* The control arm is the same run on another file: of the model itself there is no difference. */
static void test_control(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    options.epochs = 1;
    options.control = MODEL;
    struct fovea_tune result = tune(fixture, &options);
    assert_int_equal(result.epoch_count, 2);
    assert_float_equal(result.difference, 0, 0);
    assert_float_equal(result.last.top1, result.control.top1, 0);
    assert_true(!result.epochs[0].control && result.epochs[1].control);
    fovea_tune_free(&result);
}

static void refused(struct fixture *fixture, const struct fovea_tune_options *options, const char *part)
{
    struct fovea_tune result;
    assert_int_equal(fovea_tune(fixture->model, options, fixture->out, true, NULL, &result, &fixture->error), -1);
    assert_int_equal(fixture->error.code, FOVEA_BAD_INPUT);
    if (!strstr(fixture->error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", fixture->error.message, part);
}

static double mean_best(const struct fovea_tune *result, bool control)
{
    double sum = 0;
    for (int i = 0; i < result->run_count; i++)
        sum += result->runs[i].control == control ? result->runs[i].best.top1 : 0;
    return sum / result->seeds;
}

/* Best is compared with best over all seeds, the best of all is written, and a seed is what it is alone. */
static void test_seeds(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    options.new_classes = 10;
    options.epochs = 2;
    options.rate = 0.02;
    options.data.validation_share = 0.3;
    options.control = MODEL;
    struct fovea_tune one = tune(fixture, &options);
    options.seeds = 2;
    struct fovea_tune result = tune(fixture, &options);
    assert_int_equal(result.epoch_count, 8);
    assert_int_equal(result.run_count, 4);
    double best = 0;
    for (int i = 0; i < 8; i++) {
        const struct fovea_tune_epoch *epoch = &result.epochs[i];
        assert_int_equal(epoch->seed, 3 + i / 2 % 2);
        assert_int_equal(epoch->control, i >= 4);
        best = i < 4 ? fmax(best, epoch->validation.top1) : best;
    }
    for (int i = 0; i < 2; i++)
        assert_true(result.epochs[i].loss == one.epochs[i].loss);
    assert_true(result.epochs[2].loss != result.epochs[0].loss);
    assert_float_equal(result.best.top1, best, 0);
    assert_float_equal(result.runs[result.best_seed - 3].best.top1, best, 0);
    assert_true(fabs(result.difference - (mean_best(&result, false) - mean_best(&result, true))) < 1e-6);
    assert_true(result.difference == 0 && result.interval[0] == 0); /* the same model, seed by seed */
    struct fovea_data data = {.path = fixture->list, .ignore = -1, .validation_share = 0.3};
    struct fovea_eval_options eval_options = {.data = &data, .split = FOVEA_SPLIT_VALIDATION};
    struct fovea_model *tuned = fovea_model_load(fixture->fovea, fixture->out, &fixture->error);
    struct fovea_eval eval;
    assert_int_equal(fovea_eval(tuned, NULL, &eval_options, &eval, &fixture->error), 0);
    assert_float_equal(eval.data.metrics[0].top1, best, 0);
    fovea_eval_free(&eval);
    fovea_model_free(tuned);
    fovea_tune_free(&one);
    fovea_tune_free(&result);
    options.seeds = 101;
    refused(fixture, &options, "`seeds` is 101, not from 0 to 100");
}

/* What was told of a run's progress. */
struct heard {
    char text[160];
    size_t done, total;
    int beginnings, trainings, validations, controls;
    bool backwards;
};

static void put_weights(const struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->weights, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Weights by the stated rule, of classes that occur; a file says the same as the rule; other weights train otherwise.
 */
static void test_class_weights(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    char text[512] = "[";
    write_list_of(fixture, (const int[]){16, 3, 9, 0, 20, 20, 20, 20, 20, 20});
    options.data.validation_share = -1;
    options.epochs = 1;
    options.class_weights = "balanced";
    struct fovea_tune balanced = tune(fixture, &options);
    const struct fovea_class_counts *counts = &balanced.plan.counts;
    assert_int_equal(counts->classes, 10);
    assert_int_equal(counts->training[1], 3);
    assert_string_equal(counts->names[1], "Trouser");
    for (int i = 0; i < 10; i++) {
        double expected = counts->training[i] ? 148 / (9.0 * (double)counts->training[i]) : 0;
        assert_float_equal(counts->weights[i], expected, 1e-6);
        snprintf(text + strlen(text), sizeof text - strlen(text), i < 9 ? "%.9g,\n" : "%.9g]\n", counts->weights[i]);
    }
    put_weights(fixture, text);
    options.class_weights = fixture->weights;
    struct fovea_tune read = tune(fixture, &options);
    assert_true(read.epochs[0].loss == balanced.epochs[0].loss);
    options.class_weights = NULL;
    struct fovea_tune plain = tune(fixture, &options);
    assert_null(plain.plan.counts.weights);
    assert_true(fabs(plain.epochs[0].loss - balanced.epochs[0].loss) > 1e-3);
    fovea_tune_free(&balanced);
    fovea_tune_free(&read);
    fovea_tune_free(&plain);
    options.class_weights = fixture->weights;
    put_weights(fixture, "1 2 3");
    refused(fixture, &options, "holds 3 weights, there are 10 classes");
    put_weights(fixture, "1 1 1 1 1 1 1 1 1 -1");
    refused(fixture, &options, "weight 10 is no number from 0 on");
    put_weights(fixture, "0 0 0 0 0 0 0 0 0 0");
    refused(fixture, &options, "every class weighs nothing");
}

static int listen(void *user, const char *what, size_t done, size_t total, const char *text)
{
    struct heard *heard = user;
    if (strcmp(what, "training") != 0 || strcmp(heard->text, text) == 0) /* again: asked whether to go on */
        return 0;
    snprintf(heard->text, sizeof heard->text, "%s", text);
    heard->backwards = heard->backwards || done < heard->done || done > total;
    heard->done = done;
    heard->total = total;
    const char *epoch = strstr(text, "epoch ");
    heard->beginnings += epoch && strlen(epoch) == strlen("epoch 1/2");
    heard->trainings += strstr(text, "epoch 1/2, loss ") != NULL;
    heard->validations += strstr(text, "epoch 2/2, validation: top 1 ") != NULL;
    heard->controls += strncmp(text, "control, ", 9) == 0;
    return 0;
}

/* One measure of the whole run, the evaluations and the control in it, with words on how it stands. */
static void test_progress(void **state)
{
    struct fixture *fixture = *state;
    struct heard heard = {0};
    struct fovea *fovea =
        fovea_open(&(struct fovea_options){.threads = 2, .progress = listen, .progress_user = &heard}, &fixture->error);
    struct fovea_model *model = fovea_model_load(fovea, MODEL, &fixture->error);
    struct fovea_tune_options options = fixture->options;
    struct fovea_tune result;
    options.control = MODEL;
    if (fovea_tune(model, &options, fixture->out, true, NULL, &result, &fixture->error))
        fail_msg("%s", fixture->error.message);
    fovea_tune_free(&result);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
    assert_int_equal(heard.trainings, 2 * 9); /* 180 of 200 images, 20 a step, the model and the control */
    assert_int_equal(heard.validations, 2);
    assert_int_equal(heard.controls, 2 * (1 + 9 + 1)); /* the beginning of an epoch, its steps, its validation */
    assert_int_equal(heard.beginnings, 2 * 2);
    assert_false(heard.backwards);
    assert_int_equal(heard.done, heard.total);
}

/* A run that diverges ends with the node's name, and what was written before stays. */
static void test_divergence(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_tune_options options = fixture->options;
    struct fovea_tune result;
    options.rate = 1e30;
    assert_int_equal(fovea_tune(fixture->model, &options, fixture->out, true, NULL, &result, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.message, "not finite"));
    assert_int_equal(fixture->error.code, FOVEA_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_run, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_freeze, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_seeds, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_class_weights, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_control, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_divergence, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
