#include "scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static const struct dataset_options plain = {.ignore = -1};

static void assert_refused(const struct scratch *scratch, const char *path, const struct dataset_options *options,
                           const char *part)
{
    struct error error = ERROR_INITIALISER;
    assert_null(dataset_open(scratch->memory, path, options, &error));
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void assert_sample(const struct dataset *dataset, enum fovea_split split, int64_t index, const char *name,
                          int64_t label)
{
    char got[DATASET_NAME_SIZE];
    assert_true(index < dataset_count(dataset, split));
    assert_string_equal(dataset_name(dataset, split, index, got), name);
    assert_int_equal(dataset_label(dataset, split, index), label);
}

/* Checks with the options of opening; what it says, or "" where all is well. */
static const char *check_message(struct dataset *dataset, bool decode, struct dataset_report *report)
{
    static struct error error;
    error = (struct error)ERROR_INITIALISER;
    int result = dataset_check(dataset, NULL, decode, NULL, report, &error);
    assert_int_equal(result, error.kind == ERROR_NONE ? 0 : -1);
    return error.message;
}

static void folders_are_classes(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    put_picture(scratch, "rgb.jpg", "flat/dog/1.jpg", 0);
    put_picture(scratch, "rgb8.png", "flat/cat/x/2.png", 0);
    put_picture(scratch, "rgb8.png", "flat/train/2.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "flat"), &plain);
    assert_int_equal(dataset_classes(dataset), 3);
    assert_string_equal(dataset_class_name(dataset, 2), "train");
    assert_null(dataset_class_name(dataset, 3));
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 3);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "cat/x/2.png", 0);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "dog/1.jpg", 1);
    assert_string_equal(check_message(dataset, true, &report), "");
    assert_int_equal(report.counts[FOVEA_SPLIT_TRAIN][1], 1);
    dataset_report_release(&report);
    dataset_close(dataset);
    put_picture(scratch, "rgb8.png", "flat/stray.png", 0);
    assert_refused(scratch, scratch_path(scratch, "flat"), &plain, "stray.png lies in no folder");
    put_picture(scratch, "rgb8.png", "one/cat/2.png", 0);
    assert_refused(scratch, scratch_path(scratch, "one"), &plain, "one class folder only");
    scratch_path(scratch, "empty/x");
    assert_refused(scratch, scratch_path(scratch, "empty"), &plain, "no images");
}

static void folders_are_splits_of_classes(void **state)
{
    struct scratch *scratch = *state;
    static const char *const model[] = {"bird", "cat", "cow", "dog"};
    const struct class_names names = {.count = 4, .names = (const char **)(uintptr_t)model};
    put_picture(scratch, "rgb8.png", "all/train/dog/1.png", 0);
    put_picture(scratch, "rgb8.png", "all/train/cat/2.png", 0);
    put_picture(scratch, "rgb8.png", "all/val/dog/1.png", 0);
    put_picture(scratch, "rgb8.png", "all/test/cat/1.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "all"), &plain);
    assert_int_equal(dataset_classes(dataset), 2);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 2);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "train/dog/1.png", 1);
    assert_sample(dataset, FOVEA_SPLIT_VALIDATION, 0, "val/dog/1.png", 1);
    assert_sample(dataset, FOVEA_SPLIT_TEST, 0, "test/cat/1.png", 0);
    dataset_close(dataset);
    struct dataset_options named = plain;
    named.names = &names;
    dataset = open_dataset(scratch, scratch_path(scratch, "all"), &named);
    assert_int_equal(dataset_classes(dataset), 4);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "train/cat/2.png", 1);
    assert_sample(dataset, FOVEA_SPLIT_VALIDATION, 0, "val/dog/1.png", 3);
    assert_string_equal(dataset_class_name(dataset, 2), "cow");
    dataset_close(dataset);
}

