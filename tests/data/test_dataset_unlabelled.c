/* What analyses take: samples whose labels are optional. */
#include "scratch.h"

#include <unistd.h>

static const struct dataset_options plain = {.ignore = -1, .labels_optional = true};

static struct dataset_options named(const struct class_names *names)
{
    struct dataset_options options = plain;
    options.names = names;
    return options;
}

static void assert_refused(const struct scratch *scratch, const char *path, const char *part)
{
    struct error error = ERROR_INITIALISER;
    assert_null(dataset_open(scratch->memory, path, &plain, &error));
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void assert_labels_refused(const struct dataset *dataset, int64_t classes, const char *part)
{
    struct error error = ERROR_INITIALISER;
    assert_int_equal(dataset_check_labels(dataset, classes, &error), -1);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void assert_sample(const struct dataset *dataset, int64_t index, const char *name, int64_t label)
{
    char got[DATASET_NAME_SIZE];
    assert_string_equal(dataset_name(dataset, FOVEA_SPLIT_TRAIN, index, got), name);
    assert_int_equal(dataset_label(dataset, FOVEA_SPLIT_TRAIN, index), label);
}

static void folders_are_read_in_order(void **state)
{
    struct scratch *scratch = *state;
    put_picture(scratch, "rgb8.png", "b.PNG", 0);
    put_picture(scratch, "rgb.jpg", "a/z.jpeg", 0);
    put_picture(scratch, "gray8.png", "a/y/x.png", 0);
    put_picture(scratch, "gray8.png", ".hidden.png", 0);
    put_picture(scratch, "rgb8.npy", "x.npy", 0);
    put_text(scratch, "notes.txt", "nothing");
    put_text(scratch, "labels.csv", "file,label\na/z.jpeg,7\nb.PNG,2\ngone.png,1\n");
    assert_int_equal(symlink(scratch->folder, scratch_path(scratch, "loop")), 0);
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 3);
    assert_sample(dataset, 0, "a/y/x.png", -1);
    assert_sample(dataset, 1, "a/z.jpeg", 7);
    assert_sample(dataset, 2, "b.PNG", 2);
    struct image image;
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 2, &image, NULL, NULL), 0);
    assert_int_equal(image.width, 37);
    image_release(scratch->memory, &image);
    dataset_close(dataset);
}

