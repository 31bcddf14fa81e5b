/* The library as a program outside would use it: the public header alone. */
#include <math.h>

#include "../temporary.h"
#include "fovea.h"

static const char model_path[] = "tests/fixtures/resnet18/model.onnx";

static void test_session(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
    assert_non_null(fovea);
    assert_int_equal(fovea_threads(fovea), 2);
    struct fovea_model *model = fovea_model_load(fovea, model_path, &error);
    assert_non_null(model);
    struct fovea_session *session =
        fovea_session_open(model, &(struct fovea_session_options){.dump_after = NULL}, &error);
    assert_string_equal(error.message, "");
    assert_non_null(session);
    struct fovea_tensor image, expected;
    assert_int_equal(fovea_tensor_read(fovea, "tests/fixtures/resnet18/test_data_set_0/input_0.pb", &image, &error), 0);
    assert_int_equal(fovea_tensor_read(fovea, "tests/fixtures/resnet18/test_data_set_0/output_0.pb", &expected, &error),
                     0);
    for (int run = 0; run < 2; run++) {
        struct fovea_tensor input = fovea_session_input(session, 0);
        assert_int_equal(input.bytes, image.bytes);
        memcpy(input.data, image.data, image.bytes);
        assert_int_equal(fovea_session_run(session, &error), 0);
        struct fovea_tensor output = fovea_session_output(session, 0);
        struct fovea_comparison comparison;
        fovea_tensor_compare(&output, &expected, 1e-3, FOVEA_ATOL_FLOAT, &comparison);
        assert_true(comparison.equal);
        ((float *)expected.data)[5] += 1;
        fovea_tensor_compare(&output, &expected, 1e-3, FOVEA_ATOL_FLOAT, &comparison);
        assert_int_equal(comparison.mismatches, 1);
        assert_non_null(strstr(comparison.text, "[0,5]"));
        ((float *)expected.data)[5] -= 1;
    }
    assert_true(fovea_peak_memory(fovea) > 0);
    fovea_tensor_free(fovea, &image);
    fovea_tensor_free(fovea, &expected);
    fovea_session_free(session);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

/* The network's outputs, with Winograd convolutions or without. */
static void run_network(bool no_winograd, float out[10])
{
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1, .no_winograd = no_winograd}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_shape shape = {.rank = 4, .dims = {1, 1, 28, 28}};
    struct fovea_session_options options = {.shapes = {&shape, 1}, .noise = true};
    struct fovea_session *session = fovea_session_open(model, &options, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(fovea_session_run(session, &error), 0);
    struct fovea_tensor output = fovea_session_output(session, 0);
    assert_int_equal(output.bytes, 10 * sizeof(float));
    memcpy(out, output.data, output.bytes);
    fovea_session_free(session);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void test_no_winograd(void **state)
{
    (void)state;
    float with[10], without[10], again[10];
    run_network(false, with);
    run_network(true, without);
    run_network(true, again);
    assert_memory_equal(without, again, sizeof again);
    for (int i = 0; i < 10; i++)
        assert_float_equal(with[i], without[i], 1e-4);
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, NULL);
    if (strcmp(fovea_cpu(fovea), "none") != 0)
        assert_memory_not_equal(with, without, sizeof with);
    fovea_close(fovea);
}

/* What the gradient's graph has beside the model is not shown. */
static void test_gradient_session(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, model_path, &error);
    struct fovea_session *session =
        fovea_session_open(model, &(struct fovea_session_options){.gradient = true, .noise = true}, &error);
    assert_non_null(session);
    assert_int_equal(fovea_session_run(session, &error), 0);
    assert_int_equal(fovea_session_output_count(session), 1);
    assert_string_equal(fovea_session_output_name(session, 0), "gradient");
    assert_null(fovea_session_output_name(session, 1));
    struct fovea_tensor image, gradient = fovea_session_output(session, 0);
    int inputs = fovea_session_input_count(session), images = 0;
    for (int i = 0; i < inputs; i++) {
        assert_non_null(fovea_session_input_name(session, i));
        if (fovea_session_input(session, i).rank == 4 && fovea_session_input(session, i).dims[1] == 3) {
            image = fovea_session_input(session, i);
            images++;
        }
    }
    assert_int_equal(images, 1);
    assert_int_equal(gradient.rank, 4);
    assert_memory_equal(gradient.dims, image.dims, sizeof image.dims);
    double largest = 0;
    for (size_t i = 0; i < gradient.bytes / sizeof(float); i++)
        largest = fmax(largest, (double)fabsf(((const float *)gradient.data)[i]));
    assert_true(largest > 0 && largest < 1e6);
    fovea_session_free(session);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

/* A rewrite that was only listed and proven stands in a report, too. */
static void test_unwritten_rewrite(void **state)
{
    (void)state;
    static const char *const guides[] = {"kernel-padding"};
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    const struct fovea_audit_options audit_options = fovea_audit_options_default();
    struct fovea_report_options options = fovea_report_options_default();
    struct fovea_rewrite_options asked = fovea_rewrite_options_default();
    struct fovea_audit audit;
    struct fovea_rewrite rewrite;
    char folder[1600];
    snprintf(folder, sizeof folder, "%s", temporary_path("unwritten"));
    options.force = asked.retrain = true;
    asked.apply = guides;
    asked.apply_count = 1;
    assert_int_equal(fovea_audit(model, &audit_options, &audit, &error), 0);
    assert_int_equal(fovea_report_write(model, &audit, &options, folder, &error), 0);
    assert_int_equal(fovea_rewrite(model, &asked, NULL, &rewrite, &error), 0);
    assert_int_equal(fovea_report_add_rewrite(model, &rewrite, NULL, folder, &error), 0);
    assert_int_equal(fovea_report_add_tune(model, NULL, "x", folder, &error), -1);
    fovea_rewrite_free(&rewrite);
    fovea_audit_free(&audit);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void test_version(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR, FOVEA_VERSION_PATCH);
    assert_string_equal(fovea_version(), text);
    assert_true(fovea_version_check(FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR));
    assert_false(fovea_version_check(FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR + 1));
    assert_false(fovea_version_check(FOVEA_VERSION_MAJOR + 1, 0));
    assert_false(fovea_version_check(FOVEA_VERSION_MAJOR, -1));
}

/* Where zero would mean something, as the first class, the topmost unit, no epoch. */
static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(fovea_erf_options_default().class_index, FOVEA_CLASS_NONE);
    assert_int_equal(fovea_erf_options_default().unit[1], -1);
    assert_int_equal(fovea_cam_options_default().class_index, FOVEA_CLASS_PREDICTED);
    assert_int_equal(fovea_cam_options_default().unit[0], -1);
    assert_int_equal(fovea_data_default().ignore, -1);
    assert_int_equal(fovea_bench_options_default().runs, 50);
    assert_true(fovea_diff_options_default().rtol > 0);
    struct fovea_tune_options tune = fovea_tune_options_default();
    assert_int_equal(tune.data.ignore, -1);
    assert_int_equal(tune.loss, FOVEA_LOSS_OF_FILE);
    assert_true(tune.epochs > 0 && tune.decays[FOVEA_DECAY_CLASSES - 1] != tune.decays[FOVEA_DECAY_CLASSES - 1]);
}

