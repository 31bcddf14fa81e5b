/* Models of one output, and of sigmoids: what evaluation, maps and training make of them, in closed form. The networks
 * are 20 (mean of a pixel or an image - .5), tools/fixtures/heads.py. */
#include "../data/scratch.h"

#include <math.h>

#include "fovea.h"
#include "onnx/onnx.h"

#define HEADS "tests/fixtures/heads/"
#define SIDE 8
#define IMAGES 12
#define DARK 102   /* .4 of 255: a logit of -2 */
#define BRIGHT 168 /* a logit of 20 * (168 / 255 - .5) */
#define LOGIT_DARK (20 * (DARK / 255.0 - 0.5))
#define LOGIT_BRIGHT (20 * (BRIGHT / 255.0 - 0.5))

struct fixture {
    struct scratch *scratch;
    struct fovea *fovea;
    struct fovea_error error;
    struct fovea_preprocess raw;
    char folder[128];
};

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Gray, the left half `left`, the right half `right`. */
static void put_halves(const struct scratch *scratch, const char *name, int left, int right, int channels)
{
    struct image image;
    const char *path = scratch_path(scratch, name);
    assert_int_equal(image_allocate(scratch->memory, &image, SIDE, SIDE, channels, NULL), 0);
    for (int i = 0; i < SIDE * SIDE * channels; i++)
        image.pixels[i] = (uint8_t)(i / channels % SIDE < SIDE / 2 ? left : right);
    assert_int_equal(image_write_png(scratch->memory, path, &image, NULL), 0);
    image_release(scratch->memory, &image);
}

/* Folders of dark and bright images by these names; halves of both beside their masks. */
static void put_images(struct fixture *fixture, const char *dark, const char *bright)
{
    char name[64];
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name, sizeof name, "classes/%s/%d.png", dark, i);
        put_halves(fixture->scratch, name, DARK, DARK, 3);
        snprintf(name, sizeof name, "classes/%s/%d.png", bright, i);
        put_halves(fixture->scratch, name, BRIGHT, BRIGHT, 3);
        snprintf(name, sizeof name, "scenes/%d.png", i);
        put_halves(fixture->scratch, name, DARK, BRIGHT, 3);
        snprintf(name, sizeof name, "masks/%d.png", i);
        put_halves(fixture->scratch, name, 0, 1, 1);
    }
}

static const char *in_folder(struct fixture *fixture, const char *name)
{
    snprintf(fixture->folder, sizeof fixture->folder, "%s/%s", fixture->scratch->folder, name);
    return fixture->folder;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    void *scratch = NULL;
    assert_non_null(fixture);
    scratch_set_up(&scratch);
    fixture->scratch = scratch;
    fixture->fovea = fovea_open(&(struct fovea_options){.threads = 1, .seed = 5}, &fixture->error);
    fixture->raw = (struct fovea_preprocess){.preset = "raw"};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    void *scratch = fixture->scratch;
    assert_int_equal(fovea_close(fixture->fovea), 0);
    scratch_tear_down(&scratch);
    free(fixture);
    return 0;
}

static struct fovea_model *loaded(struct fixture *fixture, const char *path)
{
    struct fovea_model *model = fovea_model_load(fixture->fovea, path, &fixture->error);
    if (!model)
        fail_msg("%s", fixture->error.message);
    return model;
}

static void assert_near(double value, double expected, double distance)
{
    if (!(fabs(value - expected) <= distance))
        fail_msg("%.9g is not %.9g", value, expected);
}

