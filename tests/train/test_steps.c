/* The first steps of training against PyTorch's: tools/fixtures/training.py says what the files hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "onnx/onnx.h"
#include "op/registry.h"
#include "tensor/npy.h"
#include "train/trainer.h"

#define STEPS 20
#define FIRST_STEPS 6

struct run {
    struct context *context;
    struct model *model;
    struct training_graph training;
    struct trainer *trainer;
    struct tensor x, y, weights; /* weights: of the classes, empty where the fixture has none */
};

static struct error error;

static struct tensor read_array(struct run *run, const char *name, const char *file)
{
    char path[256];
    struct tensor tensor;
    snprintf(path, sizeof path, "tests/fixtures/training/%s/%s", name, file);
    if (npy_read(run->context->memory, path, &tensor, &error))
        fail_msg("%s", error.message);
    return tensor;
}

static bool has_array(const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/training/%s/%s", name, file);
    return access(path, F_OK) == 0;
}

static int decay_all(void *user, struct parameter_set *parameters, struct error *unused)
{
    (void)user, (void)unused;
    for (int i = 0; i < parameters->count; i++)
        parameters->list[i].decay = 1;
    return 0;
}

/* With the batch of the fixture `name`, or its first `images` images where that is not 0. */
static void start_model(struct run *run, const char *path, const char *name, int images, bool adamw, bool direct,
                        int threads, int segments)
{
    static const struct optimiser_options sgd = {.kind = FOVEA_SGD, .decay = 1e-4, .momentum = 0.9};
    static const struct optimiser_options adam = {
        .kind = FOVEA_ADAMW, .decay = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    error = (struct error)ERROR_INITIALISER;
    *run =
        (struct run){.context = context_create(
                         &(struct context_options){.threads = threads, .cpu = CPU_AVX512, .direct = direct}, &error)};
    run->x = read_array(run, name, "x.npy");
    run->y = read_array(run, name, "y.npy");
    run->x.shape.dims[0] = run->y.shape.dims[0] = images > 0 ? images : run->x.shape.dims[0];
    if (has_array(name, "weights.npy"))
        run->weights = read_array(run, name, "weights.npy");
    run->model = model_load(run->context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(run->model->graph, &error);
    struct shape_binding binding = {.name = "", .shape = run->x.shape};
    struct mask_size masks = {0};
    if (run->y.shape.rank > 1)
        masks = (struct mask_size){.height = run->y.shape.dims[1], .width = run->y.shape.dims[2]};
    struct training_request request = {.model = run->model,
                                       .bindings = &binding,
                                       .binding_count = 1,
                                       .loss = {.kind = FOVEA_CROSS_ENTROPY, .ignored = -1},
                                       .masks = masks,
                                       .segments = segments,
                                       .configure = decay_all};
    if (run->weights.data) {
        request.loss.class_weights = run->weights.data;
        request.loss.smoothing = 0.1f;
        request.loss.ignored = 255;
    }
    struct trainer_options options = {.accumulate = 1, .optimiser = adamw ? adam : sgd, .keep_gradients = true};
    if (training_graph_create(&run->training, &request, &error) ||
        !(run->trainer = trainer_create(&run->training, &options, &error)))
        fail_msg("%s: %s", path, error.message);
}

static void start(struct run *run, const char *name, bool adamw, bool direct, int threads, int segments)
{
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/training/%s/model.onnx", name);
    start_model(run, path, name, 0, adamw, direct, threads, segments);
}

static void finish(struct run *run)
{
    trainer_destroy(run->trainer);
    training_graph_destroy(&run->training);
    model_destroy(run->model);
    tensor_release(run->context->memory, &run->x);
    tensor_release(run->context->memory, &run->y);
    tensor_release(run->context->memory, &run->weights);
    assert_int_equal(context_destroy(run->context), 0);
}

static double step(struct run *run, double rate)
{
    struct trainer_result result;
    struct loss_labels labels = {.images = run->x.shape.dims[0],
                                 .classes = run->training.logits.dims[1],
                                 .units = shape_count(&run->y.shape) / run->y.shape.dims[0],
                                 .labels = run->y.data};
    memcpy(trainer_images(run->trainer)->data, run->x.data, tensor_bytes(&run->x));
    if (trainer_step(run->trainer, &labels, rate, &result, &error))
        fail_msg("%s", error.message);
    assert_true(result.updated);
    return result.loss;
}

static int find_parameter(const struct run *run, const char *name)
{
    for (int i = 0; i < run->training.parameters.count; i++) {
        if (strcmp(run->training.parameters.list[i].name, name) == 0)
            return i;
    }
    fail_msg("no parameter '%s'", name);
    return -1;
}

static double largest_of(const float *values, int64_t count)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

/* Every parameter's gradient within 1e-3 of its own maximum or 1e-6 of the largest of all. */
static void check_gradients(struct run *run, const char *name)
{
    struct tensor expected = read_array(run, name, "gradients.npy");
    const float *gradients = expected.data;
    double overall = largest_of(gradients, shape_count(&expected.shape));
    char path[256], parameter[256];
    snprintf(path, sizeof path, "tests/fixtures/training/%s/parameters.txt", name);
    FILE *names = fopen(path, "r");
    assert_non_null(names);
    int seen = 0;
    while (fgets(parameter, sizeof parameter, names)) {
        parameter[strcspn(parameter, "\n")] = 0;
        int index = find_parameter(run, parameter);
        int64_t count = run->training.parameters.list[index].count;
        const float *got = trainer_gradient(run->trainer, index);
        double allowed = fmax(1e-3 * largest_of(gradients, count), 1e-6 * overall);
        for (int64_t i = 0; i < count; i++) {
            if (!(fabs((double)got[i] - (double)gradients[i]) <= allowed))
                fail_msg("%s, %s[%d]: %g, expected %g", name, parameter, (int)i, (double)got[i], (double)gradients[i]);
        }
        gradients += count;
        seen++;
    }
    fclose(names);
    assert_int_equal(seen, run->training.parameters.count);
    tensor_release(run->context->memory, &expected);
}

/* The losses within three times what PyTorch's float32 is off its float64, or what float32 leaves of a loss. Where
 * convolutions are not direct, of the first steps alone: later a unit may come to the other side of its kink. */
static void check_losses(struct run *run, const char *name, bool adamw, bool direct)
{
    struct tensor expected = read_array(run, name, adamw ? "adamw.npy" : "sgd.npy");
    double gap = 1e-6;
    for (int i = 0; i < STEPS; i++)
        gap = fmax(gap, fabs(tensor_number(&expected, i) - tensor_number(&expected, STEPS + i)));
    for (int i = 0; i < (direct ? STEPS : FIRST_STEPS); i++) {
        double loss = step(run, adamw ? 1e-3 : 0.01), reference = tensor_number(&expected, STEPS + i);
        if (!(fabs(loss - reference) <= 3 * gap))
            fail_msg("%s, step %d: loss %.9g, expected %.9g within %g", name, i, loss, reference, 3 * gap);
        if (i == 0 && !adamw)
            check_gradients(run, name);
    }
    tensor_release(run->context->memory, &expected);
}

static void test_steps(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet18", "group_norm", "vit", "deeplab", "segformer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct run run;
            bool adamw = kind % 2 == 1, direct = kind < 2;
            start(&run, names[i], adamw, direct, 1 + adamw, 1 + adamw);
            check_losses(&run, names[i], adamw, direct);
            finish(&run);
        }
    }
}