/* A difference of a thousandth of the maximum: too much for float32, the rounding of half precision. */
static void test_half_tolerance(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    float numbers[2][2] = {{1, 0.25f}, {1, 0.251f}};
    struct fovea_tensor got = {.type = "float", .rank = 1, .dims = {2}, .data = numbers[0], .bytes = sizeof numbers[0]};
    struct fovea_tensor expected = got;
    struct fovea_comparison comparison;
    expected.data = numbers[1];
    fovea_tensor_compare(&got, &expected, 1e-3, FOVEA_ATOL_FLOAT, &comparison);
    assert_false(comparison.equal);
    fovea_tensor_compare(&got, &expected, 1e-3, FOVEA_ATOL_HALF, &comparison);
    assert_true(comparison.equal);
    got.type = "float16";
    fovea_tensor_compare(&got, &expected, 1e-3, FOVEA_ATOL_FLOAT, &comparison);
    assert_true(comparison.equal);
    static const char *const files[3] = {"odd_half", "odd_half_weights", "odd_plain"};
    for (int i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", files[i]);
        struct fovea_model *model = fovea_model_load(fovea, path, &error);
        assert_non_null(model);
        assert_int_equal(fovea_model_is_half(model), i < 2);
        fovea_model_free(model);
    }
    assert_int_equal(fovea_close(fovea), 0);
}

