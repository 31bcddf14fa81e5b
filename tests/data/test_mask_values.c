/* What the values of masks stand for: as they are, as listed, ignored or not. */
#include "scratch.h"

struct masks {
    struct dataset_options options;
    struct dataset *dataset;
    struct dataset_report report;
    struct error error;
};

/* One image and a mask of the values, four in a row. */
static void put(const struct scratch *scratch, const int values[4])
{
    struct image mask;
    put_ramp(scratch, "images/a.png", 4, 1, 3, 0, 256);
    assert_int_equal(image_allocate(scratch->memory, &mask, 4, 1, 1, NULL), 0);
    for (int i = 0; i < 4; i++)
        mask.pixels[i] = (uint8_t)values[i];
    assert_int_equal(image_write_png(scratch->memory, scratch_path(scratch, "masks/a.png"), &mask, NULL), 0);
    image_release(scratch->memory, &mask);
}

static const char *check(const struct scratch *scratch, struct masks *masks)
{
    masks->error = (struct error)ERROR_INITIALISER;
    masks->options.masks = scratch_path(scratch, "masks");
    masks->dataset = open_dataset(scratch, scratch_path(scratch, "images"), &masks->options);
    dataset_check(masks->dataset, NULL, true, NULL, &masks->report, &masks->error);
    return masks->error.message;
}

static void finish(struct masks *masks)
{
    dataset_report_release(&masks->report);
    dataset_close(masks->dataset);
}

static void assert_labels(const struct scratch *scratch, const struct masks *masks, const int labels[4])
{
    struct image image;
    struct index_image mask;
    assert_int_equal(dataset_read(masks->dataset, FOVEA_SPLIT_TRAIN, 0, &image, &mask, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mask.values[i], labels[i]);
    image_release(scratch->memory, &image);
    index_image_release(scratch->memory, &mask);
}

static void values_become_classes(void **state)
{
    struct scratch *scratch = *state;
    struct masks masks = {
        .options = {.ignore = 7, .mask_values = (const int64_t[]){0, 255, 128}, .mask_value_count = 3}};
    put(scratch, (const int[]){255, 0, 7, 255});
    assert_string_equal(check(scratch, &masks), "");
    assert_int_equal(masks.report.classes, 3);
    assert_int_equal(masks.report.counts[FOVEA_SPLIT_TRAIN][0], 1);
    assert_int_equal(masks.report.counts[FOVEA_SPLIT_TRAIN][1], 2);
    assert_int_equal(masks.report.counts[FOVEA_SPLIT_TRAIN][2], 0);
    assert_int_equal(masks.report.ignored, 1);
    assert_labels(scratch, &masks, (const int[]){1, 0, DATASET_IGNORED, 1});
    finish(&masks);
    put(scratch, (const int[]){255, 0, 3, 255});
    assert_non_null(strstr(check(scratch, &masks), "a.png: the mask holds 3, which is none of the mask values"));
    assert_false(masks.report.problems[0].broken);
    finish(&masks);
    masks.options.classes = 2;
    put(scratch, (const int[]){255, 0, 128, 255});
    assert_non_null(strstr(check(scratch, &masks), "the mask holds 128, but there are 2 classes"));
    finish(&masks);
}

static void lists_of_values_are_checked(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        int64_t values[2], ignore;
        const char *message;
    } cases[] = {{{0, 65536}, -1, "mask value 65536 is not between 0 and 65535"},
                 {{3, 3}, -1, "mask value 3 is given to two classes"},
                 {{0, 255}, 255, "mask value 255 is class 1 and to be ignored"}};
    put(scratch, (const int[]){0, 1, 0, 1});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        const struct dataset_options options = {.masks = scratch_path(scratch, "masks"),
                                                .ignore = cases[i].ignore,
                                                .mask_values = cases[i].values,
                                                .mask_value_count = 2};
        assert_null(dataset_open(scratch->memory, scratch_path(scratch, "images"), &options, &error));
        assert_string_equal(error.message, cases[i].message);
    }
}

/* A value that nobody asked to ignore is not ignored in silence where nothing else but 0 is there. */
static void binary_masks_are_not_ignored(void **state)
{
    struct scratch *scratch = *state;
    struct masks masks = {.options = {.ignore = 255, .usual_ignore = true, .classes = 2}};
    put(scratch, (const int[]){0, 255, 255, 0});
    assert_non_null(strstr(check(scratch, &masks), "hold 0 and 255 alone"));
    assert_non_null(strstr(masks.error.message, "`mask_values` 0,255 makes it class 1, `ignore` 255 leaves it out"));
    finish(&masks);
    masks.options.usual_ignore = false;
    assert_string_equal(check(scratch, &masks), "");
    assert_int_equal(masks.report.ignored, 2);
    finish(&masks);
    masks.options.ignore = -1;
    assert_non_null(strstr(check(scratch, &masks), "the mask holds 255, but there are 2 classes"));
    finish(&masks);
    masks.options = (struct dataset_options){.ignore = 255, .usual_ignore = true, .classes = 2};
    put(scratch, (const int[]){0, 255, 1, 0});
    assert_string_equal(check(scratch, &masks), "");
    assert_labels(scratch, &masks, (const int[]){0, DATASET_IGNORED, 1, 0});
    finish(&masks);
    put(scratch, (const int[]){255, 255, 255, 255});
    for (int usual = 0; usual < 2; usual++) {
        masks.options.usual_ignore = usual;
        assert_non_null(strstr(check(scratch, &masks), "no pixel counts"));
        finish(&masks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_become_classes, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(lists_of_values_are_checked, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(binary_masks_are_not_ignored, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
