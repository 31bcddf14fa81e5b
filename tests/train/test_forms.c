/* One network in the many forms of files (tools/fixtures/training_forms.py): it trains alike, and what is saved is what
 * was trained. */
#include <math.h>

#include "../onnx/written_graph.h"
#include "onnx/onnx.h"
#include "op/emit.h"
#include "op/registry.h"
#include "train/evaluation.h"
#include "train/inference_form.h"
#include "train/policy.h"
#include "train/source_constant.h"
#include "train/trainer.h"
#include "train/unshare.h"

#define FOLDER "tests/fixtures/training_forms/"
#define STEPS 4
#define BATCH 8
#define PIXELS ((int64_t)28 * 28)
#define CLASSES 10

struct run {
    struct context *context;
    struct model *model;
    struct unshared unshared;
    struct training_graph training;
    struct trainer *trainer;
    int inference_nodes;
    double losses[STEPS];
    float logits[BATCH * CLASSES]; /* of the model as it was stored */
};

static struct error error;

static void fill_images(float *images, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        images[i] = sinf((float)(i % 97) * 0.7f + (float)(i / PIXELS)) + (float)(i / PIXELS) * 0.1f;
}

static struct shape_binding batch_binding(void)
{
    return (struct shape_binding){.name = "", .shape = {.rank = 4, .dims = {BATCH, 1, 28, 28}}};
}

static void prepare(struct run *run, const char *form, bool frozen)
{
    char path[160];
    struct shape_binding binding = batch_binding();
    struct training_request request = {.bindings = &binding,
                                       .binding_count = 1,
                                       .loss = {.kind = FOVEA_CROSS_ENTROPY, .ignored = -1},
                                       .freeze_statistics = frozen,
                                       .segments = 1};
    struct trainer_options options = {.accumulate = 1, .optimiser = {.kind = FOVEA_SGD, .momentum = 0.9}};
    snprintf(path, sizeof path, FOLDER "%s.onnx", form);
    error = (struct error)ERROR_INITIALISER;
    *run = (struct run){
        .context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512, .seed = 3}, &error)};
    request.model = run->model = model_load(run->context, path, &error);
    assert_string_equal(error.message, "");
    model_resolve(run->model, &error);
    run->inference_nodes = inference_form(run->model, &error);
    if (run->inference_nodes < 0 || unshare(run->model, &binding, 1, frozen, &run->unshared, &error) ||
        training_graph_create(&run->training, &request, &error) ||
        !(run->trainer = trainer_create(&run->training, &options, &error)))
        fail_msg("%s: %s", form, error.message);
}

static void finish(struct run *run)
{
    trainer_destroy(run->trainer);
    training_graph_destroy(&run->training);
    model_destroy(run->model);
    assert_int_equal(context_destroy(run->context), 0);
}