static void class_folders_give_labels(void **state)
{
    struct scratch *scratch = *state;
    static const char *const texts[] = {"shoe", "cat", "cat-like"};
    const struct class_names names = {.count = 3, .names = (const char **)(uintptr_t)texts};
    const struct dataset_options options = named(&names);
    put_picture(scratch, "gray8.png", "cat/b.png", 0);
    put_picture(scratch, "gray8.png", "cat/sub/a.png", 0);
    put_picture(scratch, "gray8.png", "cat-like/x.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_true(dataset_labels_by_folders(dataset));
    assert_sample(dataset, 0, "cat-like/x.png", 1); /* "cat" is before "cat-like", though "cat/" is not */
    assert_sample(dataset, 1, "cat/b.png", 0);
    assert_sample(dataset, 2, "cat/sub/a.png", 0);
    dataset_close(dataset);
    dataset = open_dataset(scratch, scratch->folder, &options);
    assert_sample(dataset, 0, "cat-like/x.png", 2);
    assert_sample(dataset, 1, "cat/b.png", 1);
    assert_int_equal(dataset_check_labels(dataset, 3, NULL), 0);
    assert_labels_refused(dataset, 10, "names for 3 classes");
    dataset_close(dataset);
    put_picture(scratch, "gray8.png", "dog/x.png", 0); /* not among the names */
    dataset = open_dataset(scratch, scratch->folder, &options);
    assert_sample(dataset, 0, "cat-like/x.png", -1);
    assert_labels_refused(dataset, 3, "class folders \"dog\"");
    assert_false(dataset_labels_by_folders(dataset));
    dataset_close(dataset);
    put_picture(scratch, "gray8.png", "loose.png", 0);
    dataset = open_dataset(scratch, scratch->folder, &options);
    assert_false(dataset_labels_by_folders(dataset));
    assert_sample(dataset, 0, "cat-like/x.png", -1);
    dataset_close(dataset);
}

/* Folders train and val are no classes, and all of their samples are taken. */
static void splits_are_one(void **state)
{
    struct scratch *scratch = *state;
    put_picture(scratch, "gray8.png", "val/b/x.png", 0);
    put_picture(scratch, "gray8.png", "test/b/x.png", 0);
    put_picture(scratch, "gray8.png", "test/a/x.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 3);
    assert_sample(dataset, 0, "test/a/x.png", 0);
    assert_sample(dataset, 1, "val/b/x.png", 1);
    assert_sample(dataset, 2, "test/b/x.png", 1);
    dataset_close(dataset);
}

static void numbered_folders_must_sort_as_numbers(void **state)
{
    struct scratch *scratch = *state;
    put_picture(scratch, "gray8.png", "02/x.png", 0);
    put_picture(scratch, "gray8.png", "10/x.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_sample(dataset, 1, "10/x.png", 10);
    dataset_close(dataset);
    put_picture(scratch, "gray8.png", "9/x.png", 0);
    dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_labels_refused(dataset, 11, "class folders");
    dataset_close(dataset);
}

static void classes_are_told_by_names(void **state)
{
    struct scratch *scratch = *state;
    static const char *const texts[] = {"T-shirt/top", "Bag", "Ankle boot"};
    const struct class_names names = {.count = 3, .names = (const char **)(uintptr_t)texts};
    const struct dataset_options options = named(&names);
    put_picture(scratch, "gray8.png", "ankle_boot/x.png", 0);
    put_picture(scratch, "gray8.png", "bag/x.png", 0);
    put_picture(scratch, "gray8.png", "t_shirt top/x.png", 0);
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &options);
    assert_sample(dataset, 0, "ankle_boot/x.png", 2);
    assert_sample(dataset, 2, "t_shirt top/x.png", 0);
    dataset_close(dataset);
    put_text(scratch, "labels.csv", "bag/x.png,Ankle Boot\nankle_boot/x.png,\"T-shirt/top\"\n");
    dataset = open_dataset(scratch, scratch->folder, &options);
    assert_sample(dataset, 0, "ankle_boot/x.png", 0);
    assert_sample(dataset, 1, "bag/x.png", 2);
    assert_sample(dataset, 2, "t_shirt top/x.png", -1);
    assert_false(dataset_labels_by_folders(dataset));
    dataset_close(dataset);
    dataset = open_dataset(scratch, put_text(scratch, "list.txt", "bag/x.png,Hat\n"), &options);
    assert_labels_refused(dataset, 3, "\"Hat\", which is the name of none");
    dataset_close(dataset);
    dataset = open_dataset(scratch, scratch->folder, &plain);
    assert_labels_refused(dataset, 3, "names of the classes are not known");
    dataset_close(dataset);
}

/* Commas in names of files, told by their endings, and in names of classes that are known. */
static void names_may_hold_commas(void **state)
{
    struct scratch *scratch = *state;
    static const char *const texts[] = {"tench", "tench, Tinca tinca", "cock"};
    const struct class_names names = {.count = 3, .names = (const char **)(uintptr_t)texts};
    struct dataset_options options = named(&names);
    const char *path = put_text(scratch, "list.csv",
                                "file,label\r\na.png,tench, Tinca tinca\r\n# note\n\nsub/b,c.jpg\nd.png,tench\n"
                                "e.png, \"tench, Tinca tinca\"\nf,g.png,cock");
    struct dataset *dataset = open_dataset(scratch, path, &options);
    static const char *files[] = {"a.png", "sub/b,c.jpg", "d.png", "e.png", "f,g.png"};
    static const int labels[] = {1, -1, 0, 1, 2};
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 5);
    for (int i = 0; i < 5; i++)
        assert_sample(dataset, i, files[i], labels[i]);
    dataset_close(dataset);
    options.labels_optional = false;
    path = put_text(scratch, "split.csv", "a.png,tench, Tinca tinca,train\nb.png,tench,val\n");
    dataset = open_dataset(scratch, path, &options);
    assert_sample(dataset, 0, "a.png", 1);
    assert_int_equal(dataset_label(dataset, FOVEA_SPLIT_VALIDATION, 0), 0);
    dataset_close(dataset);
}

static void lists_and_single_images_are_read(void **state)
{
    struct scratch *scratch = *state;
    char absolute[512], text[600];
    assert_non_null(realpath(PICTURES "rgb.jpg", absolute));
    snprintf(text, sizeof text, "sub/one.png,4\n%.500s\n", absolute);
    put_picture(scratch, "rgb8.png", "sub/one.png", 0);
    struct dataset *dataset = open_dataset(scratch, put_text(scratch, "list.txt", text), &plain);
    struct image image;
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 2);
    assert_sample(dataset, 0, "sub/one.png", 4);
    assert_sample(dataset, 1, absolute, -1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, i, &image, NULL, NULL), 0);
        image_release(scratch->memory, &image);
    }
    dataset_close(dataset);
    dataset = open_dataset(scratch, PICTURES "gray.jpg", &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 1);
    assert_sample(dataset, 0, "gray.jpg", -1);
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 0, &image, NULL, NULL), 0);
    image_release(scratch->memory, &image);
    dataset_close(dataset);
}