/* What was trained is in the model: a new graph of it goes on where the old one was. */
static void test_store(void **state)
{
    (void)state;
    struct run run;
    start(&run, "resnet18", false, false, 1, 1);
    double first = step(&run, 0.05);
    for (int i = 0; i < 5; i++)
        step(&run, 0.05);
    assert_int_equal(trainer_store(run.trainer, &error), 0);
    double last = step(&run, 0);
    struct trainer *old = run.trainer;
    run.trainer = trainer_create(&run.training, &(struct trainer_options){.accumulate = 1}, &error);
    assert_non_null(run.trainer);
    assert_float_equal(step(&run, 0), last, 1e-6);
    assert_true(last < first);
    trainer_destroy(old);
    finish(&run);
}

/* What is computed a second time is the same to the last bit, and takes less memory. */
static void test_recompute(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet18", "group_norm", "vit", "deeplab", "segformer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        double losses[3];
        size_t memory[4];
        for (int segments = 0; segments < 4; segments++) {
            struct run run;
            start(&run, names[i], false, false, 2, segments);
            memory[segments] = memory_in_use(run.context->memory);
            for (int k = 0; k < 3; k++) {
                double loss = step(&run, 0.01);
                assert_true(segments == 0 || loss == losses[k]);
                losses[k] = loss;
            }
            finish(&run);
        }
        assert_true(memory[1] < memory[0]);
        assert_true(memory[3] < memory[1]);
    }
}

/* Masks that are drawn a second time are the same ones. */
static void test_recompute_dropout(void **state)
{
    (void)state;
    double losses[3];
    for (int segments = 0; segments < 4; segments++) {
        struct run run;
        start_model(&run, "tests/fixtures/structures/dropout_wide_right.onnx", "resnet18", 1, false, false, 1,
                    segments);
        assert_int_equal(run.training.dropouts, 4);
        for (int k = 0; k < 3; k++) {
            double loss = step(&run, 0.1);
            assert_true(segments == 0 || loss == losses[k]);
            losses[k] = loss;
        }
        finish(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps), cmocka_unit_test(test_recompute),
                                       cmocka_unit_test(test_recompute_dropout), cmocka_unit_test(test_store)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