static void take_steps(struct run *run)
{
    static const int64_t labels[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct loss_labels targets = {.images = BATCH, .classes = CLASSES, .units = 1, .labels = labels};
    for (int i = 0; i < STEPS; i++) {
        struct trainer_result result;
        fill_images(trainer_images(run->trainer)->data, BATCH * PIXELS);
        if (trainer_step(run->trainer, &targets, 0.05, &result, &error))
            fail_msg("%s: %s", run->model->path, error.message);
        run->losses[i] = result.loss;
    }
    if (trainer_store(run->trainer, &error))
        fail_msg("%s: %s", run->model->path, error.message);
}

static void predict(struct model *model, float logits[BATCH * CLASSES])
{
    static float images[BATCH * PIXELS];
    struct shape_binding binding = batch_binding();
    struct evaluator evaluator;
    const float *made;
    fill_images(images, BATCH * PIXELS);
    if (evaluator_create(&evaluator, model, &binding, 1, NULL, NULL, &error) ||
        evaluator_run(&evaluator, images, BATCH, &made, &error))
        fail_msg("%s: %s", model->path, error.message);
    memcpy(logits, made, BATCH * CLASSES * sizeof *logits);
    evaluator_destroy(&evaluator);
}

/* The file holds what the model held. */
static void check_saved(struct run *run)
{
    float reloaded[BATCH * CLASSES];
    const char *path = temporary_path("saved.onnx");
    predict(run->model, run->logits);
    if (model_save(run->model, path, &error))
        fail_msg("%s", error.message);
    struct model *saved = model_load(run->context, path, &error);
    assert_string_equal(error.message, "");
    model_resolve(saved, &error);
    assert_int_equal(inference_form(saved, &error), 0);
    predict(saved, reloaded);
    assert_memory_equal(reloaded, run->logits, sizeof reloaded);
    model_destroy(saved);
}

static void train_form(struct run *run, const char *form, bool frozen)
{
    prepare(run, form, frozen);
    take_steps(run);
    check_saved(run);
}

static bool alike(const struct run *a, const struct run *b, bool logits)
{
    for (int i = 0; i < STEPS; i++) {
        if (!(fabs(a->losses[i] - b->losses[i]) <= 1e-6 * fabs(a->losses[i])))
            return false;
    }
    for (int i = 0; logits && i < BATCH * CLASSES; i++) {
        if (!(fabsf(a->logits[i] - b->logits[i]) <= 1e-5f))
            return false;
    }
    return true;
}

/* Statistics and scales behind any chain of constants, or stored once for several: each its own. */
static void test_same(void **state)
{
    static const struct {
        const char *form;
        int statistics, parameters, computed; /* of unshare, with batch statistics */
    } forms[] = {{"identity", 0, 0, 0},   {"constant", 0, 0, 0}, {"add", 0, 0, 4},
                 {"reshape", 0, 0, 4},    {"cast", 0, 0, 4},     {"fill", 0, 0, 4},
                 {"all_filled", 0, 0, 8}, {"merged", 3, 2, 0},   {"merged_named", 3, 2, 0}};
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct run plain, run;
        train_form(&plain, "same_plain", frozen);
        assert_int_equal(plain.training.norm_count, frozen ? 0 : 2);
        assert_int_equal(plain.training.parameters.count, 8);
        assert_true(plain.losses[STEPS - 1] < plain.losses[0]);
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            char form[64];
            snprintf(form, sizeof form, "same_%s", forms[i].form);
            train_form(&run, form, frozen);
            if (!alike(&plain, &run, true))
                fail_msg("%s: another run than of the plain form, %s statistics", form, frozen ? "frozen" : "batch");
            assert_int_equal(run.training.norm_count, plain.training.norm_count);
            assert_int_equal(run.training.parameters.count, 8);
            if (!frozen) {
                assert_int_equal(run.unshared.statistics, forms[i].statistics);
                assert_int_equal(run.unshared.parameters, forms[i].parameters);
                assert_int_equal(run.unshared.computed, forms[i].computed);
            }
            assert_int_equal(run.unshared.shared, 0);
            finish(&run);
        }
        finish(&plain);
    }
}

/* Exports in training mode train as those that preserve the modes. */
static void test_modes(void **state)
{
    static const int opsets[] = {9, 11, 12, 13, 14, 15, 17};
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct run first, run;
        train_form(&first, "mode_preserve_9", frozen);
        assert_int_equal(first.training.norm_count, frozen ? 0 : 3);
        for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
            for (int training = 0; training < 2; training++) {
                char form[64];
                snprintf(form, sizeof form, "mode_%s_%d", training ? "training" : "preserve", opsets[i]);
                train_form(&run, form, frozen);
                /* PyTorch's exports in training mode have moved the statistics by one batch. */
                if (!alike(&first, &run, !training) && !(training && frozen))
                    fail_msg("%s: another run than of mode_preserve_9, frozen %d", form, frozen);
                assert_int_equal(run.inference_nodes, !training ? 0 : opsets[i] < 12 ? 3 : 5);
                finish(&run);
            }
        }
        finish(&first);
        for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
            char form[64];
            snprintf(form, sizeof form, "mode_eval_%d", opsets[i]);
            train_form(&run, form, frozen);
            assert_int_equal(run.training.norm_count, 0);
            finish(&run);
        }
    }
}

