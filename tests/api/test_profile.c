/* Profiles: every node that runs under the file's names, kinds that add up to the nodes, as JSON too. */
#include <jansson.h>

#include "../temporary.h"
#include "fovea.h"

static struct fovea_error error;

static struct fovea_profile profile_of(struct fovea *fovea, bool gradient)
{
    const struct fovea_shape one = {NULL, 4, {1, 1, 28, 28}};
    const struct fovea_session_options options = {.shapes = {&one, 1}, .gradient = gradient, .noise = true};
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_session *session = model ? fovea_session_open(model, &options, &error) : NULL;
    struct fovea_profile profile = {0};
    if (!session || fovea_session_profile(session, 2, &profile, &error))
        fail_msg("%s", error.message);
    fovea_session_free(session);
    fovea_model_free(model);
    return profile; /* outlives both */
}

static const struct fovea_node_time *find(const struct fovea_profile *profile, const char *name)
{
    for (int i = 0; i < profile->node_count; i++) {
        if (strcmp(profile->nodes[i].name, name) == 0)
            return &profile->nodes[i];
    }
    fail_msg("no node is called %s", name);
    return NULL;
}

static void check_sums(const struct fovea_profile *profile)
{
    struct fovea_node_time nodes = {0}, kinds = {0};
    for (int i = 0; i < profile->node_count; i++) {
        nodes.ms += profile->nodes[i].ms;
        nodes.macs += profile->nodes[i].macs;
        nodes.bytes += profile->nodes[i].bytes;
        assert_int_equal(profile->nodes[i].count, 1);
        assert_true(i == 0 || profile->nodes[i].ms <= profile->nodes[i - 1].ms);
    }
    for (int i = 0; i < profile->kind_count; i++) {
        kinds.ms += profile->kinds[i].ms;
        kinds.macs += profile->kinds[i].macs;
        kinds.bytes += profile->kinds[i].bytes;
        kinds.count += profile->kinds[i].count;
        assert_true(i == 0 || profile->kinds[i].ms <= profile->kinds[i - 1].ms);
        assert_null(profile->kinds[i].name);
    }
    assert_int_equal(kinds.count, profile->node_count);
    assert_int_equal(kinds.macs, nodes.macs);
    assert_int_equal(kinds.bytes, nodes.bytes);
    assert_float_equal(kinds.ms, nodes.ms, 1e-9);
    assert_float_equal(profile->ms, nodes.ms, 1e-9);
}

static void nodes_hold_what_is_joined(void **state)
{
    (void)state;
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2, .cpu = "none"}, &error);
    struct fovea_profile profile = profile_of(fovea, false);
    const struct fovea_node_time *joined = find(&profile, "/blocks/blocks.5/conv1/Conv");
    const int64_t channels = 64, cells = 7 * 7; /* 64 channels of 7 x 7, kernels of 3 x 3 */
    assert_string_equal(joined->kind, "Conv, columns");
    assert_string_equal(joined->holds, "Conv + BatchNormalization + Relu");
    assert_int_equal(joined->macs, channels * channels * 9 * cells);
    assert_int_equal(joined->bytes, 4 * (2 * channels * cells + channels * channels * 9 + channels));
    assert_true(profile.peak.gflops > 0 && profile.peak.gbytes > 0);
    check_sums(&profile);
    fovea_profile_free(&profile);
    assert_int_equal(fovea_close(fovea), 0);
}

static void gradients_are_called_as_what_they_are_of(void **state)
{
    (void)state;
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_profile profile = profile_of(fovea, true);
    int gradients = 0;
    for (int i = 0; i < profile.node_count; i++)
        gradients += strncmp(profile.nodes[i].kind, "ConvInputGradient, ", 19) == 0 &&
                     strcmp(profile.nodes[i].name, "/blocks/blocks.2/conv1/Conv") == 0;
    assert_int_equal(gradients, 1);
    check_sums(&profile);
    fovea_profile_free(&profile);
    fovea_profile_free(&profile); /* empty now */
    fovea_profile_free(NULL);
    assert_int_equal(fovea_close(fovea), 0);
}

/* Each weight of the file has its gradient's node and its update, which the nodes' times do not hold. */
static void training_has_gradients_and_updates(void **state)
{
    (void)state;
    const struct fovea_shape four = {NULL, 4, {4, 1, 28, 28}};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_bench_options options = fovea_bench_options_default();
    struct fovea_profile profile = {0};
    int gradients = 0, updates = 0;
    options.session.shapes = (struct fovea_shapes){&four, 1};
    options.runs = 2;
    if (fovea_bench_train_profile(model, &options, &profile, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < profile.node_count; i++) {
        const struct fovea_node_time *node = &profile.nodes[i];
        gradients += strncmp(node->kind, "ConvWeightGradient, ", 20) == 0 &&
                     strcmp(node->name, "/blocks/blocks.2/conv1/Conv") == 0;
        if (strcmp(node->kind, "update, SGD") == 0 && strcmp(node->name, "blocks.2.conv1.weight") == 0) {
            updates++;
            assert_int_equal(node->bytes, 5 * 4 * 32 * 16 * 9); /* weight and velocity twice, gradient */
            assert_string_equal(node->holds, "");
        }
    }
    assert_int_equal(gradients, 1);
    assert_int_equal(updates, 1);
    check_sums(&profile);
    fovea_profile_free(&profile);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void json_has_all_of_it(void **state)
{
    (void)state;
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_profile profile = profile_of(fovea, false);
    char *text = fovea_bench_json(model, &(struct fovea_bench){.work = "forward", .cpu = "none"}, &profile, &error);
    json_t *document = json_loads(text, 0, NULL), *part = json_object_get(document, "profile");
    assert_int_equal(json_array_size(json_object_get(part, "nodes")), profile.node_count);
    assert_int_equal(json_array_size(json_object_get(part, "kinds")), profile.kind_count);
    assert_float_equal(json_number_value(json_object_get(part, "peak_gflops")), profile.peak.gflops,
                       (float)(1e-3 * profile.peak.gflops));
    const json_t *first = json_array_get(json_object_get(part, "nodes"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), profile.nodes[0].name);
    assert_int_equal(json_integer_value(json_object_get(first, "bytes")), profile.nodes[0].bytes);
    json_decref(document);
    fovea_text_free(text);
    fovea_profile_free(&profile);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

/* The copies take memory that a context may not have: the profile is there without them. */
static void little_memory_is_enough(void **state)
{
    (void)state;
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1, .max_memory = (size_t)32 << 20}, &error);
    struct fovea_profile profile = profile_of(fovea, false);
    struct fovea_peak peak;
    assert_true(profile.peak.gflops > 0 && profile.peak.gbytes == 0);
    assert_int_equal(fovea_measure_peak(fovea, &peak, &error), 0);
    assert_true(peak.gflops > 0 && peak.gbytes == 0);
    assert_int_equal(fovea_measure_peak(NULL, &peak, &error), -1);
    assert_int_equal(fovea_measure_peak(fovea, NULL, &error), -1);
    fovea_profile_free(&profile);
    assert_int_equal(fovea_close(fovea), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_hold_what_is_joined),
        cmocka_unit_test(gradients_are_called_as_what_they_are_of),
        cmocka_unit_test(training_has_gradients_and_updates),
        cmocka_unit_test(json_has_all_of_it),
        cmocka_unit_test(little_memory_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
