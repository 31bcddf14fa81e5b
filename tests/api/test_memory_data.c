/* Pictures, tensors and labelled samples from memory: the same numbers as from files, and no file opened. */
#include <math.h>
#include <sys/stat.h>

#include "image/image.h"
#include "memory_run.h"

#define MODEL "models/fashion_mnist.onnx"
#define COUNT 40

static struct fovea_model *model;
static uint8_t *rows[COUNT];               /* of 3 x 28 bytes, 100 apart */
static struct fovea_image pictures[COUNT]; /* of models/images, as red green blue */
static int64_t labels[COUNT];
static char names[COUNT][64];
static const char *folder, *list;

#define STRIDE 100

/* The first images of the list, each also in a folder of its own order. */
static int open_pictures(void **state)
{
    if (open_fovea(state))
        return -1;
    FILE *from = fopen("models/images/labels.csv", "r");
    list = temporary_path("list.csv");
    FILE *to = fopen(list, "w");
    char line[256], path[512];
    assert_non_null(from);
    assert_non_null(to);
    assert_non_null(fgets(line, sizeof line, from));
    for (int i = 0; i < COUNT && fgets(line, sizeof line, from); i++) {
        long long label;
        assert_int_equal(sscanf(line, "%63[^,],%lld", names[i], &label), 2);
        labels[i] = label;
        snprintf(path, sizeof path, "models/images/%.63s", names[i]);
        fprintf(to, "%s/%s,%lld\n", getenv("PWD"), path, label);
        struct image image;
        struct error failure = ERROR_INITIALISER;
        assert_int_equal(image_read(fovea->context->memory, path, &image, &failure), 0);
        rows[i] = malloc((size_t)(STRIDE * image.height));
        memset(rows[i], 0xee, (size_t)(STRIDE * image.height));
        for (int64_t p = 0; p < image.height * image.width * 3; p++)
            rows[i][p / (3 * image.width) * STRIDE + p % (3 * image.width)] =
                image.pixels[image.channels == 3 ? p : p / 3];
        pictures[i] = (struct fovea_image){
            .pixels = rows[i], .height = image.height, .width = image.width, .stride = STRIDE, .name = names[i]};
        image_release(fovea->context->memory, &image);
    }
    fclose(from);
    fclose(to);
    folder = "models/images";
    model = fovea_model_load(fovea, MODEL, &error);
    return model ? 0 : -1;
}

static int close_pictures(void **state)
{
    for (int i = 0; i < COUNT; i++)
        free(rows[i]);
    fovea_model_free(model);
    return close_fovea(state);
}

#define DATA_TEST(test) cmocka_unit_test_setup_teardown(test, open_pictures, close_pictures)

static const struct fovea_feed in_memory = {.images = pictures, .image_count = COUNT};

/* ---- feeds ---- */

static void test_run(void **state)
{
    (void)state;
    struct fovea_feed feeds[3] = {{.path = "models/images/00000_ankle-boot.png"},
                                  {.images = pictures, .image_count = 1}};
    struct fovea_tensor outputs[3], input;
    struct fovea_session *sessions[3];
    for (int i = 0; i < 3; i++) {
        watch_files();
        struct fovea_session_options options = {.feeds = &feeds[i], .feed_count = 1};
        sessions[i] = fovea_session_open(model, &options, &error);
        assert_string_equal(error.message, "");
        assert_int_equal(fovea_session_run(sessions[i], &error), 0);
        outputs[i] = fovea_session_output(sessions[i], 0);
        watching = watching && i > 0;
        if (i > 0)
            assert_no_files();
        input = fovea_session_input(sessions[i], 0);
        feeds[2].tensor = &input; /* of the picture, prepared */
    }
    assert_memory_equal(outputs[0].data, outputs[1].data, outputs[0].bytes);
    assert_memory_equal(outputs[0].data, outputs[2].data, outputs[0].bytes);
    for (int i = 0; i < 3; i++)
        fovea_session_free(sessions[i]);
}