/* Folders that are numbers with gaps, and names spelled otherwise than the model spells them. */
static void folders_may_skip_classes(void **state)
{
    struct scratch *scratch = *state;
    static const char *const model[] = {"bird", "black cat", "cow", "dog"};
    const struct class_names names = {.count = 4, .names = (const char **)(uintptr_t)model};
    struct dataset_options named = plain;
    put_picture(scratch, "rgb8.png", "numbers/1/1.png", 0);
    put_picture(scratch, "rgb8.png", "numbers/5/2.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "numbers"), &plain);
    assert_int_equal(dataset_classes(dataset), 6);
    assert_null(dataset_class_name(dataset, 5));
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "5/2.png", 5);
    dataset_close(dataset);
    named.names = &names;
    put_picture(scratch, "rgb8.png", "words/Black_Cat/1.png", 0);
    put_picture(scratch, "rgb8.png", "words/DOG/2.png", 0);
    dataset = open_dataset(scratch, scratch_path(scratch, "words"), &named);
    assert_int_equal(dataset_classes(dataset), 4);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "Black_Cat/1.png", 1);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "DOG/2.png", 3);
    assert_string_equal(dataset_class_name(dataset, 1), "black cat");
    dataset_close(dataset);
}

/* Files of other kinds are counted and named, images are told by their bytes, and a class without any is refused. */
static void other_files_are_told(void **state)
{
    struct scratch *scratch = *state;
    char text[DATASET_NOTE_SIZE];
    static const char bmp[] = "BM\x36\x09\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
    put_picture(scratch, "rgb8.png", "mix/cat/noext", 0);
    put_picture(scratch, "rgb_lossy.webp", "mix/cat/b.webp", 0);
    put_picture(scratch, "rgb.jpg", "mix/dog/c.jfif", 0);
    put_picture(scratch, "rgb.jpg", "mix/dog/d.dat", 0);
    put_bytes(scratch, "mix/dog/e.bmp", bmp, sizeof bmp);
    put_bytes(scratch, "mix/dog/f.bmp", bmp, sizeof bmp);
    put_text(scratch, "mix/dog/Thumbs.db", "x");
    put_text(scratch, "mix/dog/.hidden", "x");
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "mix"), &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 4);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "cat/noext", 0);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 3, "dog/d.dat", 1);
    assert_string_equal(dataset_left_out_words(dataset, text), "1 other (dog/Thumbs.db), 2 BMP (dog/e.bmp, ...)");
    dataset_close(dataset);
    put_bytes(scratch, "mix/cow/e.bmp", bmp, sizeof bmp);
    assert_refused(scratch, scratch_path(scratch, "mix"), &plain, "in the class folder \"cow\"; left out are");
    put_picture(scratch, "rgb.jpg", "split/train/a/1.jpg", 0);
    put_picture(scratch, "rgb.jpg", "split/train/b/1.jpg", 0);
    put_picture(scratch, "rgb.jpg", "split/val/b/1.jpg", 0);
    put_text(scratch, "split/val/a/readme", "");
    dataset = open_dataset(scratch, scratch_path(scratch, "split"), &plain);
    assert_null(strstr(dataset_left_out_words(dataset, text), "b/1.jpg"));
    dataset_close(dataset);
    put_text(scratch, "split/val/c/readme", "");
    assert_refused(scratch, scratch_path(scratch, "split"), &plain, "in the class folder \"c\"");
    put_bytes(scratch, "bmps/a/e.bmp", bmp, sizeof bmp);
    assert_refused(scratch, scratch_path(scratch, "bmps"), &plain, "but 1 BMP (a/e.bmp)");
    put_picture(scratch, "rgb.jpg", "list/a.jpg", 0);
    put_picture(scratch, "rgb.jpg", "list/b.jpg", 0);
    put_text(scratch, "list/labels.csv", "a.jpg,0\n");
    dataset = open_dataset(scratch, scratch_path(scratch, "list"), &plain);
    assert_string_equal(dataset_left_out_words(dataset, text), "1 not in labels.csv (b.jpg)");
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 1);
    dataset_close(dataset);
}

/* Class folders may be links, as may files; in circles none goes. */
static void links_are_followed(void **state)
{
    struct scratch *scratch = *state;
    char text[DATASET_NOTE_SIZE], target[512];
    put_picture(scratch, "rgb8.png", "store/cats/1.png", 0);
    put_picture(scratch, "rgb8.png", "set/dog/2.png", 0);
    snprintf(target, sizeof target, "%s/store/cats", scratch->folder);
    assert_int_equal(symlink(target, scratch_path(scratch, "set/cat")), 0);
    assert_int_equal(symlink("..", scratch_path(scratch, "set/dog/up")), 0);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "set"), &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 2);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "cat/1.png", 0);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "dog/2.png", 1);
    assert_string_equal(dataset_left_out_words(dataset, text), "1 linked folders that lead back (dog/up)");
    dataset_close(dataset);
}

