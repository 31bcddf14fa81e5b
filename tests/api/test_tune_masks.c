/* Training on masks: maps that are smaller than they, what is judged and what it is called. */
#include "../data/scratch.h"

#include <math.h>

#include "base/file.h"
#include "fovea.h"
#include "report/json.h"

#define SEGFORMER "tests/fixtures/training/segformer/model.onnx" /* maps [5,9,12] of images [3,33,48] */
#define SAMPLES 12
#define WIDTH 48
#define HEIGHT 33

struct fixture {
    struct scratch *scratch;
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_error error;
    struct fovea_tune_options options;
    char out[128], images[128], masks[128];
};

/* Stripes whose brightness tells their class, by `values`; a class less frequent than the one before. */
static void put_samples(const struct scratch *scratch, const int *values, int classes)
{
    struct image picture, mask;
    char name[64];
    assert_int_equal(image_allocate(scratch->memory, &picture, WIDTH, HEIGHT, 3, NULL), 0);
    assert_int_equal(image_allocate(scratch->memory, &mask, WIDTH, HEIGHT, 1, NULL), 0);
    for (int i = 0; i < SAMPLES; i++) {
        for (int p = 0; p < WIDTH * HEIGHT; p++) {
            int x = (p % WIDTH + 5 * i) % WIDTH, class = 0;
            for (int k = 1; k < classes; k++)
                class += x >= WIDTH - WIDTH / (2 * k);
            for (int c = 0; c < 3; c++)
                picture.pixels[3 * p + c] = (uint8_t)(40 * class + p / WIDTH % 7 * (c + 1));
            mask.pixels[p] = (uint8_t)values[class];
        }
        snprintf(name, sizeof name, "images/%s/%02d.png", i < 8 ? "train" : "val", i);
        assert_int_equal(image_write_png(scratch->memory, scratch_path(scratch, name), &picture, NULL), 0);
        snprintf(name, sizeof name, "masks/%s/%02d.png", i < 8 ? "train" : "val", i);
        assert_int_equal(image_write_png(scratch->memory, scratch_path(scratch, name), &mask, NULL), 0);
    }
    image_release(scratch->memory, &picture);
    image_release(scratch->memory, &mask);
}

static int set_up(void **state)
{
    static const struct fovea_preprocess raw = {.preset = "raw"};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    void *scratch = NULL;
    assert_non_null(fixture);
    scratch_set_up(&scratch);
    fixture->scratch = scratch;
    fixture->fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 3}, &fixture->error);
    fixture->model = fovea_model_load(fixture->fovea, SEGFORMER, &fixture->error);
    assert_non_null(fixture->model);
    put_samples(fixture->scratch, (const int[]){0, 1, 2, 3}, 4);
    snprintf(fixture->out, sizeof fixture->out, "%s/new.onnx", fixture->scratch->folder);
    snprintf(fixture->images, sizeof fixture->images, "%s/images", fixture->scratch->folder);
    snprintf(fixture->masks, sizeof fixture->masks, "%s/masks", fixture->scratch->folder);
    fixture->options =
        (struct fovea_tune_options){.data = {.path = fixture->images, .masks = fixture->masks, .ignore = -1},
                                    .preprocess = &raw,
                                    .epochs = 3,
                                    .batch = 4,
                                    .momentum = 0.9,
                                    .rate = 0.01};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        fixture->options.decays[i] = NAN;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    void *scratch = fixture->scratch;
    fovea_model_free(fixture->model);
    assert_int_equal(fovea_close(fixture->fovea), 0);
    scratch_tear_down(&scratch);
    free(fixture);
    return 0;
}

