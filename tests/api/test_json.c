/* Every result as JSON: each text is a document that says what it is, of the model it was made for. */
#include <jansson.h>

#include "../temporary.h"
#include "fovea.h"

static const char model_path[] = "models/fashion_mnist.onnx";
static struct fovea_error error;

/* The document, for json_decref; takes over the text. */
static json_t *assert_document(char *text, const char *schema, const char *model)
{
    if (!text)
        fail_msg("%s: %s", schema, error.message);
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!document)
        fail_msg("%s is no JSON: %s", schema, text);
    assert_string_equal(json_string_value(json_object_get(document, "schema")), schema);
    assert_int_equal(json_integer_value(json_object_get(document, "schema_version")), 1);
    if (model)
        assert_string_equal(json_string_value(json_object_get(document, "model")), model);
    fovea_text_free(text);
    return document;
}

static void assert_list(json_t *document, const char *key, size_t count)
{
    assert_int_equal(json_array_size(json_object_get(document, key)), count);
    json_decref(document);
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *failure)
{
    (void)failure;
    *(int *)user += 1;
    json_t *document = assert_document(fovea_cam_json(cam, &error), "fovea.cam", model_path);
    const json_t *map = json_array_get(json_object_get(document, "maps"), 0);
    assert_string_equal(json_string_value(json_object_get(map, "image")), cam->name);
    assert_float_equal(json_number_value(json_object_get(map, "score")), cam->score, 1e-6);
    assert_list(document, "maps", 1);
    return 0;
}

static void of_images(struct fovea_model *model)
{
    const struct fovea_feed feed = {.path = "models/images"};
    const struct fovea_samples samples = {.feeds = &feed, .feed_count = 1, .limit = 2};
    const struct fovea_erf_options erf_options = {samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
    const struct fovea_cam_options cam_options = {samples, .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1},
                                                  .fit_images = -1};
    const struct fovea_eval_options eval_options = {.samples = samples};
    struct fovea_erf erf;
    struct fovea_eval eval;
    struct fovea_stages stages;
    int maps = 0;
    if (fovea_erf(model, &erf_options, &erf, &error) || fovea_eval(model, NULL, &eval_options, &eval, &error) ||
        fovea_stages(model, &samples, &stages, &error) || fovea_cam(model, &cam_options, take_map, &maps, &error))
        fail_msg("%s", error.message);
    assert_int_equal(maps, 2);
    assert_list(assert_document(fovea_erf_json(model, &erf, &error), "fovea.erf", model_path), "mass_within",
                FOVEA_ERF_RADII);
    assert_list(assert_document(fovea_eval_json(model, &eval, &error), "fovea.eval", NULL), "rows", 1);
    assert_list(assert_document(fovea_stages_json(model, &stages, &error), "fovea.stages", model_path), "stages",
                (size_t)stages.count);
    fovea_erf_free(&erf);
    fovea_eval_free(&eval);
    fovea_stages_free(&stages);
}

static void of_the_model(struct fovea_model *model)
{
    struct fovea_layers layers;
    struct fovea_findings findings;
    struct fovea_audit audit;
    struct fovea_rewrite rewrite;
    struct fovea_diff diff;
    struct fovea_bench bench;
    const struct fovea_shape one = {NULL, 4, {1, 1, 28, 28}};
    const struct fovea_shapes shapes = {&one, 1};
    const struct fovea_bench_options timing = {.session.shapes = shapes, .runs = 1};
    if (fovea_inspect(model, &shapes, &layers, &error) || fovea_check(model, &shapes, &findings, &error) ||
        fovea_audit(model, &(struct fovea_audit_options){.task = NULL}, &audit, &error) ||
        fovea_rewrite(model, &(struct fovea_rewrite_options){.fold = false}, NULL, &rewrite, &error) ||
        fovea_diff(model, model, &(struct fovea_diff_options){.run = false}, &diff, &error) ||
        fovea_bench(model, &timing, &bench, &error))
        fail_msg("%s", error.message);
    assert_list(assert_document(fovea_layers_json(&layers, &error), "fovea.inspect", model_path), "layers",
                (size_t)layers.count);
    assert_list(assert_document(fovea_findings_json(model, &findings, &error), "fovea.check", model_path), "findings",
                (size_t)findings.count);
    assert_list(assert_document(fovea_audit_json(&audit, &error), "fovea.audit", model_path), "findings",
                (size_t)audit.count);
    assert_list(assert_document(fovea_rewrite_json(model, &rewrite, &error), "fovea.rewrite", model_path), "changes",
                (size_t)rewrite.change_count);
    assert_list(assert_document(fovea_diff_json(&diff, &error), "fovea.diff", NULL), "models", 2);
    json_t *document = assert_document(fovea_bench_json(model, &bench, NULL, &error), "fovea.bench", model_path);
    assert_string_equal(json_string_value(json_object_get(document, "work")), "forward");
    json_decref(document);
    fovea_layers_free(&layers);
    fovea_findings_free(&findings);
    fovea_audit_free(&audit);
    fovea_rewrite_free(&rewrite);
    fovea_diff_free(&diff);
}

static void results_are_documents(void **state)
{
    (void)state;
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
    struct fovea_model *model = fovea ? fovea_model_load(fovea, model_path, &error) : NULL;
    if (!model)
        fail_msg("%s", error.message);
    of_the_model(model);
    of_images(model);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void tensors_and_operators_too(void **state)
{
    (void)state;
    struct fovea_operator entry;
    struct fovea_comparison comparison;
    float numbers[2] = {1, 2}, others[2] = {1, 3};
    const struct fovea_tensor got = {.type = "float", .rank = 1, .dims = {2}, .data = numbers, .bytes = sizeof numbers};
    const struct fovea_tensor expected = {
        .type = "float", .rank = 1, .dims = {2}, .data = others, .bytes = sizeof others};
    size_t operators = 0;
    while (fovea_operator_at((int)operators, &entry))
        operators++;
    assert_list(assert_document(fovea_operators_json(&error), "fovea.ops", NULL), "operators", operators);
    struct fovea_operator_left_out other;
    size_t left_out = 0;
    while (fovea_operator_left_out_at((int)left_out, &other))
        left_out++;
    assert_true(left_out > 0);
    assert_list(assert_document(fovea_operators_json(&error), "fovea.ops", NULL), "left_out", left_out);
    fovea_tensor_compare(&got, &expected, 1e-3, 0, &comparison);
    json_t *document = assert_document(fovea_comparison_json(&comparison, &error), "fovea.comparison", NULL);
    assert_true(json_is_false(json_object_get(document, "equal")));
    assert_int_equal(json_integer_value(json_object_get(document, "mismatches")), 1);
    json_decref(document);
    fovea_text_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_are_documents),
                                       cmocka_unit_test(tensors_and_operators_too)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