/* As stored, counted; or turned, when a mask has to fit what results. */
static void orientations_are_counted_or_applied(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    struct image image;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/masks", scratch->folder);
    const struct dataset_options options = {.masks = masks, .ignore = 255};
    put_picture(scratch, "turned.jpg", "images/a.jpg", 0);
    put_picture(scratch, "rgb.jpg", "images/b.jpg", 0);
    put_ramp(scratch, "masks/a.png", 37, 29, 1, 0, 3);
    put_ramp(scratch, "masks/b.png", 37, 29, 1, 0, 3);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "images"), &options);
    assert_string_equal(check_message(dataset, false, &report), "");
    assert_int_equal(dataset_unturned(dataset), 1);
    dataset_report_release(&report);
    dataset_turn_upright(dataset, true);
    assert_non_null(
        strstr(check_message(dataset, false, &report), "masks/a.png: the mask has 37x29 pixels, its image 29x37"));
    dataset_report_release(&report);
    put_ramp(scratch, "masks/a.png", 29, 37, 1, 0, 3);
    for (int decode = 0; decode < 2; decode++) {
        assert_string_equal(check_message(dataset, decode, &report), "");
        dataset_report_release(&report);
    }
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 0, &image, NULL, NULL), 0);
    assert_int_equal(image.height, 37);
    image_release(scratch->memory, &image);
    dataset_close(dataset);
}

static void lists_give_labels_and_splits(void **state)
{
    struct scratch *scratch = *state;
    put_text(
        scratch, "a.csv",
        "File,Label,Split\r\n\"x, \"\"y\"\".png\" , dog ,train\r\n# no\r\n\r\nb.jpg,cat,VAL\r\nc.png,\"dog\",\r\n");
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "a.csv"), &plain);
    assert_int_equal(dataset_classes(dataset), 2);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "x, \"y\".png", 1);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "c.png", 1);
    assert_sample(dataset, FOVEA_SPLIT_VALIDATION, 0, "b.jpg", 0);
    dataset_close(dataset);
    put_text(scratch, "labels.csv", "a,b.png\t007\nc.png\t2");
    dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_int_equal(dataset_classes(dataset), 8);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "a,b.png", 7);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 1, "c.png", 2);
    dataset_close(dataset);
}

static void bad_lists_are_refused(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        const char *text, *message;
    } lists[] = {
        {"", "no samples"},
        {"file,label\n", "no samples"},
        {"a.png\n", "line 1: there is 1 field between"},
        {"a.png,1\n,2\n", "line 2: there is no file name"},
        {"a.png,\n", "line 1: there is no label"},
        {"a.png,1,2,3\n", "there are 4 fields"},
        {"a.png,1,later\n", "\"later\" is not a split"},
        {"a.txt,1\n", "\"a.txt\" is no image (PNG, JPEG, WebP)"},
        {"\n\"a.png,1\n", "line 2: a quote is not closed"},
        {"\"a.png\"x,1\n", "text behind a closing quote"},
        {"\"", "a quote is not closed"},
        {"a.png,1\nb.png,cat\n", "line 2: labels are numbers or names"},
        {"a.png,99999999999999999999\n", "line 1: the label is above"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        assert_refused(scratch, put_text(scratch, "bad.csv", lists[i].text), &plain, lists[i].message);
    assert_refused(scratch, put_bytes(scratch, "bad.csv", "a.png,1\n\0", 9), &plain, "zero bytes");
    assert_refused(scratch, scratch_path(scratch, "missing.csv"), &plain, "missing.csv");
}

static void shares_are_stratified_and_fixed(void **state)
{
    struct scratch *scratch = *state;
    static char text[20000];
    size_t length = 0;
    for (int i = 0; i < 300; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%03d.png,%d\n", i, i % 3 ? 1 : 0);
    put_text(scratch, "list.csv", text);
    struct dataset_options options = plain;
    options.validation_share = 0.2;
    int64_t sums[3];
    for (int run = 0; run < 3; run++) {
        options.seed = run == 2 ? 8 : 7;
        struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "list.csv"), &options);
        int64_t ones = 0;
        assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_VALIDATION), 60);
        assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 240);
        sums[run] = 0;
        for (int64_t i = 0; i < 60; i++) {
            char name[DATASET_NAME_SIZE];
            ones += dataset_label(dataset, FOVEA_SPLIT_VALIDATION, i);
            sums[run] = sums[run] * 7 % 1000003 + atoi(dataset_name(dataset, FOVEA_SPLIT_VALIDATION, i, name));
        }
        assert_int_equal(ones, 40);
        dataset_close(dataset);
    }
    assert_int_equal(sums[0], sums[1]);
    assert_int_not_equal(sums[0], sums[2]);
    options.validation_share = 1;
    assert_refused(scratch, scratch_path(scratch, "list.csv"), &options, "validation share");
}

