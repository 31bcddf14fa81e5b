/* Evaluations of labelled data, held against what a session says and a few lines of counting. */
#include "../data/scratch.h"

#include <math.h>

#include "fovea.h"

#define RESNET "tests/fixtures/training/resnet18/model.onnx"
#define VIT "tests/fixtures/training/vit/model.onnx"
#define SEGFORMER "tests/fixtures/training/segformer/model.onnx" /* maps of a quarter of the image's sides */
#define DEEPLAB "tests/fixtures/training/deeplab/model.onnx"
#define SHIPPED "models/fashion_mnist.onnx"
#define SAMPLES 43 /* no multiple of the models' fixed batch of 8 */
#define CLASSES 10
#define MASKS 7
#define SIDE 33
#define MASK_CLASSES 5

struct fixture {
    struct scratch *scratch;
    struct fovea *fovea;
    struct fovea_error error;
    struct fovea_data data;
    struct fovea_eval_options options;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    void *scratch = NULL;
    scratch_set_up(&scratch);
    fixture->scratch = scratch;
    fixture->fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 5}, &fixture->error);
    fixture->data.ignore = -1;
    fixture->options.data = &fixture->data;
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

static void assert_near(double value, double expected, double distance)
{
    if (!(fabs(value - expected) <= distance))
        fail_msg("%.17g is not %.17g", value, expected);
}

static struct fovea_model *loaded(struct fixture *fixture, const char *path)
{
    struct fovea_model *model = fovea_model_load(fixture->fovea, path, &fixture->error);
    if (!model)
        fail_msg("%s", fixture->error.message);
    return model;
}