/* The same field whatever the batch; comparing it with itself finds no difference. */
static void test_erf_batches(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_feed feed = {.path = "models/images"};
    const char *folder = temporary_path("erf"), *path = temporary_path("erf/erf.json");
    struct fovea_erf erf[2];
    for (int i = 0; i < 2; i++) {
        struct fovea_erf_options options = {
            .samples = {.feeds = &feed, .feed_count = 1, .limit = 7, .batch = i ? 1 : 4},
            .unit = {-1, -1},
            .class_index = FOVEA_CLASS_NONE,
            .compare = i ? path : NULL};
        assert_int_equal(fovea_erf(model, &options, &erf[i], &error), 0);
        assert_int_equal(i == 0 ? fovea_erf_write(model, &erf[0], folder, false, true, &error) : 0, 0);
    }
    for (int64_t i = 0; i < erf[0].height * erf[0].width; i++) {
        float difference = erf[0].map[i] - erf[1].map[i];
        assert_true((difference < 0 ? -difference : difference) <= 1e-5f * (float)erf[1].max);
    }
    assert_float_equal(erf[1].comparison->overlap, 1, 1e-5);
    assert_true(erf[1].comparison->largest < 1e-5);
    assert_float_equal(erf[1].comparison->gaussian.sigma[0], erf[1].gaussian.sigma[0], 1e-3);
    for (int i = 0; i < 2; i++)
        fovea_erf_free(&erf[i]);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

/* ReLU per image, then the mean: the field over two images is the mean of the two fields. */
static void test_erf_is_a_mean(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_feed feeds[3] = {{.path = "models/images/00000_ankle-boot.png"},
                                  {.path = "models/images/00001_pullover.png"},
                                  {.path = "models/images"}};
    struct fovea_erf erf[3];
    for (int i = 0; i < 3; i++) {
        struct fovea_erf_options options = {.samples = {.feeds = &feeds[i], .feed_count = 1, .limit = 2},
                                            .unit = {-1, -1},
                                            .class_index = FOVEA_CLASS_NONE};
        assert_int_equal(fovea_erf(model, &options, &erf[i], &error), 0);
    }
    assert_int_equal(erf[2].images, 2);
    assert_int_equal(erf[2].unit[0], 3);
    assert_int_equal(erf[2].field.size[0], 53);
    assert_true(erf[2].sum > 0);
    for (int64_t i = 0; i < erf[2].height * erf[2].width; i++) {
        float mean = (erf[0].map[i] + erf[1].map[i]) / 2, difference = mean - erf[2].map[i];
        assert_true((difference < 0 ? -difference : difference) <= 1e-6f * (float)erf[2].max);
    }
    for (int i = 0; i < 3; i++)
        fovea_erf_free(&erf[i]);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void count_notes_of_training(void *user, const char *text)
{
    *(int *)user += strstr(text, "is in training mode") && strstr(text, "BatchNormalization") && !strstr(text, " 0 ");
}

static void test_training_mode_is_told(void **state)
{
    static const char *const modes[] = {"eval", "preserve", "training"}, *const opsets[] = {"9", "12", "13", "17"};
    (void)state;
    for (int i = 0; i < 12; i++) {
        char path[128];
        int notes = 0;
        struct fovea_error error = {0};
        struct fovea *fovea = fovea_open(
            &(struct fovea_options){.threads = 1, .note = count_notes_of_training, .note_user = &notes}, &error);
        snprintf(path, sizeof path, "tests/fixtures/training_forms/mode_%s_%s.onnx", modes[i / 4], opsets[i % 4]);
        struct fovea_model *model = fovea_model_load(fovea, path, &error);
        assert_non_null(model);
        assert_int_equal(notes, i / 4 == 2);
        fovea_model_free(model);
        fovea_close(fovea);
    }
}

static void test_check_and_inspect(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, model_path, &error);
    struct fovea_layers layers;
    struct fovea_findings findings;
    struct fovea_shapes none = {NULL, 0};
    assert_int_equal(fovea_inspect(model, &none, &layers, &error), 0);
    int64_t macs = 0;
    for (int i = 0; i < layers.count; i++)
        macs += layers.list[i].macs;
    assert_true(macs > 0 && macs == layers.macs);
    fovea_layers_free(&layers);
    assert_int_equal(fovea_check(model, &none, &findings, &error), 0);
    assert_int_equal(findings.problems, 0);
    fovea_findings_free(&findings);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

static void test_errors(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    assert_null(fovea_open(&(struct fovea_options){.cpu = "abacus"}, &error));
    assert_int_equal(error.code, FOVEA_BAD_INPUT);
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1, .max_memory = 1 << 18}, &error);
    assert_null(fovea_model_load(fovea, "no/such/model.onnx", &error));
    assert_non_null(strstr(error.message, "no/such/model.onnx"));
    struct fovea_model *model = fovea_model_load(fovea, model_path, &error);
    if (model) /* the cap is reached by the weights at the latest */
        assert_null(fovea_session_open(model, &(struct fovea_session_options){.dump_after = NULL}, &error));
    assert_int_equal(error.code, FOVEA_BAD_INPUT);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),           cmocka_unit_test(test_version),
        cmocka_unit_test(test_no_winograd),       cmocka_unit_test(test_unwritten_rewrite),
        cmocka_unit_test(test_gradient_session),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_half_tolerance),    cmocka_unit_test(test_erf_batches),
        cmocka_unit_test(test_erf_is_a_mean),     cmocka_unit_test(test_training_mode_is_told),
        cmocka_unit_test(test_check_and_inspect), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