static void broken_samples_are_named_or_left_out(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    struct dataset_options options = plain;
    put_picture(scratch, "rgb.jpg", "good.jpg", 0);
    put_picture(scratch, "rgb.jpg", "short.jpg", 900);
    put_text(scratch, "text.jpg", "no image");
    put_text(scratch, "l.csv", "good.jpg,0\nshort.jpg,1\nmissing.png,1\ntext.jpg,2\n");
    const char *path = scratch_path(scratch, "l.csv");
    struct dataset *dataset = open_dataset(scratch, path, &options);
    const char *message = check_message(dataset, false, &report);
    assert_non_null(strstr(message, "short.jpg: the JPEG image is damaged"));
    assert_non_null(strstr(message, "(3 of 4 files are broken; `skip_broken` leaves them out)"));
    assert_int_equal(report.broken, 3);
    dataset_report_release(&report);
    assert_non_null(strstr(check_message(dataset, true, &report), "short.jpg: "));
    assert_int_equal(report.broken, 3);
    assert_int_equal(report.problem_count, 3);
    assert_string_equal(report.problems[2].name, "text.jpg");
    dataset_report_release(&report);
    dataset_close(dataset);
    options.skip_broken = true;
    options.classes = 3;
    dataset = open_dataset(scratch, path, &options);
    assert_string_equal(check_message(dataset, true, &report), "");
    assert_int_equal(report.left_out, 3);
    assert_int_equal(report.counts[FOVEA_SPLIT_TRAIN][0], 1);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 1);
    dataset_report_release(&report);
    dataset_close(dataset);
    options.classes = 2;
    put_text(scratch, "l.csv", "good.jpg,0\nmissing.png,1\ngood.jpg,2\n");
    dataset = open_dataset(scratch, path, &options);
    assert_string_equal(check_message(dataset, true, &report), "good.jpg: label 2, but there are 2 classes");
    assert_int_equal(report.out_of_range, 1);
    dataset_report_release(&report);
    dataset_close(dataset);
}