/* Signs have no slope: said, and not counted. */
static void test_no_gradient(void **state)
{
    struct run run;
    (void)state;
    train_form(&run, "computed_signs", true);
    for (int i = 0; i < run.training.parameters.count; i++) {
        const struct parameter *parameter = &run.training.parameters.list[i];
        assert_int_equal(parameter->output < 0, strcmp(parameter->name, "source") == 0);
        assert_false(parameter->unread);
    }
    finish(&run);
}

static const struct value *find_value(const struct run *run, const char *name)
{
    const struct value *value = graph_find_value(run->model->graph, name);
    if (!value)
        fail_msg("%s: no '%s'", run->model->path, name);
    return value;
}

static double largest_change(const struct run *run, const struct model *old, const char *name)
{
    const struct value *before = graph_find_value(old->graph, name);
    const struct tensor *from = source_constant_read(before, &error);
    const struct tensor *to = source_constant_read(find_value(run, name), &error);
    double largest = 0;
    for (int64_t i = 0; i < shape_count(&from->shape); i++)
        largest = fmax(largest, fabs(tensor_number(from, i) - tensor_number(to, i)));
    return largest;
}

/* What weights are computed of trains where the gradient goes through; what does not is named with its reason. */
static void test_computed(void **state)
{
    static const struct {
        const char *form, *trained[3]; /* beside fc.weight and fc.bias */
        const char *still, *why;
    } forms[] = {{"standardised", {"source"}, NULL, NULL},
                 {"normed", {"source", "gain"}, NULL, NULL},
                 {"masked", {"source"}, "mask", "a mask of zeros and ones"},
                 {"scaled", {"source"}, "factor", "one number for all"},
                 {"turned", {"source"}, NULL, NULL},
                 {"low_rank", {"source", "A", "B"}, NULL, NULL},
                 {"fake_quantised", {"source"}, NULL, NULL},
                 {"quantised", {NULL}, "source", "int8"},
                 {"filled", {"source"}, "filler", "one number for all"},
                 {"spectral", {"source"}, "v", "read by MatMul"},
                 {"coordinates", {"source", "A", "B"}, "places", "read by MatMul"}};
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char form[64], path[160];
        struct run run;
        snprintf(form, sizeof form, "computed_%s", forms[i].form);
        snprintf(path, sizeof path, FOLDER "%s.onnx", form);
        train_form(&run, form, true);
        struct model *old = model_load(run.context, path, &error);
        int trained = 0;
        for (; trained < 3 && forms[i].trained[trained]; trained++) {
            if (!(largest_change(&run, old, forms[i].trained[trained]) > 0))
                fail_msg("%s: '%s' did not move", form, forms[i].trained[trained]);
        }
        const struct parameter_set *set = &run.training.parameters;
        assert_int_equal(set->count, 2 + trained);
        assert_int_equal(set->still_count, strcmp(forms[i].form, "spectral") == 0 ? 2 : forms[i].still != NULL);
        if (forms[i].still) {
            assert_string_equal(set->stills[0].name, forms[i].still);
            assert_string_equal(set->stills[0].why, forms[i].why);
            assert_float_equal(largest_change(&run, old, forms[i].still), 0, 0);
        }
        model_destroy(old);
        finish(&run);
    }
}

/* Vectors of which but one number is made, that scales a weight, are buffers, whatever their shape: they stay. */
static void test_buffers(void **state)
{
    static const char *const forms[] = {"spectral_sum", "spectral_matrix"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char form[64], path[160];
        struct run run;
        snprintf(form, sizeof form, "computed_%s", forms[i]);
        snprintf(path, sizeof path, FOLDER "%s.onnx", form);
        train_form(&run, form, true);
        struct model *old = model_load(run.context, path, &error);
        const struct parameter_set *set = &run.training.parameters;
        int buffers = 0;
        for (int k = 0; k < set->count; k++) {
            assert_true(set->list[k].buffer == (set->list[k].output < 0));
            buffers += set->list[k].buffer;
        }
        assert_int_equal(buffers, 2);
        assert_true(largest_change(&run, old, "source") > 0);
        assert_float_equal(largest_change(&run, old, "u"), 0, 0);
        assert_float_equal(largest_change(&run, old, "v"), 0, 0);
        model_destroy(old);
        finish(&run);
    }
}

