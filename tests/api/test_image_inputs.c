/* One network behind the inputs that exporters give images: batches and single images, floats and bytes, channels first
 * and last. All must see the same picture. */
#include <math.h>

#include "../temporary.h"
#include "fovea.h"

#define FOLDER "tests/fixtures/image_inputs/"
#define PICTURE "tests/fixtures/images/rgb8.png" /* 37 x 29 */

static const char *const forms[] = {"nchw", "chw", "chw_free", "nhwc_bytes", "hwc_bytes"};
#define FORMS ((int)(sizeof forms / sizeof forms[0]))

static struct fovea *fovea;
static struct fovea_error error;
static const float byte[3] = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f};

static struct fovea_model *load(int form)
{
    char path[128];
    snprintf(path, sizeof path, FOLDER "%s.onnx", forms[form]);
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    if (!model)
        fail_msg("%s", error.message);
    return model;
}

/* Values of 0..255 for all of them, stretched to 20 x 28. */
static struct fovea_preprocess as_bytes(int form)
{
    struct fovea_preprocess preprocess = {.preset = "raw", .stretch = {20, 28}};
    if (!strstr(forms[form], "bytes")) {
        preprocess.has_std = true;
        memcpy(preprocess.std, byte, sizeof byte);
    }
    return preprocess;
}

static void assert_near(const char *what, int form, double got, double expected, double scale)
{
    if (!(fabs(got - expected) <= 1e-4 * scale))
        fail_msg("%s of %s: %g is not %g", what, forms[form], got, expected);
}

static void sessions_see_the_same(void **state)
{
    (void)state;
    float expected[4] = {0};
    for (int form = 0; form < FORMS; form++) {
        struct fovea_model *model = load(form);
        const struct fovea_preprocess preprocess = as_bytes(form);
        const struct fovea_feed feed = {.path = PICTURE};
        const struct fovea_session_options options = {.feeds = &feed, .feed_count = 1, .preprocess = &preprocess};
        struct fovea_session *session = fovea_session_open(model, &options, &error);
        if (!session || fovea_session_run(session, &error))
            fail_msg("%s: %s", forms[form], error.message);
        const struct fovea_tensor scores = fovea_session_output(session, 0);
        assert_int_equal(scores.rank, 2);
        for (int k = 0; k < 4; k++) {
            expected[k] = form == 0 ? ((const float *)scores.data)[k] : expected[k];
            assert_near("a score", form, (double)((const float *)scores.data)[k], (double)expected[k], 1);
        }
        fovea_session_free(session);
        fovea_model_free(model);
    }
}

static int keep_cam(void *user, const struct fovea_cam *cam, struct fovea_error *failure)
{
    double *kept = user;
    (void)failure;
    assert_int_equal(cam->height, 20);
    assert_int_equal(cam->width, 28);
    kept[0] = cam->score;
    kept[1] = cam->sum;
    kept[2] = (double)cam->pixels[10 * 28 + 9];
    return 0;
}

static void analyses_see_the_same(void **state)
{
    (void)state;
    double first[3] = {0}, sigma = 0, confidence = 0;
    for (int form = 0; form < FORMS; form++) {
        struct fovea_model *model = load(form);
        const struct fovea_preprocess preprocess = as_bytes(form);
        const struct fovea_feed feed = {.path = PICTURE};
        const struct fovea_samples samples = {.feeds = &feed, .feed_count = 1, .preprocess = &preprocess};
        const struct fovea_erf_options erf = {samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
        const struct fovea_cam_options cam = {samples, .class_index = 2, .unit = {-1, -1},
                                              .methods = 1u << FOVEA_CAM_GRAD};
        const struct fovea_eval_options eval = {.samples = samples};
        struct fovea_erf field;
        struct fovea_eval result;
        double kept[3];
        if (fovea_erf(model, &erf, &field, &error) || fovea_cam(model, &cam, keep_cam, kept, &error) ||
            fovea_eval(model, NULL, &eval, &result, &error))
            fail_msg("%s: %s", forms[form], error.message);
        if (form == 0) {
            memcpy(first, kept, sizeof first);
            sigma = field.sum;
            confidence = result.rows[0].scores[0].confidence;
        }
        for (int i = 0; i < 3; i++)
            assert_near("a map", form, kept[i], first[i], 1 + fabs(first[i]));
        assert_near("the field's sum", form, field.sum, sigma, sigma);
        assert_near("the confidence", form, result.rows[0].scores[0].confidence, confidence, 1);
        assert_int_equal(field.height, 20);
        fovea_eval_free(&result);
        fovea_erf_free(&field);
        fovea_model_free(model);
    }
}

/* A byte cannot be minus one. */
static void normalised_bytes_are_refused(void **state)
{
    (void)state;
    const struct fovea_feed feed = {.path = PICTURE};
    const struct fovea_preprocess refused[] = {
        {.preset = "imagenet"},
        {.preset = "raw", .has_std = true, .std = {2, 2, 2}},
        {.has_mean = true, .mean = {0.5f, 0.5f, 0.5f}, .has_std = true, .std = {1, 1, 1}}};
    for (int form = 3; form < FORMS; form++) {
        struct fovea_model *model = load(form);
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
            const struct fovea_session_options options = {.feeds = &feed, .feed_count = 1, .preprocess = &refused[i]};
            assert_null(fovea_session_open(model, &options, &error));
            assert_int_equal(error.code, FOVEA_BAD_INPUT);
            assert_non_null(strstr(error.message, "input 'image' takes bytes"));
        }
        fovea_model_free(model);
    }
}

static void single_images_are_not_trained_on(void **state)
{
    (void)state;
    const struct fovea_preprocess preprocess = as_bytes(1);
    struct fovea_tune_options options = {
        .data = {.path = "models/images", .ignore = -1}, .preprocess = &preprocess, .epochs = 1};
    struct fovea_tune result;
    struct fovea_model *model = load(1);
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    assert_int_equal(fovea_tune(model, &options, temporary_path("tuned.onnx"), true, NULL, &result, &error), -1);
    assert_non_null(strstr(error.message, "without an axis for a batch"));
    fovea_model_free(model);
}

static int set_up(void **state)
{
    (void)state;
    fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
    return fovea ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fovea_close(fovea), 0);
    return 0;
}

/* An input of four axes and whole numbers in front of the image is not taken for it. */
static void flags_are_no_image(void **state)
{
    (void)state;
    struct fovea_model *model = fovea_model_load(fovea, FOLDER "flags_first.onnx", &error);
    const struct fovea_shape sizes[2] = {{"flags", 4, {1, 1, 1, 1}}, {"image", 4, {1, 3, 20, 28}}};
    struct fovea_layers layers;
    assert_non_null(model);
    assert_int_equal(fovea_inspect(model, &(struct fovea_shapes){sizes, 2}, &layers, &error), 0);
    assert_string_equal(layers.list[1].op_type, "Conv");
    assert_int_equal(layers.list[1].field.size[0], 3);
    fovea_layers_free(&layers);
    fovea_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_no_image),
        cmocka_unit_test(sessions_see_the_same),
        cmocka_unit_test(analyses_see_the_same),
        cmocka_unit_test(normalised_bytes_are_refused),
        cmocka_unit_test(single_images_are_not_trained_on),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