static void masks_go_with_their_images(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    struct image image;
    struct index_image mask;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/masks", scratch->folder);
    struct dataset_options options = {.masks = masks, .ignore = 255};
    put_ramp(scratch, "images/train/a.png", 6, 4, 3, 0, 256);
    put_ramp(scratch, "images/val/a.b.png", 5, 5, 3, 0, 256);
    put_ramp(scratch, "masks/train/a.png", 6, 4, 1, 0, 3);
    put_ramp(scratch, "masks/val/a.b.PNG", 5, 5, 1, 250, 256);
    put_ramp(scratch, "masks/val/unused.png", 5, 5, 1, 250, 256);
    const char *path = scratch_path(scratch, "images");
    struct dataset *dataset = open_dataset(scratch, path, &options);
    assert_true(dataset_has_masks(dataset));
    assert_int_equal(dataset_classes(dataset), 0);
    assert_sample(dataset, FOVEA_SPLIT_TRAIN, 0, "train/a.png", -1);
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 0, &image, &mask, NULL), 0);
    assert_int_equal(mask.width, 6);
    assert_int_equal(mask.values[7], 1);
    image_release(scratch->memory, &image);
    index_image_release(scratch->memory, &mask);
    assert_string_equal(check_message(dataset, true, &report), "");
    assert_int_equal(report.classes, 255);
    assert_int_equal(report.counts[FOVEA_SPLIT_TRAIN][2], 8);
    assert_int_equal(report.ignored, 1);
    dataset_report_release(&report);
    dataset_close(dataset);
    options.classes = 250;
    dataset = open_dataset(scratch, path, &options);
    assert_string_equal(check_message(dataset, true, &report),
                        "val/a.b.png: the mask holds 250, but there are 250 classes");
    dataset_report_release(&report);
    dataset_close(dataset);
    options.classes = 0;
    put_ramp(scratch, "masks/train/a.png", 6, 5, 1, 0, 3);
    dataset = open_dataset(scratch, path, &options);
    assert_non_null(strstr(check_message(dataset, false, &report), "masks/train/a.png: the mask has 6x5 pixels"));
    dataset_report_release(&report);
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 0, &image, &mask, NULL), -1);
    dataset_close(dataset);
    put_ramp(scratch, "masks/train/a.png", 6, 4, 3, 0, 3);
    dataset = open_dataset(scratch, path, &options);
    assert_non_null(strstr(check_message(dataset, true, &report), "masks/train/a.png: is a colour image"));
    dataset_report_release(&report);
    dataset_close(dataset);
    put_ramp(scratch, "images/train/alone.png", 6, 4, 3, 0, 3);
    assert_refused(scratch, path, &options, "there is no mask train/alone (PNG");
    options.skip_broken = true;
    dataset = open_dataset(scratch, path, &options);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 1);
    dataset_close(dataset);
}

/* Masks are told by their bytes, whatever they are called; folders with dots in their names are no extensions. */
static void masks_are_found_by_what_they_hold(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/masks", scratch->folder);
    const struct dataset_options options = {.masks = masks, .ignore = 255};
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"v1.0/a.png", "v1.0/b.png", "v2.0/a.jpg.png", "c.png"};
        char name[64];
        snprintf(name, sizeof name, "images/%s", names[i]);
        put_ramp(scratch, name, 37, 29, 3, 0, 256);
    }
    put_ramp(scratch, "masks/v1.0/a", 37, 29, 1, 0, 3);
    put_picture(scratch, "gray8_mask.webp", "masks/v1.0/b.mask", 0);
    put_picture(scratch, "gray.jpg", "masks/v2.0/a.jpg.jpg", 0);
    put_ramp(scratch, "masks/v2.0/a.jpg.png", 37, 29, 1, 0, 3);
    put_text(scratch, "masks/v1.0/b.csv", "no mask");
    put_picture(scratch, "gray.jpg", "masks/c.jpg", 0);
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "images"), &options);
    assert_non_null(
        strstr(check_message(dataset, true, &report), "masks/c.jpg: is a JPEG image: a mask has to be PNG"));
    assert_int_equal(report.broken, 1);
    dataset_report_release(&report);
    dataset_close(dataset);
    dataset = open_dataset(scratch, scratch_path(scratch, "images"), &options); /* by its header too */
    assert_non_null(strstr(check_message(dataset, false, &report), "masks/c.jpg: is a JPEG image: a mask has to be"));
    dataset_report_release(&report);
    dataset_close(dataset);
}

/* What threads find together is what one finds. */
static void checks_in_parallel_find_the_same(void **state)
{
    struct scratch *scratch = *state;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/masks", scratch->folder);
    const struct dataset_options options = {.masks = masks, .classes = 7, .ignore = 9};
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "images/%02d.png", i);
        put_ramp(scratch, name, 8, 8, 3, i, 256);
        snprintf(name, sizeof name, "masks/%02d.png", i);
        put_ramp(scratch, name, i == 31 ? 9 : 8, 8, 1, i, i == 17 ? 9 : 7);
    }
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "images"), &options);
    struct thread_pool *pool = thread_pool_create(scratch->memory, 3, NULL);
    struct dataset_report reports[2];
    for (int i = 0; i < 2; i++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(dataset_check(dataset, i ? pool : NULL, true, NULL, &reports[i], &error), -1);
        assert_non_null(strstr(error.message, "17.png: the mask holds 8, but there are 7 classes (and 1 more)"));
        assert_int_equal(reports[i].problem_count, 2);
        assert_true(!reports[i].problems[0].broken && reports[i].problems[1].broken);
    }
    assert_memory_equal(reports[0].counts[FOVEA_SPLIT_TRAIN], reports[1].counts[FOVEA_SPLIT_TRAIN],
                        7 * sizeof(int64_t));
    for (int i = 0; i < 2; i++)
        dataset_report_release(&reports[i]);
    thread_pool_destroy(pool);
    dataset_close(dataset);
}

