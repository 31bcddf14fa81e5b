#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/sample_source.h"
#include "tensor/npy.h"

#define PICTURES "tests/fixtures/images/"

struct fixture {
    struct memory *memory;
    char folder[64];
    struct preprocess preprocess;
    struct sample_options options;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->memory = memory_create(0);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/fovea_test_source_XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(preprocess_preset("raw", &fixture->preprocess, NULL), 0);
    fixture->options = (struct sample_options){.preprocess = &fixture->preprocess, .layout = LAYOUT_NCHW};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(memory_destroy(fixture->memory), 0);
    free(fixture);
    return 0;
}

static const char *path_in(struct fixture *fixture, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    return path;
}

/* Copies a file of the picture fixtures, or `length` bytes of it. */
static void put(struct fixture *fixture, const char *picture, const char *name, size_t length)
{
    char from[256], folder[256];
    size_t size;
    snprintf(from, sizeof from, PICTURES "%s", picture);
    void *bytes = file_read(fixture->memory, from, 1 << 20, &size, NULL);
    assert_non_null(bytes);
    const char *to = path_in(fixture, name);
    snprintf(folder, sizeof folder, "%.*s", (int)(file_base_name(to) - to), to);
    assert_int_equal(file_make_folder(folder, NULL), 0);
    assert_int_equal(file_write(fixture->memory, to, bytes, length ? length : size, NULL), 0);
    memory_release(fixture->memory, bytes);
}

static void put_text(struct fixture *fixture, const char *name, const char *text)
{
    assert_int_equal(file_write(fixture->memory, path_in(fixture, name), text, strlen(text), NULL), 0);
}

static void put_npy(struct fixture *fixture, const char *name, int rank, const int64_t *dims)
{
    struct tensor tensor = {.dtype = DTYPE_FLOAT};
    assert_int_equal(shape_set(&tensor.shape, rank, dims, NULL), 0);
    assert_int_equal(tensor_allocate(fixture->memory, &tensor, NULL), 0);
    for (int64_t i = 0; i < shape_count(&tensor.shape); i++)
        ((float *)tensor.data)[i] = (float)i;
    assert_int_equal(npy_write(fixture->memory, path_in(fixture, name), &tensor, NULL), 0);
    tensor_release(fixture->memory, &tensor);
}

static struct sample_source *opened(struct fixture *fixture, const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct sample_source *source = sample_source_open(fixture->memory, path, &fixture->options, &error);
    if (!source)
        fail_msg("%s", error.message);
    return source;
}

static void assert_refused(struct fixture *fixture, const char *path, const char *part)
{
    struct error error = ERROR_INITIALISER;
    struct sample_source *source = sample_source_open(fixture->memory, path, &fixture->options, &error);
    assert_null(source);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void assert_labels_refused(const struct sample_source *source, int64_t classes, const char *part)
{
    struct error error = ERROR_INITIALISER;
    assert_int_equal(sample_source_check_labels(source, classes, &error), -1);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void folders_are_read_in_order(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "rgb8.png", "b.PNG", 0);
    put(fixture, "rgb.jpg", "a/z.jpeg", 0);
    put(fixture, "gray8.png", "a/y/x.png", 0);
    put(fixture, "gray8.png", ".hidden.png", 0);
    put(fixture, "rgb8.npy", "x.npy", 0);
    put_text(fixture, "notes.txt", "nothing");
    put_text(fixture, "labels.csv", "file,label\na/z.jpeg,7\nb.PNG,2\n");
    assert_int_equal(symlink(fixture->folder, path_in(fixture, "loop")), 0);
    struct sample_source *source = opened(fixture, fixture->folder);
    static const char *names[] = {"a/y/x.png", "a/z.jpeg", "b.PNG"};
    static const int labels[] = {-1, 7, 2};
    assert_int_equal(sample_source_count(source), 3);
    const struct shape *shape = sample_source_shape(source);
    assert_int_equal(shape->rank, 3);
    assert_int_equal(shape->dims[0], 3);
    assert_int_equal(shape->dims[1], 29);
    assert_int_equal(shape->dims[2], 37);
    float *out = memory_allocate(fixture->memory, 3 * 29 * 37, sizeof *out, NULL);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(sample_source_name(source, i), names[i]);
        assert_int_equal(sample_source_label(source, i), labels[i]);
        assert_int_equal(sample_source_read(source, i, out, NULL), 0);
    }
    struct image image;
    assert_int_equal(image_read(fixture->memory, PICTURES "rgb8.png", &image, NULL), 0);
    for (int i = 0; i < 29 * 37; i++)
        assert_float_equal(out[29 * 37 + i], image.pixels[3 * i + 1] / 255.0f, 0);
    image_release(fixture->memory, &image);
    memory_release(fixture->memory, out);
    sample_source_close(source);
}

