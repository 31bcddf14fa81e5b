/* Rewrites of small networks of every pattern: proven, saved, read again, and done only once. */
#include <unistd.h>

#include "../temporary.h"
#include "api/api.h"
#include "base/sha256.h"
#include "guide/record.h"
#include "onnx/onnx.h"

static const char *rewritten, *again;

struct rewrite_case {
    const char *network, *guide, *setting;
    bool exact;
    int changed_weights; /* initialisers that differ from the file */
    bool pending;        /* the rewrite is to be trained */
};

static const struct rewrite_case cases[] = {
    {"resnet18_folded", "kernel-padding", NULL, true, 7, true},
    {"resnet18_folded", "kernel-padding", "kernel-padding.pools=on", false, 7, true},
    {"resnet50_folded", "kernel-padding", NULL, true, 7, true},
    {"../squeezenet/model", "kernel-padding", "kernel-padding.pools=on", false, 1, true},
    {"strided_same_upper", "kernel-padding", NULL, true, 1, true},
    {"strided_same_lower", "kernel-padding", NULL, true, 1, true},
    {"strided_valid_free", "kernel-padding", NULL, true, 1, true},
    {"strided_after_pad", "kernel-padding", NULL, true, 1, true},
    {"strided_depthwise", "kernel-padding", NULL, true, 1, true},
    {"strided_dilated_coprime", "kernel-padding", NULL, true, 1, true},
    {"strided_shared_weight", "kernel-padding", NULL, true, 0, true},
    {"strided_qdq", "kernel-padding", NULL, true, 1, true},
    {"strided_qdq_shared", "kernel-padding", NULL, true, 0, true},
    {"odd_inputs_ir3", "kernel-padding", NULL, true, 3, true},
    {"odd_half", "kernel-padding", NULL, true, 3, true},
    {"odd_constant_nodes", "kernel-padding", NULL, true, 0, true},
    {"odd_identity_weights", "kernel-padding", NULL, true, 0, true},
    {"dropout_wide_before_norm", "dropout", NULL, true, 0, true},
    {"dropout_wide_before_norm_11", "dropout", NULL, true, 0, true},
    {"dropout_wide_twice", "dropout", NULL, true, 0, true},
    {"dropout_dense", "dropout", NULL, true, 0, true},
    {"dropout_head_after", "dropout", NULL, true, 0, true},
    {"dropout_post_end", "dropout", "dropout.remove=on", true, 0, true},
    {"resnet50_bn", "gamma", NULL, true, 0, false},
    {"mobilenet_v2_bn", "gamma", "gamma.down=decay", true, 0, false},
    {"deeplabv3_33", "atrous", NULL, false, 0, true},
    {"deeplabv3_rectangle", "atrous", NULL, false, 0, true},
    {"mmseg_separable_aspp", "atrous", NULL, false, 0, true},
    {"tf_aspp_each", "atrous", NULL, false, 0, true},
    {"aspp_pad", "atrous", NULL, false, 3, true},
    {"aspp_pad_depthwise", "atrous", NULL, false, 3, true},
    {"detr", "gaussian-bias", NULL, false, 0, true},
    {"mobilevit1", "gaussian-bias", NULL, false, 0, true},
    {"keras_matmul", "gaussian-bias", NULL, false, 0, true},
    {"aspp_small_map", "atrous", NULL, false, 0, true},
    {"deeplabv2_sum", "atrous", NULL, false, 0, true},
    {"vit_talking_heads", "gaussian-bias", NULL, false, 0, true},
    {"gn_gelu", "groups", "groups.mode=formula", false, 0, true},
    {"gn_instance", "groups", "groups.mode=formula", false, 0, true},
    {"gn_free_size", "groups", "groups.mode=formula", false, 0, true},
    {"gn_decomposed", "groups", "groups.mode=formula", false, 0, true},
    {"gn_layernorm", "groups", "groups.mode=formula", false, 0, true},
    {"gn_layernorm_14", "groups", "groups.mode=formula", false, 0, true},
    {"gn_operator_18", "groups", "groups.mode=formula", false, 4, true},
    {"gn_operator_18_per_group", "groups", "groups.mode=formula", false, 4, true},
    {"gn_operator_21", "groups", "groups.mode=formula", false, 0, true},
};