static void test_erf(void **state)
{
    (void)state;
    struct fovea_feed file = {.path = list};
    struct fovea_erf erf[2];
    for (int i = 0; i < 2; i++) {
        struct fovea_samples samples = {.feeds = i ? &in_memory : &file, .feed_count = 1, .limit = 6};
        struct fovea_erf_options options = {.samples = samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
        watch_files();
        assert_int_equal(fovea_erf(model, &options, &erf[i], &error), 0);
        watching = watching && i == 1;
        if (i)
            assert_no_files();
    }
    assert_int_equal(erf[0].images, 6);
    assert_memory_equal(erf[0].map, erf[1].map, (size_t)(erf[0].height * erf[0].width) * sizeof *erf[0].map);
    fovea_erf_free(&erf[0]);
    fovea_erf_free(&erf[1]);
}

struct maps {
    int count;
    double scores[2][4];
    int file;
};

static int note_map(void *user, const struct fovea_cam *cam, struct fovea_error *report)
{
    (void)report;
    struct maps *maps = user;
    const char *slash = strrchr(cam->name, '/');
    assert_string_equal(slash ? slash + 1 : cam->name, names[cam->image]);
    maps->scores[maps->file][cam->image] = cam->largest;
    maps->count++;
    return 0;
}

static void test_cam(void **state)
{
    (void)state;
    struct fovea_feed file = {.path = list};
    struct maps maps = {.file = 0};
    for (maps.file = 0; maps.file < 2; maps.file++) {
        struct fovea_samples samples = {.feeds = maps.file ? &in_memory : &file, .feed_count = 1, .limit = 4};
        struct fovea_cam_options options = {.samples = samples, .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1}};
        assert_int_equal(fovea_cam(model, &options, note_map, &maps, &error), 0);
    }
    assert_int_equal(maps.count, 8);
    assert_memory_equal(maps.scores[0], maps.scores[1], sizeof maps.scores[0]);
}

/* Masks of pictures as those of a folder; names of classes as those of a file. */
static int note_mask(void *user, const struct fovea_cam *cam, struct fovea_error *report)
{
    (void)report;
    struct fovea_localisation *found = user;
    assert_non_null(cam->localisation);
    assert_string_equal(cam->class_name, "boot");
    *found = *cam->localisation;
    return 0;
}

static void test_masks(void **state)
{
    (void)state;
    const char *names_of_ten[10] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "boot"};
    const char *mask_folder = temporary_path("masks"), *names_path = temporary_path("names.txt");
    FILE *names_file = fopen(names_path, "w");
    fputs("a\nb\nc\nd\ne\nf\ng\nh\ni\nboot\n", names_file);
    fclose(names_file);
    uint8_t mask[28 * 30] = {0}, packed[28 * 28] = {0};
    for (int y = 14; y < 28; y++) {
        memset(mask + y * 30, 7, 28);
        memset(packed + y * 28, 7, 28);
    }
    struct fovea_image picture = pictures[0];
    picture.mask = mask;
    picture.mask_stride = 30;
    assert_int_equal(mkdir(mask_folder, 0777), 0);
    struct error failure = ERROR_INITIALISER;
    char path[256];
    snprintf(path, sizeof path, "%.150s/%.63s", mask_folder, names[0]);
    struct image written = {.width = 28, .height = 28, .channels = 1, .pixels = packed};
    assert_int_equal(image_write_png(fovea->context->memory, path, &written, &failure), 0);
    struct fovea_localisation found[2] = {{.energy = -1}, {.energy = -2}};
    struct fovea_feed feeds[2] = {{.path = "models/images/00000_ankle-boot.png"},
                                  {.images = &picture, .image_count = 1}};
    for (int i = 0; i < 2; i++) {
        struct fovea_samples samples = {.feeds = &feeds[i], .feed_count = 1, .labels = i ? NULL : names_path};
        if (i) {
            samples.class_names = names_of_ten;
            samples.class_count = 10;
        }
        struct fovea_cam_options options = {
            .samples = samples, .class_index = 9, .unit = {-1, -1}, .masks = i ? NULL : mask_folder};
        int code = fovea_cam(model, &options, note_mask, &found[i], &error);
        assert_string_equal(error.message, "");
        assert_int_equal(code, 0);
    }
    assert_memory_equal(&found[0], &found[1], sizeof found[0]);
    assert_true(found[0].energy > 0);
    struct fovea_samples samples = {.feeds = &feeds[1], .feed_count = 1, .class_names = names_of_ten, .class_count = 9};
    struct fovea_cam_options options = {.samples = samples, .class_index = 9, .unit = {-1, -1}};
    assert_int_equal(fovea_cam(model, &options, note_mask, &found[0], &error), -1);
    assert_refused("there are 9 names in it, the model has 10");
}