static void failing_allocations_leave_nothing(void **state)
{
    struct scratch *scratch = *state;
    struct dataset_report report;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/f", scratch->folder);
    put_ramp(scratch, "f/a/1.png", 4, 4, 1, 0, 3);
    put_ramp(scratch, "f/b/2.png", 4, 4, 1, 0, 3);
    put_text(scratch, "f.csv", "f/a/1.png,x,train\nf/b/2.png,y,train\n");
    const struct dataset_options options[] = {
        {.ignore = -1}, {.ignore = -1, .validation_share = 0.5}, {.ignore = -1, .masks = masks}};
    for (int i = 0; i < 3; i++) {
        const char *path = i == 1 ? scratch_path(scratch, "f.csv") : scratch_path(scratch, "f");
        for (size_t n = 1;; n++) {
            struct error error = ERROR_INITIALISER;
            memory_fail_after(scratch->memory, n);
            struct dataset *dataset = dataset_open(scratch->memory, path, &options[i], &error);
            int result = dataset ? dataset_check(dataset, NULL, true, NULL, &report, &error) : -1;
            if (dataset)
                dataset_report_release(&report);
            dataset_close(dataset);
            memory_fail_after(scratch->memory, 0);
            if (result == 0)
                break;
            assert_int_equal(error.kind, ERROR_MEMORY);
        }
    }
}

/* Lists with bytes changed at random are read or refused, and never read over their ends. */
static void damaged_lists_are_survived(void **state)
{
    struct scratch *scratch = *state;
    static const char list[] = "file,label,split\r\n\"a,\"\"b.png\",cat,train\nb.jpg , dog, val\n#x\nc.png,dog,\n";
    static const char bytes[] = "\",\n\r\t# 0a";
    uint32_t random = 1;
    for (int i = 0; i < 600; i++) {
        char text[sizeof list];
        memcpy(text, list, sizeof list);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525 + 1013904223;
            text[(random >> 8) % (sizeof list - 1)] = bytes[(random >> 24) % (sizeof bytes - 1)];
        }
        const char *path = put_bytes(scratch, "x.csv", text, sizeof list - 1 - (size_t)i % 40);
        struct error error = ERROR_INITIALISER;
        struct dataset *dataset = dataset_open(scratch->memory, path, &plain, &error);
        assert_true(dataset || error.kind == ERROR_INPUT || error.kind == ERROR_LIMIT || error.kind == ERROR_MEMORY);
        dataset_close(dataset);
    }
}

/* Opening takes neither much time nor memory for the images. */
static void many_files_take_little(void **state)
{
    struct scratch *scratch = *state;
    const int count = 20000;
    for (int i = 0; i < count; i++) {
        char path[128];
        if (i < 20) {
            snprintf(path, sizeof path, "c%02d/x", i);
            scratch_path(scratch, path);
        }
        snprintf(path, sizeof path, "%s/c%02d/image_%06d.png", scratch->folder, i % 20, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), count);
    assert_int_equal(dataset_classes(dataset), 20);
    assert_true(memory_in_use(scratch->memory) < (size_t)count * 160);
    dataset_close(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_classes, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(folders_are_splits_of_classes, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(folders_may_skip_classes, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_told, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(links_are_followed, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(orientations_are_counted_or_applied, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(lists_give_labels_and_splits, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(bad_lists_are_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(shares_are_stratified_and_fixed, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(broken_samples_are_named_or_left_out, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(masks_go_with_their_images, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(masks_are_found_by_what_they_hold, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(checks_in_parallel_find_the_same, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(failing_allocations_leave_nothing, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(damaged_lists_are_survived, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(many_files_take_little, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