struct session_of_test {
    struct fovea *fovea;
    struct fovea_error error;
};

static void rewrite(struct session_of_test *test, const struct rewrite_case *expected, const char *from, const char *to,
                    struct fovea_rewrite *result)
{
    struct fovea_rewrite_options options = {
        .apply = &expected->guide,
        .apply_count = 1,
        .force = true,
        .retrain = strcmp(expected->guide, "groups") == 0,
        .audit = {.settings = &expected->setting, .setting_count = expected->setting != NULL}};
    struct fovea_model *model = fovea_model_load(test->fovea, from, &test->error);
    if (!model || fovea_rewrite(model, &options, to, result, &test->error))
        fail_msg("%s, %s: %s", expected->network, expected->guide, test->error.message);
    fovea_model_free(model);
}

static int count_changed(struct session_of_test *test, const char *before, const char *after)
{
    struct error error = ERROR_INITIALISER;
    struct model *old = model_load(test->fovea->context, before, &error);
    struct model *new = model_load(test->fovea->context, after, &error);
    int changed = 0;
    assert_string_equal(error.message, "");
    for (size_t i = 0; i < old->graph->value_count; i++) {
        const struct value *a = old->graph->values[i], *b = graph_find_value(new->graph, a->name);
        if (!a->constant || !b || !b->constant)
            continue;
        const struct tensor *x = constant_data(a->constant, &error), *y = constant_data(b->constant, &error);
        changed += !shape_equal(&x->shape, &y->shape) || x->dtype != y->dtype ||
                   memcmp(x->data, y->data, tensor_bytes(x)) != 0;
    }
    model_destroy(old);
    model_destroy(new);
    return changed;
}

static void strip_metadata(struct session_of_test *test, const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct model *model = model_load(test->fovea->context, path, &error);
    assert_non_null(model);
    model->metadata_count = 0;
    assert_int_equal(model_save(model, path, &error), 0);
    model_destroy(model);
}

static bool same_bytes(const char *a, const char *b)
{
    char digests[2][65];
    struct error error = ERROR_INITIALISER;
    assert_int_equal(sha256_file(a, digests[0], &error) || sha256_file(b, digests[1], &error), 0);
    return strcmp(digests[0], digests[1]) == 0;
}

static bool is_pending(struct session_of_test *test, const struct rewrite_case *expected)
{
    struct fovea_model *model = fovea_model_load(test->fovea, rewritten, &test->error);
    bool pending = record_is_pending(model->model, expected->guide, NULL) > 0;
    fovea_model_free(model);
    return pending;
}

static void check(struct session_of_test *test, const struct rewrite_case *expected)
{
    char path[256];
    struct fovea_rewrite result;
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", expected->network);
    rewrite(test, expected, path, rewritten, &result);
    if (result.applied == 0 || result.proof_count != 1)
        fail_msg("%s, %s: %d changes, %d proofs", expected->network, expected->guide, result.applied,
                 result.proof_count);
    assert_int_equal(result.proofs[0].exact, expected->exact);
    if (expected->exact ? !(result.proofs[0].largest <= result.proofs[0].tolerance) : result.proofs[0].largest <= 0)
        fail_msg("%s, %s: moved by %g", expected->network, expected->guide, result.proofs[0].largest);
    fovea_rewrite_free(&result);
    assert_int_equal(is_pending(test, expected), expected->pending);
    int changed = count_changed(test, path, rewritten);
    if (changed != expected->changed_weights)
        fail_msg("%s, %s: %d weights changed", expected->network, expected->guide, changed);
    /* Once is enough, also when nothing tells that it was done. What is written into the metadata only goes with it. */
    for (int stripped = 0; stripped < 2; stripped++) {
        if (stripped)
            strip_metadata(test, rewritten);
        remove(again);
        rewrite(test, expected, rewritten, again, &result);
        bool metadata_only = strcmp(expected->guide, "gamma") == 0;
        if (result.applied != (stripped && metadata_only) ||
            same_bytes(rewritten, again) == (stripped && metadata_only))
            fail_msg("%s, %s: rewritten twice", expected->network, expected->guide);
        fovea_rewrite_free(&result);
    }
}