/* A field beside one at hand, as beside one in a file. */
static void test_compare(void **state)
{
    (void)state;
    struct fovea_samples samples = {.feeds = &in_memory, .feed_count = 1, .limit = 3};
    struct fovea_erf_options options = {.samples = samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
    struct fovea_erf first, second[2];
    const char *results = temporary_path("erf");
    assert_int_equal(fovea_erf(model, &options, &first, &error), 0);
    assert_int_equal(fovea_erf_write(model, &first, results, false, false, &error), 0);
    options.unit[0] = options.unit[1] = 0;
    for (int i = 0; i < 2; i++) {
        options.compare = i ? NULL : results;
        options.compare_with = i ? &first : NULL;
        assert_int_equal(fovea_erf(model, &options, &second[i], &error), 0);
        assert_non_null(second[i].comparison);
    }
    assert_true(second[0].comparison->overlap == second[1].comparison->overlap);
    assert_true(second[0].comparison->overlap < 1);
    assert_true(second[0].comparison->correlation == second[1].comparison->correlation);
    struct fovea_erf small = first, third;
    small.height--;
    options.compare_with = &small;
    assert_int_equal(fovea_erf(model, &options, &third, &error), -1);
    assert_refused("compare fields of one size");
    fovea_erf_free(&first);
    fovea_erf_free(&second[0]);
    fovea_erf_free(&second[1]);
}

static void test_audit(void **state)
{
    (void)state;
    struct fovea_samples samples = {.feeds = &in_memory, .feed_count = 1, .limit = 4};
    struct fovea_audit_options options = {.samples = samples};
    struct fovea_audit audit;
    watch_files();
    assert_int_equal(fovea_audit(model, &options, &audit, &error), 0);
    assert_no_files();
    assert_int_equal(audit.images, 4);
    fovea_audit_free(&audit);
}

static void refuse_feed(struct fovea_feed feed, const char *words)
{
    struct fovea_samples samples = {.feeds = &feed, .feed_count = 1};
    struct fovea_erf_options erf_options = {.samples = samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
    struct fovea_session_options options = {.feeds = &feed, .feed_count = 1};
    struct fovea_erf erf;
    assert_null(fovea_session_open(model, &options, &error));
    assert_refused(words);
    assert_int_equal(fovea_erf(model, &erf_options, &erf, &error), -1);
    assert_refused(words);
}

static void refuse_image(struct fovea_image image, const char *words)
{
    refuse_feed((struct fovea_feed){.images = &image, .image_count = 1}, words);
}

static void refuse_audit(const struct fovea_audit_options *options, const char *words)
{
    struct fovea_audit audit;
    assert_int_equal(fovea_audit(model, options, &audit, &error), -1);
    assert_refused(words);
}

static void test_options_that_do_nothing(void **state)
{
    (void)state;
    refuse_audit(&(struct fovea_audit_options){.task = "large-detail"}, "`task` is 'large-detail'");
    refuse_audit(&(struct fovea_audit_options){.input_size = {5, 0}}, "both a height and a width");
    const struct fovea_feed feed = {.images = pictures, .image_count = 1};
    struct fovea_erf_options options = fovea_erf_options_default();
    struct fovea_erf erf;
    options.samples = (struct fovea_samples){.feeds = &feed, .feed_count = 1, .class_count = 10};
    assert_int_equal(fovea_erf(model, &options, &erf, &error), -1);
    assert_refused("10 names of classes, but no list");
}

static int fail_silently(void *user, const struct fovea_cam *cam, struct fovea_error *told)
{
    (void)user, (void)cam, (void)told;
    return 1;
}

static void test_callback_without_a_message(void **state)
{
    (void)state;
    const struct fovea_feed feed = {.images = pictures, .image_count = 1};
    struct fovea_cam_options options = fovea_cam_options_default();
    options.samples.feeds = &feed;
    options.samples.feed_count = 1;
    assert_int_equal(fovea_cam(model, &options, fail_silently, NULL, &error), -1);
    assert_refused("callback that takes maps failed");
}

static void test_hostile_feeds(void **state)
{
    (void)state;
    uint8_t pixels[12] = {0};
    float numbers[4] = {0};
    refuse_image((struct fovea_image){NULL, 2, 2, .stride = 0}, "has no pixels");
    refuse_image((struct fovea_image){pixels, -2, 2, .stride = 0}, "outside the limits");
    refuse_image((struct fovea_image){pixels, 2, 0, .stride = 0}, "outside the limits");
    refuse_image((struct fovea_image){pixels, INT64_MAX, INT64_MAX, .stride = 0}, "outside the limits");
    refuse_image((struct fovea_image){pixels, 2, 2, .stride = 5}, "are 5 bytes apart");
    refuse_image((struct fovea_image){pixels, 2, 2, .stride = -6}, "are -6 bytes apart");
    refuse_image((struct fovea_image){pixels, 2, 2, .stride = INT64_MAX}, "bytes apart");
    refuse_image((struct fovea_image){pixels, 2, 2, .mask = pixels, .mask_stride = 1}, "the mask has rows");
    refuse_feed((struct fovea_feed){.images = pictures, .image_count = 0}, "number 0");
    refuse_feed((struct fovea_feed){.images = pictures, .image_count = -1}, "number -1");
    refuse_feed((struct fovea_feed){.name = NULL}, "one of them, not 0");
    refuse_feed((struct fovea_feed){.path = list, .images = pictures, .image_count = 1}, "one of them, not 2");
    struct fovea_tensor tensor = {
        .type = "float", .rank = 4, .dims = {1, 1, 2, 2}, .data = numbers, .bytes = sizeof numbers};
    const struct fovea_feed feed = {.tensor = &tensor};
    const struct fovea_feed twice[2] = {feed, feed};
    const struct fovea_session_options options = {.feeds = twice, .feed_count = 2};
    tensor.dims[2] = tensor.dims[3] = 1;
    tensor.bytes = sizeof *numbers;
    assert_null(fovea_session_open(model, &options, &error));
    assert_refused("is given twice");
    tensor.dims[2] = tensor.dims[3] = 2;
    tensor.bytes = sizeof numbers;
    tensor.bytes--;
    refuse_feed(feed, "15 bytes, its type and shape need 16");
    tensor.bytes++;
    tensor.data = NULL;
    refuse_feed(feed, "0 bytes");
    tensor.data = numbers;
    tensor.rank = 9;
    refuse_feed(feed, "9 dimensions");
    tensor.rank = -1;
    refuse_feed(feed, "-1 dimensions");
    tensor.rank = 4;
    tensor.dims[0] = -1;
    refuse_feed(feed, "negative");
    tensor.dims[0] = INT64_MAX;
    refuse_feed(feed, "elements");
    tensor.dims[0] = 1;
    tensor.type = "colour";
    refuse_feed(feed, "of type colour");
    tensor.type = NULL;
    refuse_feed(feed, "of type NULL");
}

/* ---- labelled samples ---- */

struct giver {
    int calls, inside, most_inside;
    int64_t broken; /* sample that cannot be had; -1: none */
    int64_t wide;   /* sample whose rows do not fit; -1: none */
    bool tests;     /* the last quarter is for testing */
    bool cancels;
    int fickle; /* after so many calls it gives nothing; 0: never */
};

static int give(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *report)
{
    struct giver *giver = user;
    int inside = __atomic_add_fetch(&giver->inside, 1, __ATOMIC_SEQ_CST);
    giver->most_inside = inside > giver->most_inside ? inside : giver->most_inside;
    giver->calls++;
    sample->image = pictures[index];
    sample->label = labels[index];
    sample->split = giver->tests && index >= COUNT * 3 / 4 ? FOVEA_SPLIT_TEST : FOVEA_SPLIT_TRAIN;
    if (index == giver->wide)
        sample->image.stride = 7;
    if (giver->cancels)
        report->code = FOVEA_CANCELLED;
    if (giver->fickle > 0 && giver->calls > giver->fickle)
        sample->image = (struct fovea_image){.height = 28, .width = 28};
    if (index == giver->broken)
        snprintf(report->message, sizeof report->message, "the camera was covered");
    __atomic_sub_fetch(&giver->inside, 1, __ATOMIC_SEQ_CST);
    return index == giver->broken || giver->cancels ? 1 : 0;
}

static struct fovea_tune_options tune_options(const struct fovea_data data)
{
    struct fovea_tune_options options = {.data = data, .epochs = 2, .batch = 8, .momentum = 0.9, .rate = 0.003};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    options.augment.flip = 0.5;
    return options;
}

/* Trains to memory; the bytes are the caller's. */
static void *tune(const struct fovea_tune_options *options, size_t *length)
{
    struct fovea_model *tuned;
    struct fovea_tune result;
    void *saved;
    int code = fovea_tune_model(model, options, NULL, &tuned, &result, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(code, 0);
    fovea_tune_free(&result);
    assert_int_equal(fovea_model_save_memory(tuned, &saved, length, &error), 0);
    fovea_model_free(tuned);
    return saved;
}

/* Trained on a list into a file, into memory, and on callbacks, here or on other threads: the same model. */
static void test_tune(void **state)
{
    (void)state;
    struct giver giver = {.broken = -1, .wide = -1};
    struct fovea_sample_source source = {.count = COUNT, .classes = 10, .sample = give, .user = &giver};
    struct fovea_tune_options options = tune_options((struct fovea_data){.path = list, .ignore = -1});
    const char *path = temporary_path("tuned.onnx");
    struct fovea_tune result;
    assert_int_equal(fovea_tune(model, &options, path, false, NULL, &result, &error), 0);
    fovea_tune_free(&result);
    size_t lengths[2];
    void *saved[2];
    saved[0] = tune(&options, &lengths[0]);
    assert_file_equal(path, saved[0], lengths[0]);
    for (int threads = 0; threads < 2; threads++) {
        source.threads = threads > 0;
        options.data = (struct fovea_data){.source = &source, .ignore = -1};
        watch_files();
        saved[1] = tune(&options, &lengths[1]);
        assert_no_files();
        assert_int_equal(lengths[0], lengths[1]);
        assert_memory_equal(saved[0], saved[1], lengths[0]);
        fovea_bytes_free(fovea, saved[1]);
        assert_true(giver.calls > 2 * COUNT);
        assert_int_equal(giver.most_inside, 1);
    }
    fovea_bytes_free(fovea, saved[0]);
}

/* A teacher and a control that are objects, as those of paths; and a rewrite in between. */
static void test_tune_models(void **state)
{
    (void)state;
    struct fovea_tune_options options = tune_options((struct fovea_data){.path = list, .ignore = -1});
    struct fovea_tune results[2];
    struct fovea_model *tuned[2];
    options.teacher_weight = 0.5;
    for (int i = 0; i < 2; i++) {
        options.teacher = options.control = i ? NULL : MODEL;
        options.teacher_model = options.control_model = i ? model : NULL;
        assert_int_equal(fovea_tune_model(model, &options, NULL, &tuned[i], &results[i], &error), 0);
        assert_int_equal(results[i].run_count, 2);
        assert_string_equal(results[i].runs[1].model, MODEL);
    }
    assert_true(results[0].epochs[3].loss == results[1].epochs[3].loss);
    assert_true(results[0].epochs[0].loss == results[1].epochs[0].loss);
    struct fovea_tune_options again = tune_options(options.data);
    size_t length;
    void *plain = tune(&again, &length), *taught;
    size_t taught_length;
    assert_int_equal(fovea_model_save_memory(tuned[1], &taught, &taught_length, &error), 0);
    assert_true(length != taught_length || memcmp(plain, taught, length) != 0);
    fovea_bytes_free(fovea, plain);
    fovea_bytes_free(fovea, taught);
    for (int i = 0; i < 2; i++) {
        fovea_tune_free(&results[i]);
        fovea_model_free(tuned[i]);
    }
}

static void test_eval(void **state)
{
    (void)state;
    struct giver giver = {.broken = -1, .wide = -1, .tests = true};
    struct fovea_sample_source source = {.count = COUNT, .sample = give, .user = &giver};
    struct fovea_data data = {.source = &source, .ignore = -1}, file = {.path = list, .ignore = -1};
    struct fovea_eval evals[3];
    for (int i = 0; i < 3; i++) {
        giver.tests = i == 2;
        struct fovea_eval_options options = {.data = i ? &data : &file};
        assert_int_equal(fovea_eval(model, NULL, &options, &evals[i], &error), 0);
        assert_int_equal(evals[i].images, i == 2 ? COUNT / 4 : COUNT);
    }
    assert_true(evals[0].data.metrics[0].top1 == evals[1].data.metrics[0].top1);
    assert_true(evals[0].rows[0].scores[0].confidence == evals[1].rows[0].scores[0].confidence);
    assert_string_equal(evals[1].data.path, "the samples");
    assert_string_equal(evals[2].data.split, "test");
    for (int i = 0; i < 3; i++)
        fovea_eval_free(&evals[i]);
}

static void refuse_data(const struct fovea_sample_source *source, const char *words)
{
    struct fovea_data data = {.source = source, .ignore = -1};
    struct fovea_eval_options options = {.data = &data};
    struct fovea_tune_options training = tune_options(data);
    struct fovea_model *tuned;
    struct fovea_tune result;
    struct fovea_eval eval;
    assert_int_equal(fovea_eval(model, NULL, &options, &eval, &error), -1);
    assert_refused(words);
    assert_int_equal(fovea_tune_model(model, &training, NULL, &tuned, &result, &error), -1);
    assert_null(tuned);
    assert_refused(words);
}

/* Two models held against each other on pictures in memory, and both judged on them. */
static void test_two_models(void **state)
{
    (void)state;
    struct fovea_rewrite rewrite;
    struct fovea_model *other;
    struct fovea_rewrite_options options = {.apply = (const char *const[]){"kernel-padding"}, .apply_count = 1};
    assert_int_equal(fovea_rewrite_model(model, &options, &other, &rewrite, &error), 0);
    assert_true(rewrite.applied > 0);
    fovea_rewrite_free(&rewrite);
    struct fovea_samples samples = {.feeds = &in_memory, .feed_count = 1, .limit = 8};
    struct fovea_diff_options diff_options = {.run = true, .samples = samples, .atol = 1e-5, .rtol = 1e-4};
    struct fovea_eval_options eval_options = {.samples = samples};
    struct fovea_diff diff;
    struct fovea_eval eval;
    watch_files();
    assert_int_equal(fovea_diff(model, other, &diff_options, &diff, &error), 0);
    assert_int_equal(fovea_eval(model, other, &eval_options, &eval, &error), 0);
    assert_no_files();
    assert_int_equal(diff.samples, 8);
    assert_true(diff.change_count > 0);
    assert_int_equal(diff.departing, 0);
    assert_int_equal(eval.images, 8);
    assert_true(eval.same_prediction == 1);
    assert_string_equal(diff.paths[1], MODEL " (rewritten)");
    fovea_diff_free(&diff);
    fovea_eval_free(&eval);
    fovea_model_free(other);
}

/* An analysis of labelled samples that come one by one. */
static void test_source_of_feed(void **state)
{
    (void)state;
    struct giver giver = {.broken = -1, .wide = -1};
    struct fovea_sample_source source = {.count = 5, .sample = give, .user = &giver};
    struct fovea_feed feed = {.source = &source}, file = {.path = list};
    struct fovea_erf erf[2];
    for (int i = 0; i < 2; i++) {
        struct fovea_samples samples = {.feeds = i ? &feed : &file, .feed_count = 1, .limit = 5};
        struct fovea_erf_options options = {.samples = samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_LABEL};
        assert_int_equal(fovea_erf(model, &options, &erf[i], &error), 0);
    }
    assert_int_equal(erf[1].images, 5);
    assert_memory_equal(erf[0].map, erf[1].map, (size_t)(erf[0].height * erf[0].width) * sizeof *erf[0].map);
    fovea_erf_free(&erf[0]);
    fovea_erf_free(&erf[1]);
}

/* Weights of the classes from a list as from a file. */
static void test_class_weights(void **state)
{
    (void)state;
    double weights[10] = {1, 2, 3, 4, 5, 0.5, 0.25, 1, 1, 2};
    const char *path = temporary_path("weights.txt");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 10; i++)
        fprintf(file, "%g\n", weights[i]);
    fclose(file);
    struct fovea_tune_options options = tune_options((struct fovea_data){.path = list, .ignore = -1});
    void *saved[3];
    size_t lengths[3];
    saved[2] = tune(&options, &lengths[2]);
    options.class_weights = path;
    saved[0] = tune(&options, &lengths[0]);
    options.class_weights = NULL;
    options.class_weight_list = weights;
    options.class_weight_count = 10;
    saved[1] = tune(&options, &lengths[1]);
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(saved[0], saved[1], lengths[0]);
    assert_true(lengths[2] != lengths[0] || memcmp(saved[0], saved[2], lengths[0]) != 0);
    for (int i = 0; i < 3; i++)
        fovea_bytes_free(fovea, saved[i]);
    struct fovea_model *tuned;
    struct fovea_tune result;
    options.class_weight_count = 9;
    assert_int_equal(fovea_tune_model(model, &options, NULL, &tuned, &result, &error), -1);
    assert_refused("9 weights for 10 classes");
    options.class_weight_count = 10;
    weights[3] = (double)NAN;
    assert_int_equal(fovea_tune_model(model, &options, NULL, &tuned, &result, &error), -1);
    assert_refused("the weight of class 3");
    options.class_weight_list = NULL;
    assert_int_equal(fovea_tune_model(model, &options, NULL, &tuned, &result, &error), -1);
    assert_refused("10 weights of classes, but no list");
}

static void test_hostile_data(void **state)
{
    (void)state;
    struct giver giver = {.broken = -1, .wide = -1};
    struct fovea_sample_source source = {.count = COUNT, .sample = give, .user = &giver};
    const char *const class_names[10] = {"a", "b"};
    giver.wide = 3;
    refuse_data(&source, "bytes apart");
    giver.wide = -1;
    giver.broken = 5;
    refuse_data(&source, "00005_trouser.png: the camera was covered");
    struct fovea_data data = {.source = &source, .ignore = -1, .skip_broken = true};
    struct fovea_eval eval;
    assert_int_equal(fovea_eval(model, NULL, &(struct fovea_eval_options){.data = &data}, &eval, &error), 0);
    assert_int_equal(eval.images, COUNT - 1);
    fovea_eval_free(&eval);
    giver.broken = -1;
    labels[7] = 10;
    refuse_data(&source, "label 10");
    labels[7] = -2;
    refuse_data(&source, "its label is -2");
    labels[7] = 70000;
    refuse_data(&source, "its label is 70000");
    labels[7] = 0;
    source.masks = true;
    refuse_data(&source, "it has no mask");
    source.masks = false;
    source.count = 0;
    refuse_data(&source, "0 samples");
    source.count = INT64_MAX;
    refuse_data(&source, "samples are not between");
    source.count = COUNT;
    source.classes = -1;
    refuse_data(&source, "-1 classes");
    source.classes = 10;
    source.class_names = class_names;
    refuse_data(&source, "class 2 of 10 has no name");
    source.class_names = NULL;
    source.classes = 3;
    refuse_data(&source, "label 9 is none of the 3 classes");
    source.classes = 10;
    source.sample = NULL;
    refuse_data(&source, "there is no callback");
    source.sample = give;
    giver.fickle = giver.calls + COUNT;
    refuse_data(&source, "has no pixels");
    giver.fickle = 0;
    giver.cancels = true;
    assert_int_equal(fovea_eval(model, NULL, &(struct fovea_eval_options){.data = &data}, &eval, &error), -1);
    assert_int_equal(error.code, FOVEA_CANCELLED);
    error = (struct fovea_error){0};
    giver.cancels = false;
    data.path = list;
    assert_int_equal(fovea_eval(model, NULL, &(struct fovea_eval_options){.data = &data}, &eval, &error), -1);
    assert_refused("not both");
}

/* Wherever memory ends the error says so, and all of it is given back with the model. */
static void test_memory_ends(void **state)
{
    (void)state;
    struct giver giver = {.broken = -1, .wide = -1};
    struct fovea_sample_source source = {.count = 3, .sample = give, .user = &giver};
    struct fovea_data data = {.source = &source, .ignore = -1};
    struct fovea_eval_options options = {.data = &data};
    struct memory *memory = fovea->context->memory;
    int code = -1;
    for (size_t n = 1; code; n += 1 + n / 16) {
        struct fovea_eval eval;
        memory_fail_after(memory, n);
        code = fovea_eval(model, NULL, &options, &eval, &error);
        memory_fail_after(memory, 0);
        if (code)
            assert_int_equal(error.kind, FOVEA_ERROR_MEMORY);
        else
            fovea_eval_free(&eval);
        error = (struct fovea_error){0};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {DATA_TEST(test_run),
                                       DATA_TEST(test_erf),
                                       DATA_TEST(test_cam),
                                       DATA_TEST(test_masks),
                                       DATA_TEST(test_two_models),
                                       DATA_TEST(test_compare),
                                       DATA_TEST(test_source_of_feed),
                                       DATA_TEST(test_class_weights),
                                       DATA_TEST(test_audit),
                                       DATA_TEST(test_hostile_feeds),
                                       DATA_TEST(test_options_that_do_nothing),
                                       DATA_TEST(test_callback_without_a_message),
                                       DATA_TEST(test_tune),
                                       DATA_TEST(test_tune_models),
                                       DATA_TEST(test_eval),
                                       DATA_TEST(test_hostile_data),
                                       DATA_TEST(test_memory_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