static struct fovea_tune tuned(struct fixture *fixture)
{
    struct fovea_tune result;
    if (fovea_tune(fixture->model, &fixture->options, fixture->out, true, NULL, &result, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return result;
}

static void masks_are_judged_by_mean_iou(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.class_weights = "balanced";
    struct fovea_tune tune = tuned(fixture);
    double best = 0;
    assert_int_equal(tune.plan.enlarged[0], 9);
    assert_int_equal(tune.plan.masks[1], WIDTH);
    assert_true(tune.plan.counts.pixels);
    assert_int_equal(tune.plan.counts.training[4], 0);
    assert_int_equal(tune.plan.counts.training[0] + tune.plan.counts.training[1] + tune.plan.counts.training[2] +
                         tune.plan.counts.training[3],
                     8 * WIDTH * HEIGHT);
    double balanced = 8.0 * WIDTH * HEIGHT / (4.0 * (double)tune.plan.counts.training[1]);
    assert_true(fabs(tune.plan.counts.weights[1] - balanced) < 1e-6);
    assert_true(tune.epochs[2].loss < tune.epochs[0].loss);
    for (int i = 0; i < 3; i++)
        best = fmax(best, tune.epochs[i].validation.mean_iou);
    assert_float_equal(tune.best.mean_iou, best, 0);
    assert_float_equal(tune.epochs[tune.best_epoch - 1].validation.mean_iou, best, 0);
    json_t *document = report_tune(&tune), *metrics = json_object_get(document, "best");
    assert_float_equal(json_real_value(json_object_get(metrics, "mean_iou")), best, 0);
    assert_non_null(json_object_get(metrics, "pixel_accuracy"));
    assert_null(json_object_get(metrics, "top1"));
    assert_null(json_object_get(metrics, "top5"));
    json_decref(document);
    fovea_tune_free(&tune);
}

/* The difference is that of the best epochs' mean IoU, over all seeds; a control that cannot learn falls behind. */
static void controls_are_compared_by_mean_iou(void **state)
{
    struct fixture *fixture = *state;
    char untrained[128];
    fixture->options.epochs = 1;
    fixture->options.rate = 1e-6;
    struct fovea_tune tune = tuned(fixture);
    fovea_tune_free(&tune);
    snprintf(untrained, sizeof untrained, "%s/new.last.onnx", fixture->scratch->folder);
    fixture->options.epochs = 3;
    fixture->options.rate = 0.02;
    fixture->options.control = untrained;
    snprintf(fixture->out, sizeof fixture->out, "%s/other.onnx", fixture->scratch->folder);
    fixture->options.reinitialise = (const char *const[]){"classify.weight"};
    fixture->options.reinitialise_count = 1;
    for (int seeds = 1; seeds < 3; seeds++) {
        double sums[2] = {0};
        fixture->options.seeds = seeds;
        tune = tuned(fixture);
        assert_int_equal(tune.run_count, 2 * seeds);
        for (int i = 0; i < tune.run_count; i++)
            sums[tune.runs[i].control] += tune.runs[i].best.mean_iou / seeds;
        assert_true(fabs(tune.difference - (sums[0] - sums[1])) < 1e-5);
        assert_true(tune.interval[0] <= tune.difference && tune.difference <= tune.interval[1]);
        fovea_tune_free(&tune);
    }
}

static void binary_masks_take_a_word(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t values[] = {0, 255};
    put_samples(fixture->scratch, (const int[]){0, 255}, 2);
    struct fovea_tune tune;
    assert_int_equal(fovea_tune(fixture->model, &fixture->options, fixture->out, true, NULL, &tune, &fixture->error),
                     -1);
    if (!strstr(fixture->error.message, "`mask_values` 0,255 makes it class 1"))
        fail_msg("%s", fixture->error.message);
    assert_int_equal(fixture->error.code, FOVEA_BAD_INPUT);
    fixture->options.data.mask_values = values;
    fixture->options.data.mask_value_count = 2;
    fixture->options.new_classes = 2;
    tune = tuned(fixture);
    assert_int_equal(tune.plan.counts.classes, 2);
    assert_int_equal(tune.plan.counts.training[1], 8 * HEIGHT * WIDTH / 2);
    assert_true(tune.best.mean_iou > 0);
    fovea_tune_free(&tune);
}

/* Two classifiers whose scores are added get new classes both; a map of a network that pads nothing is trained on the
 * part of the mask that it stands for, and gets new classes too. */
static void heads_of_maps_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {"tests/fixtures/maps/summed.onnx", "tests/fixtures/maps/plain.onnx"};
    static const struct fovea_preprocess raw = {.preset = "raw", .stretch = {40, 48}};
    fixture->options.preprocess = &raw;
    fixture->options.new_classes = 4;
    for (int i = 0; i < 2; i++) {
        fovea_model_free(fixture->model);
        fixture->model = fovea_model_load(fixture->fovea, paths[i], &fixture->error);
        assert_non_null(fixture->model);
        fixture->options.seeds = 1;
        struct fovea_tune tune = tuned(fixture);
        assert_int_equal(tune.plan.classes, 4);
        assert_int_equal(tune.plan.still_count, 0);
        assert_int_equal(tune.plan.trained, i ? 4 : 6);
        assert_int_equal(tune.plan.whole_masks[0], 40);
        assert_int_equal(tune.plan.masks[0], i ? 34 : 40);
        assert_int_equal(tune.best.counted, 4 * tune.plan.masks[0] * tune.plan.masks[1]);
        assert_true(tune.epochs[tune.epoch_count - 1].loss < tune.epochs[0].loss);
        fovea_tune_free(&tune);
    }
}

struct held {
    uint8_t pixels[SAMPLES][WIDTH * HEIGHT * 3], masks[SAMPLES][WIDTH * HEIGHT];
};

static int give(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *error)
{
    const struct held *held = user;
    (void)error;
    sample->image = (struct fovea_image){
        .pixels = held->pixels[index], .height = HEIGHT, .width = WIDTH, .mask = held->masks[index]};
    sample->split = index < 8 ? FOVEA_SPLIT_TRAIN : FOVEA_SPLIT_VALIDATION;
    return 0;
}

/* Pictures and masks out of memory train the model that those of files train. */
static void samples_in_memory_train_alike(void **state)
{
    struct fixture *fixture = *state;
    struct memory *memory = fixture->scratch->memory;
    struct held *held = calloc(1, sizeof *held);
    char name[64];
    for (int i = 0; i < SAMPLES; i++) {
        struct image picture, mask;
        snprintf(name, sizeof name, "images/%s/%02d.png", i < 8 ? "train" : "val", i);
        assert_int_equal(image_read(memory, scratch_path(fixture->scratch, name), &picture, NULL), 0);
        snprintf(name, sizeof name, "masks/%s/%02d.png", i < 8 ? "train" : "val", i);
        assert_int_equal(image_read(memory, scratch_path(fixture->scratch, name), &mask, NULL), 0);
        memcpy(held->pixels[i], picture.pixels, sizeof held->pixels[i]);
        memcpy(held->masks[i], mask.pixels, sizeof held->masks[i]);
        image_release(memory, &picture);
        image_release(memory, &mask);
    }
    struct fovea_tune from_files = tuned(fixture), result;
    struct fovea_sample_source source = {
        .count = SAMPLES, .masks = true, .threads = true, .sample = give, .user = held};
    struct fovea_model *model;
    fixture->options.data = (struct fovea_data){.source = &source, .ignore = -1};
    assert_int_equal(fovea_tune_model(fixture->model, &fixture->options, NULL, &model, &result, &fixture->error), 0);
    assert_true(result.best.mean_iou == from_files.best.mean_iou);
    assert_true(result.best.counted > 0);
    void *bytes;
    size_t length, written;
    assert_int_equal(fovea_model_save_memory(model, &bytes, &length, &fixture->error), 0);
    void *expected = file_read(memory, fixture->out, (size_t)1 << 26, &written, NULL);
    assert_int_equal(length, written);
    assert_memory_equal(bytes, expected, length);
    memory_release(memory, expected);
    fovea_bytes_free(fixture->fovea, bytes);
    fovea_tune_free(&from_files);
    fovea_tune_free(&result);
    fovea_model_free(model);
    free(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(masks_are_judged_by_mean_iou, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_in_memory_train_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(controls_are_compared_by_mean_iou, set_up, tear_down),
        cmocka_unit_test_setup_teardown(binary_masks_take_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heads_of_maps_are_replaced, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