/* One layer used twice goes on as one, fresh or trained, but for statistics; copies go on as one where they were
 * trained so, and are layers of their own in a fresh network. */
static void test_shared(void **state)
{
    (void)state;
    for (int trained = 0; trained < 2; trained++) {
        struct run run;
        train_form(&run, trained ? "shared_trained" : "shared_fresh", false);
        assert_int_equal(run.training.parameters.count, 6); /* stem, layer, scale, shift, fc */
        assert_int_equal(run.training.norm_count, 2);
        assert_int_equal(run.unshared.shared, 3);
        assert_int_equal(run.unshared.parameters, 0);
        assert_true(run.unshared.statistics >= 2);
        finish(&run);
        train_form(&run, trained ? "copied_trained" : "copied_fresh", false);
        assert_int_equal(run.training.parameters.count, trained ? 3 + 3 : 3 + 3 * 3);
        assert_int_equal(run.unshared.shared, trained ? 3 : 0);
        assert_int_equal(run.unshared.parameters, trained ? 0 : 6);
        if (!trained) { /* under the names that the file gave them */
            find_value(&run, "layer2.weight");
            assert_non_null(find_value(&run, "layer2.weight")->constant);
        }
        finish(&run);
    }
}

/* Scales that a fresh network stores as one decay by what each does, with a policy in the metadata that cannot name
 * them and without. */
static void test_policy(void **state)
{
    static const struct {
        const char *conv;
        float decay;
    } expected[] = {{"stem.weight", 0}, {"conv1.weight", 1}, {"conv2.weight", 1}};
    const float overrides[FOVEA_DECAY_CLASSES] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const char *policy = "{\"last\": {\"decay\": true, \"parameters\": []}, \"stem\": {\"decay\": false}}";
    struct shape_binding binding = batch_binding();
    (void)state;
    for (int listed = 0; listed < 2; listed++) {
        struct run run;
        bool from_metadata;
        train_form(&run, "residual_merged", false);
        assert_int_equal(run.training.norm_count, 3);
        assert_int_equal(run.training.parameters.count, 3 * 3 + 2);
        if (listed)
            assert_int_equal(model_set_metadata(run.model, "fovea.decay", policy, &error), 0);
        if (policy_apply(run.model, &binding, 1, overrides, &run.training.parameters, &from_metadata, &error))
            fail_msg("%s", error.message);
        assert_int_equal(from_metadata, listed);
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            const struct node *conv = find_value(&run, expected[i].conv)->uses[0].node;
            const struct value *scale = conv->outputs[0]->uses[0].node->inputs[1];
            const struct parameter *found = NULL;
            for (int k = 0; k < run.training.parameters.count; k++) {
                const struct parameter *parameter = &run.training.parameters.list[k];
                found = parameter->source == scale ? parameter : found;
            }
            assert_non_null(found);
            assert_float_equal(found->decay, expected[i].decay, 0);
        }
        finish(&run);
    }
}

/* Half precision trains as the same numbers do in float32, and is written as it was. */
static void test_half(void **state)
{
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct run half, full;
        train_form(&half, "half", frozen);
        train_form(&full, "half_in_float", frozen);
        assert_true(alike(&full, &half, false));
        assert_true(half.losses[STEPS - 1] < half.losses[0]);
        assert_int_equal(source_constant(find_value(&half, "w"))->tensor.dtype, DTYPE_FLOAT16);
        for (int i = 0; i < BATCH * CLASSES; i++)
            assert_float_equal(half.logits[i], full.logits[i], 1e-2);
        finish(&half);
        finish(&full);
    }
}