static void test_rewrites(void **state)
{
    (void)state;
    struct session_of_test test = {.error = {0}};
    test.fovea = fovea_open(&(struct fovea_options){.threads = 1}, &test.error);
    assert_non_null(test.fovea);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&test, &cases[i]);
    assert_int_equal(fovea_close(test.fovea), 0);
}

/* A bias that is there is folded by --fold alone, and that is proven exact; none is added then. */
static void test_fold(void **state)
{
    (void)state;
    static const char *const guide = "gaussian-bias";
    const struct fovea_rewrite_options add = {.apply = &guide, .apply_count = 1, .force = true};
    const struct fovea_rewrite_options fold = {.fold = true, .force = true};
    struct session_of_test test = {.error = {0}};
    struct fovea_rewrite result;
    test.fovea = fovea_open(&(struct fovea_options){.threads = 1}, &test.error);
    struct fovea_model *model =
        fovea_model_load(test.fovea, "tests/fixtures/structures/vit_talking_heads.onnx", &test.error);
    assert_int_equal(fovea_rewrite(model, &fold, NULL, &result, &test.error), 0);
    assert_int_equal(result.applied, 0);
    fovea_rewrite_free(&result);
    assert_int_equal(fovea_rewrite(model, &add, rewritten, &result, &test.error), 0);
    assert_false(result.proofs[0].exact);
    fovea_rewrite_free(&result);
    fovea_model_free(model);
    model = fovea_model_load(test.fovea, rewritten, &test.error);
    assert_int_equal(fovea_rewrite(model, &fold, again, &result, &test.error), 0);
    assert_true(result.applied == 1 && result.proof_count == 1 && result.proofs[0].exact);
    assert_true(result.proofs[0].largest == 0 && result.recipe == NULL);
    fovea_rewrite_free(&result);
    fovea_model_free(model);
    assert_int_equal(fovea_close(test.fovea), 0);
}

/* The theoretical field of the last map grows by the taps, and its centres move by half a cell of each. */
static void test_padded_fields(void **state)
{
    (void)state;
    static const struct {
        const char *network, *setting;
        int64_t size;
        double centre;
    } fields[] = {{"resnet18_folded", NULL, 464, -1},
                  {"resnet18_folded", "kernel-padding.pools=on", 466, -1},
                  {"resnet50_folded", NULL, 456, 14.5},
                  {"resnet50_folded", "kernel-padding.pools=on", 458, -1}};
    struct session_of_test test = {.error = {0}};
    test.fovea = fovea_open(&(struct fovea_options){.threads = 1}, &test.error);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct rewrite_case expected = {fields[i].network, "kernel-padding", fields[i].setting, true, 0, true};
        struct fovea_rewrite result;
        struct fovea_layers layers;
        char path[256];
        snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", fields[i].network);
        rewrite(&test, &expected, path, rewritten, &result);
        fovea_rewrite_free(&result);
        struct fovea_model *model = fovea_model_load(test.fovea, rewritten, &test.error);
        assert_int_equal(fovea_inspect(model, &(struct fovea_shapes){NULL, 0}, &layers, &test.error), 0);
        const struct fovea_receptive_field *field = NULL;
        for (int k = 0; k < layers.count; k++) {
            if (layers.list[k].rank == 4 && layers.list[k].dims[2] == 7)
                field = &layers.list[k].field;
        }
        assert_non_null(field);
        assert_int_equal(field->size[0], fields[i].size);
        assert_int_equal((int)field->stride[0], 32);
        if (fields[i].centre >= 0)
            assert_float_equal(field->centre[0], fields[i].centre, 1e-9);
        fovea_layers_free(&layers);
        fovea_model_free(model);
    }
    assert_int_equal(fovea_close(test.fovea), 0);
}

int main(void)
{
    rewritten = temporary_path("rewritten.onnx");
    again = temporary_path("again.onnx");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rewrites), cmocka_unit_test(test_fold),
                                       cmocka_unit_test(test_padded_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