static void class_folders_give_labels(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"shoe", "cat", "cat-like"};
    const struct class_names names = {.count = 3, .names = (const char **)(uintptr_t)texts};
    put(fixture, "gray8.png", "cat/b.png", 0);
    put(fixture, "gray8.png", "cat/sub/a.png", 0);
    put(fixture, "gray8.png", "cat-like/x.png", 0);
    struct sample_source *source = opened(fixture, fixture->folder);
    assert_int_equal(sample_source_labels(source), SAMPLE_LABELS_FOLDERS);
    assert_string_equal(sample_source_name(source, 0), "cat-like/x.png");
    assert_int_equal(sample_source_label(source, 0), 1); /* "cat" is before "cat-like", though "cat/" is not */
    assert_int_equal(sample_source_label(source, 1), 0);
    assert_int_equal(sample_source_label(source, 2), 0);
    sample_source_close(source);
    fixture->options.names = &names;
    source = opened(fixture, fixture->folder);
    assert_int_equal(sample_source_label(source, 0), 2);
    assert_int_equal(sample_source_label(source, 1), 1);
    assert_int_equal(sample_source_check_labels(source, 3, NULL), 0);
    assert_labels_refused(source, 10, "names for 3 classes");
    sample_source_close(source);
    put(fixture, "gray8.png", "dog/x.png", 0); /* not among the names */
    source = opened(fixture, fixture->folder);
    assert_int_equal(sample_source_label(source, 0), -1);
    assert_labels_refused(source, 3, "class folders \"dog\"");
    sample_source_close(source);
    put(fixture, "gray8.png", "loose.png", 0);
    source = opened(fixture, fixture->folder);
    assert_int_equal(sample_source_labels(source), SAMPLE_LABELS_NONE);
    assert_int_equal(sample_source_label(source, 0), -1);
    sample_source_close(source);
}

static void numbered_folders_must_sort_as_numbers(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "gray8.png", "02/x.png", 0);
    put(fixture, "gray8.png", "10/x.png", 0);
    struct sample_source *source = opened(fixture, fixture->folder);
    assert_int_equal(sample_source_label(source, 1), 10);
    sample_source_close(source);
    put(fixture, "gray8.png", "9/x.png", 0);
    source = opened(fixture, fixture->folder);
    assert_labels_refused(source, 11, "class folders");
    sample_source_close(source);
}

static void classes_are_told_by_names(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"T-shirt/top", "Bag", "Ankle boot"};
    const struct class_names names = {.count = 3, .names = (const char **)(uintptr_t)texts};
    put(fixture, "gray8.png", "ankle_boot/x.png", 0);
    put(fixture, "gray8.png", "bag/x.png", 0);
    put(fixture, "gray8.png", "t_shirt top/x.png", 0);
    fixture->options.names = &names;
    struct sample_source *source = opened(fixture, fixture->folder);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sample_source_label(source, i), 2 - i);
    sample_source_close(source);
    put_text(fixture, "labels.csv", "bag/x.png,Ankle Boot\nankle_boot/x.png,\"T-shirt/top\"\n");
    source = opened(fixture, fixture->folder);
    static const int labels[] = {0, 2, -1};
    for (int i = 0; i < 3; i++)
        assert_int_equal(sample_source_label(source, i), labels[i]);
    assert_int_equal(sample_source_labels(source), SAMPLE_LABELS_LIST);
    sample_source_close(source);
    put_text(fixture, "list.txt", "bag/x.png,Hat\n");
    source = opened(fixture, path_in(fixture, "list.txt"));
    assert_labels_refused(source, 3, "\"Hat\", which is the name of none");
    sample_source_close(source);
    fixture->options.names = NULL;
    source = opened(fixture, fixture->folder);
    assert_labels_refused(source, 3, "names of the classes are not known");
    sample_source_close(source);
}

static void lists_and_single_images_are_read(void **state)
{
    struct fixture *fixture = *state;
    char absolute[512], text[600];
    assert_non_null(realpath(PICTURES "rgb.jpg", absolute));
    snprintf(text, sizeof text, "sub/one.png,4\n%.500s\n", absolute);
    put(fixture, "rgb8.png", "sub/one.png", 0);
    put_text(fixture, "list.txt", text);
    fixture->preprocess.crop_height = fixture->preprocess.crop_width = 8;
    fixture->options.layout = LAYOUT_NHWC;
    struct sample_source *source = opened(fixture, path_in(fixture, "list.txt"));
    float out[8 * 8 * 3];
    assert_int_equal(sample_source_count(source), 2);
    assert_int_equal(sample_source_label(source, 0), 4);
    assert_int_equal(sample_source_label(source, 1), -1);
    assert_string_equal(sample_source_name(source, 1), absolute);
    assert_int_equal(sample_source_shape(source)->dims[2], 3);
    assert_int_equal(sample_source_read(source, 0, out, NULL), 0);
    assert_int_equal(sample_source_read(source, 1, out, NULL), 0);
    sample_source_close(source);
    source = opened(fixture, PICTURES "gray.jpg");
    assert_int_equal(sample_source_count(source), 1);
    assert_string_equal(sample_source_name(source, 0), "gray.jpg");
    assert_int_equal(sample_source_read(source, 0, out, NULL), 0);
    sample_source_close(source);
}