static struct fovea_eval evaluated(struct fixture *fixture, struct fovea_model *model, const struct fovea_data *data)
{
    struct fovea_eval eval;
    const struct fovea_eval_options options = {
        .data = data, .samples = {.preprocess = &fixture->raw}, .split = FOVEA_SPLIT_USUAL};
    if (fovea_eval(model, NULL, &options, &eval, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return eval;
}

static void two_folders_are_the_two_classes(void **state)
{
    struct fixture *fixture = *state;
    static const char *const models[] = {HEADS "one_logit.onnx", HEADS "one_sigmoid.onnx"};
    put_images(fixture, "cat", "dog");
    for (int i = 0; i < 2; i++) {
        struct fovea_model *model = loaded(fixture, models[i]);
        const struct fovea_data data = {.path = in_folder(fixture, "classes"), .ignore = -1};
        struct fovea_eval eval = evaluated(fixture, model, &data);
        assert_int_equal(eval.classes, 2);
        assert_near(eval.data.metrics[0].top1, 1, 0);
        assert_near(eval.rows[0].scores[0].confidence, (sigmoid(-LOGIT_DARK) + sigmoid(LOGIT_BRIGHT)) / 2, 1e-6);
        assert_non_null(strstr(eval.readings[0], "two classes"));
        fovea_eval_free(&eval);
        fovea_model_free(model);
    }
}

struct seen {
    int count;
    double scores[4 * IMAGES], probabilities[4 * IMAGES];
    int64_t classes[4 * IMAGES];
    bool absent[4 * IMAGES];
};

static int see(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    struct seen *seen = user;
    (void)error;
    seen->scores[seen->count] = cam->score;
    seen->probabilities[seen->count] = cam->probability;
    seen->absent[seen->count] = cam->absent;
    seen->classes[seen->count++] = cam->class_index;
    return 0;
}

static struct seen mapped(struct fixture *fixture, struct fovea_model *model, const char *folder, int64_t class_index,
                          int result)
{
    struct seen seen = {0};
    const struct fovea_feed feed = {.path = in_folder(fixture, folder)};
    const struct fovea_cam_options options = {.samples = {.feeds = &feed, .feed_count = 1, .preprocess = &fixture->raw},
                                              .layer = strstr(folder, "scenes") ? NULL : "x",
                                              .class_index = class_index,
                                              .unit = {-1, -1},
                                              .methods = 1u << FOVEA_CAM_GRAD};
    if (fovea_cam(model, &options, see, &seen, &fixture->error) != result)
        fail_msg("%s", fixture->error.message);
    return seen;
}

static void class_zero_is_minus_the_logit(void **state)
{
    struct fixture *fixture = *state;
    put_images(fixture, "cat", "dog");
    struct fovea_model *model = loaded(fixture, HEADS "one_sigmoid.onnx");
    const double logits[2] = {LOGIT_DARK, LOGIT_BRIGHT};
    static const int64_t asked[] = {0, 1, FOVEA_CLASS_PREDICTED, FOVEA_CLASS_LABEL};
    for (int i = 0; i < 4; i++) {
        struct seen seen = mapped(fixture, model, "classes", asked[i], 0);
        assert_int_equal(seen.count, 2 * IMAGES);
        for (int k = 0; k < seen.count; k++) {
            int bright = k >= IMAGES, class = asked[i] >= 0 ? (int)asked[i] : bright;
            assert_int_equal(seen.classes[k], class);
            assert_near(seen.scores[k], class ? logits[bright] : -logits[bright], 1e-5);
            assert_near(seen.probabilities[k], sigmoid(class ? logits[bright] : -logits[bright]), 1e-6);
        }
    }
    mapped(fixture, model, "classes", 2, -1);
    assert_non_null(strstr(fixture->error.message, "no class 2"));
    fovea_model_free(model);
}

/* Several labels: the file's own sigmoids are what is printed; another activation is refused. */
static void sigmoids_of_the_file_are_printed(void **state)
{
    struct fixture *fixture = *state;
    put_images(fixture, "cat", "dog");
    struct fovea_model *model = loaded(fixture, HEADS "labels.onnx");
    struct seen seen = mapped(fixture, model, "classes", FOVEA_CLASS_PREDICTED, 0);
    assert_near(seen.probabilities[0], sigmoid(8 * (DARK / 255.0 - 0.25)), 1e-6);
    seen = mapped(fixture, model, "classes", 2, 0);
    assert_near(seen.probabilities[0], sigmoid(8 * (DARK / 255.0 - 0.75)), 1e-6);
    assert_int_equal(fovea_model_set_activation(model, "softmax", &fixture->error), 0);
    mapped(fixture, model, "classes", 2, -1);
    assert_non_null(strstr(fixture->error.message, "Sigmoid"));
    assert_int_equal(fovea_model_set_activation(model, "relu", &fixture->error), -1);
    fovea_model_free(model);
}

static struct fovea_tune tuned(struct fixture *fixture, struct fovea_model *model, const struct fovea_data *data,
                               double rate, int64_t epochs, enum fovea_loss loss)
{
    struct fovea_tune result;
    struct fovea_tune_options options = {.data = *data,
                                         .preprocess = &fixture->raw,
                                         .epochs = epochs,
                                         .batch = 4,
                                         .momentum = 0.9,
                                         .rate = rate,
                                         .loss = loss};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    if (fovea_tune(model, &options, scratch_path(fixture->scratch, "tuned.onnx"), true, NULL, &result, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return result;
}

/* Names the wrong way round: what was all wrong is all right behind training, and the file says how it was trained. */
static void one_output_trains(void **state)
{
    struct fixture *fixture = *state;
    put_images(fixture, "zebra", "ant");
    for (int i = 0; i < 3; i++) {
        struct fovea_model *model = loaded(fixture, i == 1 ? HEADS "one_sigmoid.onnx" : HEADS "one_logit.onnx");
        const struct fovea_data data = {.path = in_folder(fixture, "classes"), .ignore = -1, .validation_share = 0.2};
        struct fovea_tune first = tuned(fixture, model, &data, 1e-12, 1, FOVEA_CROSS_ENTROPY);
        const double wrong[2] = {log1p(exp(-LOGIT_DARK)), log1p(exp(LOGIT_BRIGHT))};
        assert_true(first.epochs[0].loss > wrong[0] && first.epochs[0].loss < wrong[1]);
        assert_near(first.last.top1, 0, 0);
        assert_string_equal(first.plan.loss, "binary");
        fovea_tune_free(&first);
        struct fovea_tune result = tuned(fixture, model, &data, 0.5, 20, i == 2 ? FOVEA_BINARY : FOVEA_CROSS_ENTROPY);
        assert_near(result.best.top1, 1, 0);
        fovea_tune_free(&result);
        fovea_model_free(model);
        model = loaded(fixture, scratch_path(fixture->scratch, "tuned.onnx"));
        assert_string_equal(fovea_model_metadata(model, "fovea.loss"), "binary");
        struct fovea_eval eval = evaluated(fixture, model, &data);
        assert_near(eval.data.metrics[0].top1, 1, 0);
        assert_non_null(strstr(eval.readings[0], i == 1 ? "the file's own" : "as it was trained"));
        fovea_eval_free(&eval);
        fovea_model_free(model);
    }
}

static void put_three_folders(struct fixture *fixture)
{
    char name[64];
    put_images(fixture, "cat", "dog");
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name, sizeof name, "classes/eel/%d.png", i);
        put_halves(fixture->scratch, name, DARK, BRIGHT, 3);
    }
}

/* The loss is what the scores are made for, by the file, --activation or the metadata; another is refused. */
static void the_loss_follows_the_scores(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *file, *activation, *loss;
    } cases[] = {{"labels.onnx", NULL, "binary"},      {"logits.onnx", NULL, "cross-entropy"},
                 {"logits.onnx", "sigmoid", "binary"}, {"logits.onnx", "none", "squares"},
                 {"labels.onnx", "sigmoid", "binary"}, {"tuned.onnx", NULL, "binary"},
                 {"tuned.onnx", "none", "squares"}};
    put_three_folders(fixture);
    char path[256], folder[128];
    snprintf(folder, sizeof folder, "%s", in_folder(fixture, "classes"));
    const struct fovea_data data = {.path = folder, .ignore = -1, .validation_share = 0.2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool own = strcmp(cases[i].file, "tuned.onnx") == 0;
        snprintf(path, sizeof path, HEADS "%s", cases[i].file);
        struct fovea_model *model = loaded(fixture, own ? scratch_path(fixture->scratch, "trained.onnx") : path);
        assert_int_equal(fovea_model_set_activation(model, cases[i].activation, &fixture->error), 0);
        struct fovea_tune result = tuned(fixture, model, &data, 1e-12, 1, FOVEA_LOSS_OF_FILE);
        assert_string_equal(result.plan.loss, cases[i].loss);
        fovea_tune_free(&result);
        fovea_model_free(model);
        if (i == 2)
            assert_int_equal(rename(scratch_path(fixture->scratch, "tuned.onnx"), in_folder(fixture, "trained.onnx")),
                             0);
    }
    struct fovea_model *model = loaded(fixture, HEADS "logits.onnx");
    struct fovea_tune result;
    const struct fovea_tune_options options = {
        .data = data, .preprocess = &fixture->raw, .epochs = 1, .batch = 4, .loss = FOVEA_CROSS_ENTROPY};
    assert_int_equal(fovea_model_set_activation(model, "sigmoid", &fixture->error), 0);
    assert_int_equal(
        fovea_tune(model, &options, scratch_path(fixture->scratch, "tuned.onnx"), true, NULL, &result, &fixture->error),
        -1);
    assert_non_null(strstr(fixture->error.message, "`activation`"));
    fovea_model_free(model);
}

/* Scores that are no logits have no probability, and faithfulness none to measure; an audit refuses what the file
 * contradicts. */
static void without_probabilities_there_are_none(void **state)
{
    struct fixture *fixture = *state;
    put_three_folders(fixture);
    struct fovea_model *model = loaded(fixture, HEADS "logits.onnx");
    const struct fovea_data data = {.path = in_folder(fixture, "classes"), .ignore = -1};
    assert_int_equal(fovea_model_set_activation(model, "none", &fixture->error), 0);
    struct fovea_eval eval = evaluated(fixture, model, &data);
    assert_true(isnan(eval.rows[0].scores[0].confidence));
    fovea_eval_free(&eval);
    const struct fovea_feed feed = {.path = in_folder(fixture, "classes")};
    const struct fovea_cam_options options = {.samples = {.feeds = &feed, .feed_count = 1, .preprocess = &fixture->raw},
                                              .layer = "x",
                                              .class_index = 0,
                                              .unit = {-1, -1},
                                              .methods = 1u << FOVEA_CAM_GRAD,
                                              .metrics = true};
    struct seen seen = {0};
    assert_int_equal(fovea_cam(model, &options, see, &seen, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.message, "`activation` none"));
    fovea_model_free(model);
    model = loaded(fixture, HEADS "labels.onnx");
    assert_int_equal(fovea_model_set_activation(model, "softmax", &fixture->error), 0);
    struct fovea_audit audit;
    const struct fovea_audit_options asked = {.samples = {.preprocess = &fixture->raw}};
    assert_int_equal(fovea_audit(model, &asked, &audit, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.message, "Sigmoid"));
    fovea_model_free(model);
}

static void one_channel_is_a_mask(void **state)
{
    struct fixture *fixture = *state;
    static const char *const models[] = {HEADS "one_channel.onnx", HEADS "squeezed.onnx"};
    char masks[128];
    put_images(fixture, "cat", "dog");
    snprintf(masks, sizeof masks, "%s", in_folder(fixture, "masks"));
    for (int i = 0; i < 2; i++) {
        struct fovea_model *model = loaded(fixture, models[i]);
        const struct fovea_data data = {
            .path = in_folder(fixture, "scenes"), .masks = masks, .ignore = -1, .validation_share = 0.2};
        struct fovea_eval eval = evaluated(fixture, model, &data);
        assert_int_equal(eval.classes, 2);
        assert_near(eval.data.metrics[0].mean_iou, 1, 0);
        assert_near(eval.rows[0].scores[0].confidence, (sigmoid(-LOGIT_DARK) + sigmoid(LOGIT_BRIGHT)) / 2, 1e-6);
        fovea_eval_free(&eval);
        struct fovea_tune result = tuned(fixture, model, &data, 1e-12, 1, FOVEA_CROSS_ENTROPY);
        assert_near(result.epochs[0].loss, (log1p(exp(LOGIT_DARK)) + log1p(exp(-LOGIT_BRIGHT))) / 2, 1e-6);
        fovea_tune_free(&result);
        struct seen seen = mapped(fixture, model, "scenes", 0, 0);
        assert_near(seen.scores[0], -LOGIT_DARK, 1e-5); /* the mean over its region */
        assert_false(seen.absent[0]);
        seen = mapped(fixture, model, "classes", 1, 0); /* all dark, then all bright */
        assert_true(seen.absent[0]);
        assert_false(seen.absent[seen.count - 1]);
        fovea_model_free(model);
    }
}

struct shown {
    int count;
    char layers[2 * IMAGES][8];
    int64_t images[2 * IMAGES], cells[2 * IMAGES], units[2 * IMAGES];
    double largest[2 * IMAGES];
};

static int show(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    struct shown *shown = user;
    int i = shown->count++;
    (void)error;
    snprintf(shown->layers[i], sizeof shown->layers[i], "%s", cam->layer);
    shown->images[i] = cam->image;
    shown->cells[i] = cam->cells[0];
    shown->units[i] = cam->unit[1];
    shown->largest[i] = cam->largest;
    return 0;
}

/* Each image's best row is shown on the map of its own level. */
static void every_image_has_its_level(void **state)
{
    struct fixture *fixture = *state;
    put_images(fixture, "cat", "dog");
    struct fovea_model *model = loaded(fixture, HEADS "levels.onnx");
    const struct fovea_feed feed = {.path = in_folder(fixture, "classes")};
    const struct fovea_cam_options options = {.samples = {.feeds = &feed, .feed_count = 1, .preprocess = &fixture->raw},
                                              .class_index = 0,
                                              .unit = {-1, -1},
                                              .methods = 1u << FOVEA_CAM_LAYER};
    struct shown shown = {0};
    bool seen[2 * IMAGES] = {false};
    if (fovea_cam(model, &options, show, &shown, &fixture->error))
        fail_msg("%s", fixture->error.message);
    assert_int_equal(shown.count, 2 * IMAGES);
    for (int i = 0; i < shown.count; i++) {
        bool bright = shown.images[i] >= IMAGES;
        assert_false(seen[shown.images[i]]);
        seen[shown.images[i]] = true;
        assert_string_equal(shown.layers[i], bright ? "f0" : "f1");
        assert_int_equal(shown.cells[i], bright ? 4 : 2);
        assert_int_equal(shown.units[i] >= 16, !bright);
        assert_true(bright ? shown.largest[i] > 0 : true);
    }
    fovea_model_free(model);
}

static int64_t channels_of(struct fixture *fixture, const char *path, int axis)
{
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    struct model *model = model_load(context, path, &error);
    assert_non_null(model);
    int64_t size = model->graph->outputs[0]->declared[axis].size;
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    (void)fixture;
    return size;
}

/* Channels last, in the model and in its teacher, train as channels first do; a new head counts its classes there. */
static void channels_last_train_alike(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = {HEADS "pixels.onnx", HEADS "pixels_last.onnx"};
    char masks[128];
    put_images(fixture, "cat", "dog");
    snprintf(masks, sizeof masks, "%s", in_folder(fixture, "masks"));
    const struct fovea_data data = {
        .path = in_folder(fixture, "scenes"), .masks = masks, .ignore = -1, .validation_share = 0.2};
    double losses[2][2];
    for (int i = 0; i < 4; i++) {
        struct fovea_model *model = loaded(fixture, files[i % 2]);
        struct fovea_tune result;
        struct fovea_tune_options options = {.data = data,
                                             .preprocess = &fixture->raw,
                                             .epochs = 1,
                                             .batch = 4,
                                             .rate = 1e-12,
                                             .loss = FOVEA_LOSS_OF_FILE,
                                             .teacher = files[i / 2],
                                             .teacher_weight = .5};
        for (int k = 0; k < FOVEA_DECAY_CLASSES; k++)
            options.decays[k] = NAN;
        if (fovea_tune(model, &options, scratch_path(fixture->scratch, "tuned.onnx"), true, NULL, &result,
                       &fixture->error))
            fail_msg("%s", fixture->error.message);
        losses[i / 2][i % 2] = result.epochs[0].loss;
        assert_near(result.best.mean_iou, 1, 0);
        fovea_tune_free(&result);
        options.teacher = NULL;
        options.new_classes = 5;
        if (fovea_tune(model, &options, scratch_path(fixture->scratch, "tuned.onnx"), true, NULL, &result,
                       &fixture->error))
            fail_msg("%s", fixture->error.message);
        fovea_tune_free(&result);
        assert_int_equal(channels_of(fixture, scratch_path(fixture->scratch, "tuned.onnx"), i % 2 ? 3 : 1), 5);
        fovea_model_free(model);
    }
    /* Half of the target is the label, half what the teacher says: p of the right class where labels are right. */
    double expected = 0;
    const double logits[2] = {LOGIT_DARK, LOGIT_BRIGHT};
    for (int k = 0; k < 2; k++) {
        double p = sigmoid(k ? logits[k] : -logits[k]);
        expected -= ((.5 + .5 * p) * log(p) + .5 * (1 - p) * log(1 - p)) / 2;
    }
    for (int i = 0; i < 4; i++)
        assert_near(losses[i / 2][i % 2], expected, 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_folders_are_the_two_classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(class_zero_is_minus_the_logit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sigmoids_of_the_file_are_printed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_output_trains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_loss_follows_the_scores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_probabilities_there_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_channel_is_a_mask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_image_has_its_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(channels_last_train_alike, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