/* What is foreseen of decay is what the optimisers do, and in a long run the formula. */
static void test_decay(void **state)
{
    static const struct optimiser_options optimisers[] = {
        {.kind = FOVEA_SGD},
        {.kind = FOVEA_SGD, .momentum = 0.9},
        {.kind = FOVEA_SGD, .momentum = 0.9, .nesterov = true},
        {.kind = FOVEA_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}};
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    (void)state;
    for (size_t i = 0; i < sizeof optimisers / sizeof optimisers[0]; i++) {
        for (int64_t steps = 3; steps <= 10000; steps += 9997) {
            const double rate = 0.01, decay = 5e-4;
            float weight = 1, gradient = 0, first = 0, second = 0;
            struct decayed decayed = {.weight = 1};
            for (int64_t step = 1; step <= steps; step++) {
                struct optimiser_update update = {
                    .elements = &weight,
                    .gradient = &gradient,
                    .slots = {optimisers[i].momentum > 0 || i == 3 ? &first : NULL, &second},
                    .count = 1,
                    .step = step,
                    .rate = rate,
                    .decay = decay,
                    .gradient_scale = 1};
                optimiser_apply(&optimisers[i], &update, context->pool);
                optimiser_decay(&optimisers[i], rate, decay, step, &decayed);
            }
            double formula = exp(-(double)steps * rate * decay * optimiser_gain(&optimisers[i]));
            assert_true(fabs((double)weight - decayed.weight) <= 0.01 * (1 - decayed.weight));
            if (steps > 1000)
                assert_true(fabs(decayed.weight - formula) < 5e-4);
        }
    }
    struct decayed decayed = {.weight = 1};
    for (int64_t step = 1; step <= 10000; step++)
        optimiser_decay(&optimisers[1], 0.01, 5e-4, step, &decayed);
    assert_true(fabs(decayed.weight - 0.607) < 5e-4);
    assert_int_equal(context_destroy(context), 0);
}

/* The forms' Dropout leaves nothing out: it counts once it does. */
static void nodes_in_training_mode_are_counted(void **state)
{
    static const char *const forms[] = {"mode_eval_12", "mode_preserve_13", "mode_training_12", "mode_training_17"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        char path[160];
        error = (struct error)ERROR_INITIALISER;
        struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
        snprintf(path, sizeof path, FOLDER "%s.onnx", forms[i]);
        struct model *model = model_load(context, path, &error);
        assert_non_null(model);
        model_resolve(model, &error);
        struct training_nodes nodes = inference_form_missing(model);
        assert_true(nodes.norms == (i < 2 ? 0 : 3) && nodes.dropouts == 0);
        for (struct node *node = model->graph->first; node; node = node->next) {
            if (strcmp(node->op_type, "Dropout") == 0)
                assert_int_equal(node_set_input(node, 1, emit_scalar(model->graph, DTYPE_FLOAT, 0.5, &error), &error),
                                 0);
        }
        assert_int_equal(inference_form_missing(model).dropouts, i < 2 ? 0 : 2);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

/* What a Dropout in a function's body says by a Constant there: taken, or refused by name. */
static void functions_in_training_form_are_refused(void **state)
{
    (void)state;
    for (int training = 0; training < 2; training++) {
        const char *path = temporary_path("function.onnx");
        char text[160];
        snprintf(text, sizeof text,
                 "def f b > y{Constant > t value=%s; Dropout b _ t > y}; in x; Relu x > a; .f a > y; out y",
                 training ? "true" : "false");
        write_text_model(path, text);
        error = (struct error)ERROR_INITIALISER;
        struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
        struct model *model = model_load(context, path, &error);
        assert_string_equal(error.message, "");
        assert_int_equal(model_resolve(model, &error), 0);
        assert_int_equal(inference_form_missing(model).dropouts, training);
        assert_int_equal(inference_form(model, &error), training ? -1 : 0);
        assert_true(!training || strstr(error.message, "is in training form inside of a function"));
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_modes),
                                       cmocka_unit_test(test_computed),
                                       cmocka_unit_test(test_buffers),
                                       cmocka_unit_test(test_shared),
                                       cmocka_unit_test(test_half),
                                       cmocka_unit_test(test_decay),
                                       cmocka_unit_test(test_policy),
                                       cmocka_unit_test(test_no_gradient),
                                       cmocka_unit_test(nodes_in_training_mode_are_counted),
                                       cmocka_unit_test(functions_in_training_form_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