static void arrays_bypass_preprocessing(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.preprocess = NULL;
    put_npy(fixture, "many.npy", 4, (const int64_t[]){3, 2, 4, 5});
    put_npy(fixture, "one.npy", 3, (const int64_t[]){2, 4, 5});
    put_npy(fixture, "other.npy", 3, (const int64_t[]){2, 4, 6});
    put_npy(fixture, "flat.npy", 2, (const int64_t[]){4, 5});
    put_npy(fixture, "empty.npy", 4, (const int64_t[]){0, 2, 4, 5});
    float out[40];
    struct sample_source *source = opened(fixture, path_in(fixture, "many.npy"));
    assert_int_equal(sample_source_count(source), 3);
    assert_string_equal(sample_source_name(source, 2), "many.npy#2");
    assert_int_equal(sample_source_read(source, 2, out, NULL), 0);
    assert_float_equal(out[39], 119, 0);
    sample_source_close(source);
    source = opened(fixture, path_in(fixture, "one.npy"));
    assert_int_equal(sample_source_count(source), 1);
    assert_string_equal(sample_source_name(source, 0), "one.npy");
    sample_source_close(source);

    put_text(fixture, "list.txt", "one.npy,1\nother.npy\nmany.npy\n");
    source = opened(fixture, path_in(fixture, "list.txt"));
    assert_int_equal(sample_source_read(source, 0, out, NULL), 0);
    assert_float_equal(out[39], 39, 0);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(sample_source_read(source, 1, out, &error), -1);
    assert_non_null(strstr(error.message, "other.npy: the shape 2x4x6"));
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(sample_source_read(source, 2, out, &error), -1);
    assert_non_null(strstr(error.message, "many.npy"));
    sample_source_close(source);
    assert_refused(fixture, path_in(fixture, "flat.npy"), "4x5");
    assert_refused(fixture, path_in(fixture, "empty.npy"), "empty.npy");
}

static void broken_files_are_named(void **state)
{
    struct fixture *fixture = *state;
    float *out = memory_allocate(fixture->memory, 3 * 29 * 37, sizeof *out, NULL);
    put(fixture, "rgb.jpg", "good.jpg", 0);
    put(fixture, "rgb.jpg", "in/broken.jpg", 700);
    put_text(fixture, "text.png", "not a picture");
    struct sample_source *source = opened(fixture, fixture->folder);
    static const char *parts[] = {NULL, "in/broken.jpg: the JPEG image is damaged", "text.png: is neither"};
    for (int i = 0; i < 3; i++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(sample_source_read(source, i, out, &error), parts[i] ? -1 : 0);
        assert_true(!parts[i] || strstr(error.message, parts[i]));
        assert_true(!parts[i] || error.kind == ERROR_INPUT);
    }
    sample_source_close(source);
    memory_release(fixture->memory, out);
    assert_refused(fixture, path_in(fixture, "in"), "in/broken.jpg");
}

static void useless_paths_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, fixture->folder, "no images");
    assert_refused(fixture, path_in(fixture, "missing"), "cannot be opened");
    put_text(fixture, "list.txt", "a.png\nmodel.onnx\n");
    assert_refused(fixture, path_in(fixture, "list.txt"), "model.onnx");
    put_text(fixture, "mixed.txt", "a.png\nb.npy\n");
    assert_refused(fixture, path_in(fixture, "mixed.txt"), "mixes");
    put_text(fixture, "none.txt", "");
    assert_refused(fixture, path_in(fixture, "none.txt"), "no images");
    fixture->options.preprocess = NULL;
    assert_refused(fixture, PICTURES "gray.jpg", "--preprocess");
}

static void failing_allocations_leave_nothing(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "rgb8.png", "sub/a.png", 0);
    put_text(fixture, "labels.csv", "sub/a.png,1\n");
    struct sample_source *source = NULL;
    for (size_t n = 1; !source; n++) {
        struct error error = ERROR_INITIALISER;
        memory_fail_after(fixture->memory, n);
        source = sample_source_open(fixture->memory, fixture->folder, &fixture->options, &error);
        memory_fail_after(fixture->memory, 0);
        assert_int_equal(!source, error.kind != ERROR_NONE);
        assert_true(source || memory_in_use(fixture->memory) == 0);
    }
    sample_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_read_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(class_folders_give_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(classes_are_told_by_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbered_folders_must_sort_as_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_and_single_images_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrays_bypass_preprocessing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_files_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(useless_paths_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failing_allocations_leave_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