static void arrays_are_taken_as_they_are(void **state)
{
    struct scratch *scratch = *state;
    float out[40];
    struct dataset *dataset = open_dataset(
        scratch, put_npy(scratch, "many.npy", DTYPE_FLOAT, 4, (const int64_t[]){3, 2, 4, 5}, 1000), &plain);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 3);
    assert_sample(dataset, 2, "many.npy#2", -1);
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 2, out, NULL), 0);
    assert_float_equal(out[39], 119, 0);
    dataset_close(dataset);
    /* Bytes stay numbers: labels beside them would make images of them. */
    dataset =
        open_dataset(scratch, put_npy(scratch, "one.npy", DTYPE_UINT8, 3, (const int64_t[]){1, 8, 5}, 256), &plain);
    assert_sample(dataset, 0, "one.npy", -1);
    assert_int_equal(dataset_tensor_shape(dataset)->dims[1], 8);
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 0, out, NULL), 0);
    assert_float_equal(out[39], 39, 0);
    dataset_close(dataset);
    put_npy(scratch, "other.npy", DTYPE_FLOAT, 3, (const int64_t[]){1, 4, 6}, 256);
    dataset = open_dataset(scratch, put_text(scratch, "list.txt", "one.npy,1\nother.npy\nmany.npy\n"), &plain);
    assert_sample(dataset, 0, "one.npy", 1);
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 0, out, NULL), 0);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 1, out, &error), -1);
    assert_non_null(strstr(error.message, "other.npy: the shape 1x4x6"));
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 2, out, &error), -1);
    assert_non_null(strstr(error.message, "many.npy"));
    dataset_close(dataset);
    assert_refused(scratch, put_npy(scratch, "flat.npy", DTYPE_FLOAT, 2, (const int64_t[]){4, 5}, 256), "4x5");
    assert_refused(scratch, put_npy(scratch, "empty.npy", DTYPE_FLOAT, 4, (const int64_t[]){0, 2, 4, 5}, 256),
                   "empty.npy");
}

static void broken_files_are_named(void **state)
{
    struct scratch *scratch = *state;
    put_picture(scratch, "rgb.jpg", "good.jpg", 0);
    put_picture(scratch, "rgb.jpg", "in/broken.jpg", 700);
    put_text(scratch, "text.png", "not a picture");
    struct dataset *dataset = open_dataset(scratch, scratch->folder, &plain);
    static const char *parts[] = {NULL, "in/broken.jpg: the JPEG image is damaged", "text.png: is neither"};
    for (int i = 0; i < 3; i++) {
        struct error error = ERROR_INITIALISER;
        struct image image;
        assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, i, &image, NULL, &error), parts[i] ? -1 : 0);
        assert_true(!parts[i] || strstr(error.message, parts[i]));
        assert_true(!parts[i] || error.kind == ERROR_INPUT);
        image_release(scratch->memory, &image);
    }
    dataset_close(dataset);
}

static void useless_paths_are_refused(void **state)
{
    struct scratch *scratch = *state;
    assert_refused(scratch, scratch->folder, "no images");
    assert_refused(scratch, scratch_path(scratch, "missing"), "cannot be opened");
    assert_refused(scratch, put_text(scratch, "list.txt", "a.png\nmodel.onnx\n"), "model.onnx");
    assert_refused(scratch, put_text(scratch, "mixed.txt", "a.png\nb.npy\n"), "mixes");
    assert_refused(scratch, put_text(scratch, "none.txt", ""), "no samples");
}

static void failing_allocations_leave_nothing(void **state)
{
    struct scratch *scratch = *state;
    put_picture(scratch, "rgb8.png", "sub/a.png", 0);
    put_text(scratch, "labels.csv", "sub/a.png,1\n");
    struct dataset *dataset = NULL;
    for (size_t n = 1; !dataset; n++) {
        struct error error = ERROR_INITIALISER;
        memory_fail_after(scratch->memory, n);
        dataset = dataset_open(scratch->memory, scratch->folder, &plain, &error);
        memory_fail_after(scratch->memory, 0);
        assert_int_equal(!dataset, error.kind != ERROR_NONE);
        assert_true(dataset || memory_in_use(scratch->memory) == 0);
    }
    dataset_close(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_read_in_order, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(class_folders_give_labels, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(splits_are_one, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(numbered_folders_must_sort_as_numbers, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(classes_are_told_by_names, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(names_may_hold_commas, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(lists_and_single_images_are_read, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(arrays_are_taken_as_they_are, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(broken_files_are_named, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(useless_paths_are_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(failing_allocations_leave_nothing, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