static struct fovea_eval evaluated(struct fixture *fixture, struct fovea_model *model, struct fovea_model *other)
{
    struct fovea_eval eval;
    if (fovea_eval(model, other, &fixture->options, &eval, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return eval;
}

static void assert_refused(struct fixture *fixture, struct fovea_model *model, const char *part)
{
    struct fovea_eval eval;
    fixture->error.message[0] = 0;
    assert_int_equal(fovea_eval(model, NULL, &fixture->options, &eval, &fixture->error), -1);
    assert_int_equal(fixture->error.code, FOVEA_BAD_INPUT);
    if (!strstr(fixture->error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", fixture->error.message, part);
}

/* Logits [count, size] of images [count, elements], by a session of the model's fixed batch. */
static float *logits_of(struct fixture *fixture, struct fovea_model *model, const float *images, int count,
                        size_t elements, size_t size, int batch)
{
    struct fovea_session *session = fovea_session_open(model, &(struct fovea_session_options){0}, &fixture->error);
    float *logits = calloc((size_t)(count + batch) * size, sizeof *logits);
    assert_non_null(session);
    for (int first = 0; first < count; first += batch) {
        int left = count - first < batch ? count - first : batch;
        memcpy(fovea_session_input(session, 0).data, images + (size_t)first * elements,
               (size_t)left * elements * sizeof *images);
        assert_int_equal(fovea_session_run(session, &fixture->error), 0);
        memcpy(logits + (size_t)first * size, fovea_session_output(session, 0).data,
               (size_t)left * size * sizeof *logits);
    }
    fovea_session_free(session);
    return logits;
}

/* How many of `classes` logits, `step` apart, are larger than that of `label`. */
static int rank_of(const float *logits, size_t step, int classes, int label)
{
    int rank = 0;
    for (int k = 0; k < classes; k++)
        rank += logits[(size_t)k * step] > logits[(size_t)label * step];
    return rank;
}

static int best_of(const float *logits, size_t step, int classes)
{
    int best = 0;
    while (rank_of(logits, step, classes, best) > 0)
        best++;
    return best;
}

/* ---- arrays ---- */

/* Tensors of noise, and as labels what the resnet predicts for two of three, so that there is something to be right. */
static float *put_arrays(struct fixture *fixture, int *labels)
{
    struct fovea_model *model = loaded(fixture, RESNET);
    struct tensor images = {.dtype = DTYPE_FLOAT}, numbers = {.dtype = DTYPE_INT64};
    const int64_t dims[] = {SAMPLES, 3, 32, 32}, count[] = {SAMPLES};
    shape_set(&images.shape, 4, dims, NULL);
    shape_set(&numbers.shape, 1, count, NULL);
    assert_int_equal(tensor_allocate(fixture->scratch->memory, &images, NULL), 0);
    assert_int_equal(tensor_allocate(fixture->scratch->memory, &numbers, NULL), 0);
    float *pixels = images.data;
    uint32_t random = 1;
    for (int i = 0; i < SAMPLES * 3072; i++) {
        random = random * 1664525 + 1013904223;
        pixels[i] = (float)(random >> 8) / 8388608.0f - 1 + 0.6f * (float)sin(i / 3072 + i % 32 * 0.2 * (i / 3072 % 7));
    }
    float *logits = logits_of(fixture, model, pixels, SAMPLES, 3072, CLASSES, 8);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i % 3 ? best_of(logits + i * CLASSES, 1, CLASSES) : i % CLASSES;
        ((int64_t *)numbers.data)[i] = labels[i];
    }
    assert_int_equal(npy_write(fixture->scratch->memory, scratch_path(fixture->scratch, "x.npy"), &images, NULL), 0);
    assert_int_equal(npy_write(fixture->scratch->memory, scratch_path(fixture->scratch, "y.npy"), &numbers, NULL), 0);
    fixture->data.path = scratch_path(fixture->scratch, "x.npy");
    fixture->data.labels = scratch_path(fixture->scratch, "y.npy");
    free(logits);
    fovea_model_free(model);
    tensor_release(fixture->scratch->memory, &numbers);
    float *copy = malloc((size_t)SAMPLES * 3072 * sizeof *copy);
    memcpy(copy, pixels, (size_t)SAMPLES * 3072 * sizeof *copy);
    tensor_release(fixture->scratch->memory, &images);
    return copy;
}

static void numbers_are_those_of_a_session(void **state)
{
    struct fixture *fixture = *state;
    int labels[SAMPLES], top1 = 0, top5 = 0, confusion[CLASSES][CLASSES] = {{0}};
    float *images = put_arrays(fixture, labels);
    struct fovea_model *model = loaded(fixture, RESNET);
    float *logits = logits_of(fixture, model, images, SAMPLES, 3072, CLASSES, 8);
    for (int i = 0; i < SAMPLES; i++) {
        int rank = rank_of(logits + i * CLASSES, 1, CLASSES, labels[i]);
        top1 += rank == 0;
        top5 += rank < 5;
        confusion[labels[i]][best_of(logits + i * CLASSES, 1, CLASSES)]++;
    }
    assert_in_range(top1, SAMPLES / 2, SAMPLES - 1);
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    const struct fovea_class_table *table = &eval.data.classes[0];
    assert_int_equal(eval.images, SAMPLES);
    assert_int_equal(eval.labelled, SAMPLES);
    assert_string_equal(eval.data.split, "all");
    assert_near(eval.data.metrics[0].top1, (double)top1 / SAMPLES, 1e-12);
    assert_near(eval.rows[0].scores[0].top1, (double)top1 / SAMPLES, 1e-12);
    assert_near(eval.rows[0].scores[0].top5, (double)top5 / SAMPLES, 1e-12);
    assert_int_equal(table->count, CLASSES);
    for (int k = 0; k < CLASSES; k++) {
        int actual = 0;
        for (int j = 0; j < CLASSES; j++) {
            assert_int_equal(table->confusion[k * CLASSES + j], confusion[k][j]);
            actual += confusion[k][j];
        }
        assert_int_equal(table->list[k].actual, actual);
        if (actual > 0)
            assert_near(table->list[k].accuracy, (double)confusion[k][k] / actual, 1e-12);
    }
    fovea_eval_free(&eval);
    free(logits);
    free(images);
    fovea_model_free(model);
}

static void two_models_are_paired(void **state)
{
    struct fixture *fixture = *state;
    int labels[SAMPLES], only[2] = {0, 0}, same = 0;
    float *images = put_arrays(fixture, labels), *logits[2];
    struct fovea_model *models[2] = {loaded(fixture, RESNET), loaded(fixture, VIT)};
    double sum = 0, squares = 0;
    for (int m = 0; m < 2; m++)
        logits[m] = logits_of(fixture, models[m], images, SAMPLES, 3072, CLASSES, 8);
    for (int i = 0; i < SAMPLES; i++) {
        int first = best_of(logits[0] + i * CLASSES, 1, CLASSES), second = best_of(logits[1] + i * CLASSES, 1, CLASSES);
        int difference = (second == labels[i]) - (first == labels[i]);
        only[0] += difference < 0;
        only[1] += difference > 0;
        same += first == second;
        sum += difference;
        squares += difference * difference;
    }
    double mean = sum / SAMPLES;
    double half = 1.96 * sqrt((squares - SAMPLES * mean * mean) / (SAMPLES - 1) / SAMPLES);
    assert_true(only[0] > 0 && only[1] > 0);
    struct fovea_eval eval = evaluated(fixture, models[0], models[1]);
    assert_int_equal(eval.models, 2);
    assert_int_equal(eval.data.only_right[0], only[0]);
    assert_int_equal(eval.data.only_right[1], only[1]);
    assert_near(eval.same_prediction, (double)same / SAMPLES, 1e-12);
    assert_near(eval.rows[0].difference, mean, 1e-12);
    assert_near(eval.rows[0].interval[0], mean - half, 1e-9);
    assert_near(eval.rows[0].interval[1], mean + half, 1e-9);
    assert_near(eval.data.metrics[1].top1 - eval.data.metrics[0].top1, mean, 1e-12);
    fovea_eval_free(&eval);
    for (int m = 0; m < 2; m++) {
        free(logits[m]);
        fovea_model_free(models[m]);
    }
    free(images);
}

static void arrays_are_not_corrupted_but_scaled(void **state)
{
    struct fixture *fixture = *state;
    static const double scales[] = {1, 0.25};
    int labels[SAMPLES];
    free(put_arrays(fixture, labels));
    struct fovea_model *model = loaded(fixture, RESNET);
    fixture->options.scales = scales;
    fixture->options.scale_count = 2;
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    assert_int_equal(eval.row_count, 3);
    assert_memory_equal(&eval.rows[1].scores[0], &eval.rows[0].scores[0], sizeof eval.rows[0].scores[0]);
    assert_true(eval.rows[2].scores[0].confidence != eval.rows[0].scores[0].confidence);
    fovea_eval_free(&eval);
    fixture->options.corruptions = 1;
    assert_refused(fixture, model, "x.npy: corruptions change pictures");
    fovea_model_free(model);
}

/* ---- masks ---- */

/* Pictures of the network's size and masks in blocks, with a column that does not count; images[MASKS,3,SIDE,width] as
 * the network gets them, masks[MASKS,SIDE,width]. */
static void put_masks(const struct scratch *scratch, float *images, int *masks, int width, int shift)
{
    struct image picture, mask;
    char name[64];
    assert_int_equal(image_allocate(scratch->memory, &picture, width, SIDE, 3, NULL), 0);
    assert_int_equal(image_allocate(scratch->memory, &mask, width, SIDE, 1, NULL), 0);
    for (int i = 0; i < MASKS; i++) {
        for (int p = 0; p < SIDE * width; p++) {
            int x = p % width, y = p / width, value = x == 0 ? 255 : (x / 11 + y / 9 + i) % MASK_CLASSES + shift;
            for (int c = 0; c < 3; c++) {
                picture.pixels[3 * p + c] = (uint8_t)(x * (7 + 3 * i) + y * (c + 2) * (i + 1) + 40 * value);
                images[(i * 3 + c) * SIDE * width + p] = (float)picture.pixels[3 * p + c] / 255.0f;
            }
            mask.pixels[p] = (uint8_t)value;
            masks[i * SIDE * width + p] = value;
        }
        snprintf(name, sizeof name, "images/%d.png", i);
        assert_int_equal(image_write_png(scratch->memory, scratch_path(scratch, name), &picture, NULL), 0);
        snprintf(name, sizeof name, "masks/%d.png", i);
        assert_int_equal(image_write_png(scratch->memory, scratch_path(scratch, name), &mask, NULL), 0);
    }
    image_release(scratch->memory, &picture);
    image_release(scratch->memory, &mask);
}

static void open_masks(struct fixture *fixture, float *images, int *masks, int width, int shift)
{
    static const struct fovea_preprocess raw = {.preset = "raw"};
    put_masks(fixture->scratch, images, masks, width, shift);
    fixture->data.path = scratch_path(fixture->scratch, "images");
    fixture->data.masks = scratch_path(fixture->scratch, "masks");
    fixture->options.samples.preprocess = &raw;
}

static void pixels_of_masks_are_counted(void **state)
{
    struct fixture *fixture = *state;
    enum { PIXELS = SIDE * SIDE };
    static float images[MASKS * 3 * PIXELS];
    static int masks[MASKS * PIXELS];
    int64_t actual[MASK_CLASSES] = {0}, predicted[MASK_CLASSES] = {0}, right[MASK_CLASSES] = {0}, counted = 0, all = 0;
    open_masks(fixture, images, masks, SIDE, 0);
    struct fovea_model *model = loaded(fixture, DEEPLAB);
    float *logits = logits_of(fixture, model, images, MASKS, 3 * PIXELS, MASK_CLASSES * PIXELS, 4);
    for (int i = 0; i < MASKS * PIXELS; i++) {
        int label = masks[i];
        if (label == 255)
            continue;
        int best = best_of(logits + i / PIXELS * MASK_CLASSES * PIXELS + i % PIXELS, PIXELS, MASK_CLASSES);
        actual[label]++;
        predicted[best]++;
        right[label] += best == label;
        all += best == label;
        counted++;
    }
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    assert_true(eval.data.masks);
    assert_int_equal(eval.images, MASKS);
    assert_int_equal(eval.data.metrics[0].counted, counted);
    assert_near(eval.data.metrics[0].top1, (double)all / (double)counted, 1e-12);
    double iou = 0, dice = 0;
    for (int k = 0; k < MASK_CLASSES; k++) {
        double own_iou = (double)right[k] / (double)(actual[k] + predicted[k] - right[k]);
        double own_dice = 2.0 * (double)right[k] / (double)(actual[k] + predicted[k]);
        assert_int_equal(eval.data.classes[0].list[k].predicted, predicted[k]);
        assert_near(eval.data.classes[0].list[k].iou, own_iou, 1e-12);
        assert_near(eval.data.classes[0].list[k].dice, own_dice, 1e-12);
        iou += own_iou / MASK_CLASSES;
        dice += own_dice / MASK_CLASSES;
    }
    assert_near(eval.rows[0].scores[0].mean_iou, iou, 1e-12);
    assert_near(eval.data.metrics[0].mean_dice, dice, 1e-12);
    fovea_eval_free(&eval);
    free(logits);
    fovea_model_free(model);
}

/* The value at a place between the cells of a line, whose ends go on outside. */
static double between(double first, double second, double at)
{
    return first + (second - first) * at;
}

/* A map [h, w] at pixel (y, x) of [height, width]: bilinear, pixels' and cells' edges on one another. */
static double enlarged(const float *map, int h, int w, int height, int width, int y, int x)
{
    double row = fmin(fmax((y + 0.5) * h / height - 0.5, 0), h - 1);
    double column = fmin(fmax((x + 0.5) * w / width - 0.5, 0), w - 1);
    int top = (int)row, left = (int)column, low = top + (top < h - 1), right = left + (left < w - 1);
    return between(between((double)map[top * w + left], (double)map[top * w + right], column - left),
                   between((double)map[low * w + left], (double)map[low * w + right], column - left), row - top);
}

/* Pixels whose two best scores are too close for float32 may go either way. */
static void small_maps_are_enlarged_to_masks(void **state)
{
    struct fixture *fixture = *state;
    enum { WIDTH = 48, PIXELS = SIDE * WIDTH, H = 9, W = 12 };
    static float images[MASKS * 3 * PIXELS];
    static int masks[MASKS * PIXELS];
    open_masks(fixture, images, masks, WIDTH, 0);
    struct fovea_model *model = loaded(fixture, SEGFORMER);
    float *logits = logits_of(fixture, model, images, MASKS, 3 * PIXELS, MASK_CLASSES * H * W, 4);
    int64_t right = 0, counted = 0, close = 0;
    for (int i = 0; i < MASKS * PIXELS; i++) {
        double scores[MASK_CLASSES], best = -1e30, second = -1e30;
        int at = i % PIXELS, predicted = -1;
        for (int k = 0; k < MASK_CLASSES; k++) {
            scores[k] =
                enlarged(logits + (i / PIXELS * MASK_CLASSES + k) * H * W, H, W, SIDE, WIDTH, at / WIDTH, at % WIDTH);
            second = fmax(second, fmin(best, scores[k]));
            predicted = scores[k] > best ? k : predicted;
            best = fmax(best, scores[k]);
        }
        if (masks[i] == 255)
            continue;
        counted++;
        right += predicted == masks[i];
        close += best - second < 1e-5;
    }
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    assert_int_equal(eval.units, PIXELS);
    assert_int_equal(eval.data.enlarged[0][0], H);
    assert_int_equal(eval.data.enlarged[0][1], W);
    assert_int_equal(eval.data.size[0][1], WIDTH);
    assert_int_equal(eval.data.metrics[0].counted, counted);
    assert_near(eval.data.metrics[0].top1 * (double)counted, (double)right, (double)close + 1e-6);
    assert_true(close < counted / 1000 && right > 0 && right < counted);
    fovea_eval_free(&eval);
    free(logits);
    fovea_model_free(model);
}

/* Networks that pad nothing: class 1 is where the red channel is bright, so that all is right where the part of the
 * mask is the one that the map stands for, and not elsewhere. */
static void unpadded_maps_are_compared_with_their_part(void **state)
{
    static const struct {
        const char *path;
        int height, width;
    } networks[] = {{"tests/fixtures/maps/plain.onnx", 34, 42},
                    {"tests/fixtures/maps/unet.onnx", 32, 40},
                    {"tests/fixtures/maps/strided.onnx", 34, 42}};
    struct fixture *fixture = *state;
    static const struct fovea_preprocess raw = {.preset = "raw"};
    struct image picture, mask;
    enum { W = 48, H = 40 };
    assert_int_equal(image_allocate(fixture->scratch->memory, &picture, W, H, 3, NULL), 0);
    assert_int_equal(image_allocate(fixture->scratch->memory, &mask, W, H, 1, NULL), 0);
    for (int p = 0; p < W * H; p++) { /* blocks of the pixels that the units of the small maps stand for */
        int y = p / W + 1, x = p % W + 1;
        mask.pixels[p] = (y / 6 + x / 8) % 3 == 0;
        memset(picture.pixels + 3 * p, mask.pixels[p] ? 255 : 0, 3);
    }
    assert_int_equal(
        image_write_png(fixture->scratch->memory, scratch_path(fixture->scratch, "i/0.png"), &picture, NULL), 0);
    assert_int_equal(image_write_png(fixture->scratch->memory, scratch_path(fixture->scratch, "m/0.png"), &mask, NULL),
                     0);
    fixture->data.path = scratch_path(fixture->scratch, "i");
    fixture->data.masks = scratch_path(fixture->scratch, "m");
    fixture->options.samples.preprocess = &raw;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        struct fovea_model *model = loaded(fixture, networks[i].path);
        struct fovea_eval eval = evaluated(fixture, model, NULL);
        assert_int_equal(eval.data.whole[0][0], H);
        assert_int_equal(eval.data.size[0][0], networks[i].height);
        assert_int_equal(eval.data.size[0][1], networks[i].width);
        assert_int_equal(eval.data.metrics[0].counted, networks[i].height * networks[i].width);
        assert_near(eval.data.metrics[0].top1, 1, 0);
        assert_int_equal(eval.data.enlarged[0][0], i == 2 ? 17 : 0);
        fovea_eval_free(&eval);
        fovea_model_free(model);
    }
    image_release(fixture->scratch->memory, &picture);
    image_release(fixture->scratch->memory, &mask);
}

/* Two models of masks are paired by their mean IoU, not by pixels. */
static void two_models_of_masks_are_paired_by_mean_iou(void **state)
{
    struct fixture *fixture = *state;
    static float images[MASKS * 3 * SIDE * 48];
    static int masks[MASKS * SIDE * 48];
    open_masks(fixture, images, masks, 48, 0);
    struct fovea_model *first = loaded(fixture, DEEPLAB), *second = loaded(fixture, SEGFORMER);
    struct fovea_eval eval = evaluated(fixture, first, second);
    const struct fovea_metrics *metrics = eval.data.metrics;
    assert_near(eval.rows[0].difference, metrics[1].mean_iou - metrics[0].mean_iou, 1e-6);
    assert_true(fabs(metrics[1].top1 - metrics[0].top1 - eval.rows[0].difference) > 1e-3);
    assert_true(eval.rows[0].interval[0] < eval.rows[0].difference &&
                eval.rows[0].interval[1] > eval.rows[0].difference);
    fovea_eval_free(&eval);
    fovea_model_free(first);
    fovea_model_free(second);
}

static void masks_refuse_what_moves_images(void **state)
{
    struct fixture *fixture = *state;
    static float images[MASKS * 3 * SIDE * SIDE];
    static int masks[MASKS * SIDE * SIDE];
    open_masks(fixture, images, masks, SIDE, 0);
    struct fovea_model *model = loaded(fixture, DEEPLAB), *classifier = loaded(fixture, RESNET);
    fixture->options.severities = 1u << 3;
    for (int i = 0; fovea_corruption_name(i); i++)
        fixture->options.corruptions |= 1u << i;
    struct fovea_eval eval = evaluated(fixture, model, model);
    assert_true(eval.data.moves_left_out);
    assert_int_equal(eval.row_count, 1 + 17 - 3);
    assert_near(eval.rows[1].difference, 0, 0);
    assert_near(eval.same_prediction, 1, 0);
    assert_near(eval.rows[1].scores[0].agreement, -1, 0);
    assert_true(eval.rows[1].scores[0].mean_iou != eval.rows[0].scores[0].mean_iou);
    fovea_eval_free(&eval);
    fixture->options.corruptions &= ~1u;
    assert_refused(fixture, model, "no corruption 'shift'");
    fixture->options.corruptions = 0;
    assert_refused(fixture, classifier, "there are masks, but the model gives one prediction");
    open_masks(fixture, images, masks, SIDE, 1);
    assert_refused(fixture, model, "0.png: the mask holds 5, but there are 5 classes");
    fovea_model_free(model);
    fovea_model_free(classifier);
}

/* ---- pictures ---- */

/* The shipped images say the same both ways, corrupted too. */
static void pictures_are_as_with_images(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_feed feed = {.path = "models/images"};
    struct fovea_model *model = loaded(fixture, SHIPPED);
    fixture->data.path = "models/images";
    fixture->options.corruptions = 1u << 0 | 1u << 9; /* noise, and saturation, which leaves gray images */
    fixture->options.severities = 1u << 2;
    struct fovea_eval data = evaluated(fixture, model, NULL);
    fixture->options.data = NULL;
    fixture->options.samples = (struct fovea_samples){.feeds = &feed, .feed_count = 1};
    struct fovea_eval images = evaluated(fixture, model, NULL);
    assert_int_equal(data.row_count, 3);
    assert_int_equal(data.labelled, images.labelled);
    assert_null(images.data.path);
    for (int i = 0; i < data.row_count; i++) {
        const struct fovea_eval_score *a = &data.rows[i].scores[0], *b = &images.rows[i].scores[0];
        assert_string_equal(data.rows[i].change, images.rows[i].change);
        assert_int_equal(data.rows[i].no_effect, i == 2);
        assert_int_equal(images.rows[i].no_effect, i == 2);
        assert_near(a->top1, b->top1, 1e-12);
        assert_near(a->top5, b->top5, 1e-12);
        assert_near(a->agreement, b->agreement, 1e-12);
        assert_near(a->confidence, b->confidence, 1e-5);
    }
    assert_true(data.rows[1].scores[0].top1 < data.rows[0].scores[0].top1);
    assert_string_equal(data.data.classes[0].list[0].name, "T-shirt/top");
    fovea_eval_free(&data);
    fovea_eval_free(&images);
    fovea_model_free(model);
}

/* Splits, their share as training draws it, and a limit that meets every class. */
static void splits_are_chosen(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_model *model = loaded(fixture, SHIPPED);
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "d/%s/%d/%02d.png", i < 30 ? "train" : i < 36 ? "val" : "test", i % 2, i);
        put_ramp(fixture->scratch, name, 28, 28, 1, i, 251);
    }
    static const struct {
        const char *folder;
        enum fovea_split split;
        int64_t limit, images;
        const char *name;
    } cases[] = {{"d", FOVEA_SPLIT_USUAL, 0, 4, "test"},
                 {"d", FOVEA_SPLIT_VALIDATION, 0, 6, "validation"},
                 {"d", FOVEA_SPLIT_TRAIN, 0, 30, "train"},
                 {"d/train", FOVEA_SPLIT_USUAL, 0, 30, "all"},
                 {"d/train", FOVEA_SPLIT_VALIDATION, 0, 4, "validation"},
                 {"d/train", FOVEA_SPLIT_TRAIN, 0, 26, "train"},
                 {"d/train", FOVEA_SPLIT_USUAL, 10, 10, "all"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture->data.path = scratch_path(fixture->scratch, cases[i].folder);
        fixture->options.split = cases[i].split;
        fixture->options.samples.limit = cases[i].limit;
        struct fovea_eval eval = evaluated(fixture, model, NULL);
        assert_int_equal(eval.images, cases[i].images);
        assert_string_equal(eval.data.split, cases[i].name);
        assert_int_equal(eval.data.classes[0].list[0].actual, cases[i].images / 2);
        fovea_eval_free(&eval);
    }
    fixture->data.path = scratch_path(fixture->scratch, "d/train");
    fixture->options.split = FOVEA_SPLIT_TEST;
    assert_refused(fixture, model, "no samples of the split test (train 30, validation 0, test 0)");
    fovea_model_free(model);
}

/* A broken file of the split is named before anything runs, or left out; those of other splits do not matter. */
static void broken_files_and_labels_are_named(void **state)
{
    struct fixture *fixture = *state;
    struct fovea_model *model = loaded(fixture, SHIPPED);
    put_text(fixture->scratch, "l/list.csv", "a.png,0,test\nb.png,3,test\nc.png,11,train\nd.png,2,test\n");
    put_ramp(fixture->scratch, "l/a.png", 28, 28, 1, 0, 251);
    put_ramp(fixture->scratch, "l/d.png", 28, 28, 1, 9, 251);
    put_bytes(fixture->scratch, "l/b.png", "\x89PNG\r\n\x1a\n", 8);
    fixture->data.path = scratch_path(fixture->scratch, "l/list.csv");
    assert_refused(fixture, model, "b.png: ");
    assert_non_null(strstr(fixture->error.message, "`skip_broken`"));
    fixture->data.skip_broken = true;
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    assert_int_equal(eval.images, 2);
    assert_int_equal(eval.data.left_out, 1);
    assert_string_equal(eval.data.broken[0], "b.png");
    fovea_eval_free(&eval);
    put_text(fixture->scratch, "l/list.csv", "a.png,0\nd.png,11\n");
    assert_refused(fixture, model, "d.png: label 11, but there are 10 classes");
    fixture->data.ignore = 11;
    eval = evaluated(fixture, model, NULL);
    assert_int_equal(eval.labelled, 1);
    fovea_eval_free(&eval);
    fovea_model_free(model);
}

/* Folders in the order of their names are no classes of a model with more. */
static void order_alone_names_no_class(void **state)
{
    struct fixture *fixture = *state;
    static const struct fovea_preprocess raw = {.preset = "raw"};
    struct fovea_model *model = loaded(fixture, RESNET);
    put_ramp(fixture->scratch, "o/cat/a.png", 32, 32, 3, 0, 251);
    put_ramp(fixture->scratch, "o/dog/a.png", 32, 32, 3, 5, 251);
    fixture->data.path = scratch_path(fixture->scratch, "o");
    fixture->options.samples.preprocess = &raw;
    assert_refused(fixture, model, "the data's 2 classes are numbered by the order of their names, the model has 10");
    fixture->data.names = put_text(fixture->scratch, "names.txt", "a\nb\ndog\nc\nd\ncat\n");
    assert_refused(fixture, model, "names.txt: there are 6 names in it, the model has 10 classes");
    fixture->data.names = put_text(fixture->scratch, "names.txt", "a\nb\ndog\nc\nd\ncat\ne\nf\ng\nh\n");
    struct fovea_eval eval = evaluated(fixture, model, NULL);
    assert_int_equal(eval.data.classes[0].list[5].actual, 1);
    assert_string_equal(eval.data.classes[0].list[2].name, "dog");
    fovea_eval_free(&eval);
    fovea_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_those_of_a_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_models_are_paired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrays_are_not_corrupted_but_scaled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pixels_of_masks_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_maps_are_enlarged_to_masks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unpadded_maps_are_compared_with_their_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_models_of_masks_are_paired_by_mean_iou, set_up, tear_down),
        cmocka_unit_test_setup_teardown(masks_refuse_what_moves_images, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_are_as_with_images, set_up, tear_down),
        cmocka_unit_test_setup_teardown(splits_are_chosen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_files_and_labels_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_alone_names_no_class, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
