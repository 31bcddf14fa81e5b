#include "scratch.h"

#include <zlib.h>

#include "../test_data.h"
#include "data/idx.h"

/* An IDX file in memory: header, then elements 0, 1, 2, ... */
struct bytes {
    uint8_t data[4096];
    size_t length;
};

static struct bytes idx_bytes(int type, int rank, const uint32_t *dims, size_t elements)
{
    struct bytes bytes = {{0, 0, (uint8_t)type, (uint8_t)rank}, 4};
    for (int i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes.data[bytes.length++] = (uint8_t)(dims[i] >> shift);
    }
    for (size_t i = 0; i < elements; i++)
        bytes.data[bytes.length++] = (uint8_t)i;
    return bytes;
}

static const char *put_packed(const struct scratch *scratch, const char *name, const void *bytes, size_t length,
                              size_t times)
{
    const char *path = scratch_path(scratch, name);
    gzFile file = gzopen(path, "wb9");
    assert_non_null(file);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(gzwrite(file, bytes, (unsigned)length), (int)length);
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

static void assert_idx_refused(const struct scratch *scratch, const char *path, int rank, const char *part)
{
    struct error error = ERROR_INITIALISER;
    struct idx idx;
    assert_int_equal(idx_read(scratch->memory, path, rank, &idx, &error), -1);
    assert_null(idx.bytes);
    if (!strstr(error.message, part) || !strstr(error.message, path))
        fail_msg("\"%s\" does not say \"%s\" of %s", error.message, part, path);
}

static void idx_files_are_read_packed_or_plain(void **state)
{
    struct scratch *scratch = *state;
    static const uint32_t dims[] = {3, 2, 4};
    struct bytes file = idx_bytes(8, 3, dims, 24);
    for (int packed = 0; packed < 2; packed++) {
        struct idx idx;
        const char *path = packed ? put_packed(scratch, "x.gz", file.data, file.length, 1)
                                  : put_bytes(scratch, "x", file.data, file.length);
        assert_int_equal(idx_read(scratch->memory, path, 3, &idx, NULL), 0);
        assert_int_equal(idx.dims[0], 3);
        assert_int_equal(idx.dims[2], 4);
        for (int i = 0; i < 24; i++)
            assert_int_equal(idx.bytes[i], i);
        idx_release(scratch->memory, &idx);
    }
}

static void hostile_idx_files_are_refused(void **state)
{
    struct scratch *scratch = *state;
    static const uint32_t dims[] = {3, 2, 4}, huge[] = {0xffffffff, 0xffffffff, 0xffffffff},
                          large[] = {1000, 1000, 1000}, none[] = {0, 2, 4}, bomb[] = {60000, 28, 28};
    struct bytes file = idx_bytes(8, 3, dims, 24);
    for (size_t length = 0; length < file.length; length += 3) {
        struct error error = ERROR_INITIALISER;
        struct idx idx;
        const char *path = put_bytes(scratch, "cut", file.data, length);
        assert_int_equal(idx_read(scratch->memory, path, 3, &idx, &error), -1);
        assert_non_null(strstr(error.message, path));
    }
    assert_idx_refused(scratch, put_bytes(scratch, "more", file.data, file.length + 1), 3, "longer than its header");
    assert_idx_refused(scratch, put_packed(scratch, "more.gz", file.data, file.length + 1, 1), 3, "longer than");
    assert_idx_refused(scratch, put_bytes(scratch, "rank", file.data, file.length), 1, "3 dimensions, not 1");
    file.data[1] = 8;
    assert_idx_refused(scratch, put_bytes(scratch, "magic", file.data, file.length), 3, "is not an IDX file");
    file = idx_bytes(0x0d, 3, dims, 24);
    assert_idx_refused(scratch, put_bytes(scratch, "type", file.data, file.length), 3, "type 0x0d");
    file = idx_bytes(8, 3, huge, 24);
    assert_idx_refused(scratch, put_bytes(scratch, "huge", file.data, file.length), 3, "too many bytes");
    file = idx_bytes(8, 3, none, 0);
    assert_idx_refused(scratch, put_bytes(scratch, "none", file.data, file.length), 3, "nothing in it");
    size_t before = memory_peak(scratch->memory);
    file = idx_bytes(8, 3, large, 24);
    assert_idx_refused(scratch, put_bytes(scratch, "large", file.data, file.length), 3, "shorter than its header");
    assert_idx_refused(scratch, put_packed(scratch, "large.gz", file.data, file.length, 1), 3, "shorter than its");
    assert_true(memory_peak(scratch->memory) < before + (1 << 20));
    /* Unpacking stops where the header says: 40 MB of zeros for a header of three samples. */
    static const uint8_t zeros[1 << 20];
    file = idx_bytes(8, 3, dims, 24);
    put_packed(scratch, "bomb.gz", file.data, file.length, 1);
    gzFile appended = gzopen(scratch_path(scratch, "bomb.gz"), "wb9");
    assert_true(gzwrite(appended, file.data, (unsigned)file.length) > 0);
    for (int i = 0; i < 40; i++)
        assert_true(gzwrite(appended, zeros, sizeof zeros) > 0);
    gzclose(appended);
    assert_idx_refused(scratch, scratch_path(scratch, "bomb.gz"), 3, "longer than its header says");
    assert_true(memory_peak(scratch->memory) < before + (1 << 20));
    file = idx_bytes(8, 3, bomb, 2000);
    const char *path = put_packed(scratch, "cut.gz", file.data, file.length, 1);
    assert_idx_refused(scratch, path, 3, "header says");
    static const uint8_t damaged[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_idx_refused(scratch, put_bytes(scratch, "damaged.gz", damaged, sizeof damaged), 3, "packing is damaged");
    assert_idx_refused(scratch, put_bytes(scratch, "header.gz", damaged, 3), 3, "is not an IDX file");
}

static void idx_pairs_are_datasets(void **state)
{
    struct scratch *scratch = *state;
    static const uint32_t images[] = {3, 2, 4}, labels[] = {3}, two[] = {2};
    struct bytes image_file = idx_bytes(8, 3, images, 24), label_file = idx_bytes(8, 1, labels, 3);
    put_packed(scratch, "m/train-images-idx3-ubyte.gz", image_file.data, image_file.length, 1);
    put_bytes(scratch, "m/train-labels.idx1-ubyte", label_file.data, label_file.length);
    const struct dataset_options options = {.ignore = -1};
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "m"), &options);
    char name[DATASET_NAME_SIZE];
    struct image image;
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TRAIN), 3);
    assert_int_equal(dataset_count(dataset, FOVEA_SPLIT_TEST), 0);
    assert_int_equal(dataset_label(dataset, FOVEA_SPLIT_TRAIN, 2), 2);
    assert_string_equal(dataset_name(dataset, FOVEA_SPLIT_TRAIN, 1, name), "train-images-idx3-ubyte.gz#1");
    assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 1, &image, NULL, NULL), 0);
    assert_int_equal(image.width, 4);
    assert_int_equal(image.pixels[7], 15);
    image_release(scratch->memory, &image);
    dataset_close(dataset);
    label_file = idx_bytes(8, 1, two, 2);
    put_bytes(scratch, "m/t10k-images-idx3-ubyte", image_file.data, image_file.length);
    struct error error = ERROR_INITIALISER;
    assert_null(dataset_open(scratch->memory, scratch_path(scratch, "m"), &options, &error));
    assert_non_null(strstr(error.message, "t10k-images without t10k-labels"));
    put_bytes(scratch, "m/t10k-labels-idx1-ubyte", label_file.data, label_file.length);
    error = (struct error)ERROR_INITIALISER;
    assert_null(dataset_open(scratch->memory, scratch_path(scratch, "m"), &options, &error));
    assert_non_null(strstr(error.message, "has 3 images"));
}

static void fashion_mnist_is_read(void **state)
{
    struct scratch *scratch = *state;
    if (test_data_missing(FASHION_MNIST))
        skip();
    const struct dataset_options options = {.validation_share = 0.1, .seed = 1, .ignore = -1};
    struct dataset *dataset = open_dataset(scratch, FASHION_MNIST, &options);
    struct dataset_report report;
    assert_int_equal(dataset_classes(dataset), 10);
    assert_int_equal(dataset_check(dataset, NULL, false, NULL, &report, NULL), 0);
    for (int k = 0; k < 10; k++) {
        assert_int_equal(report.counts[FOVEA_SPLIT_TRAIN][k], 5400);
        assert_int_equal(report.counts[FOVEA_SPLIT_VALIDATION][k], 600);
        assert_int_equal(report.counts[FOVEA_SPLIT_TEST][k], 1000);
    }
    assert_int_equal(dataset_label(dataset, FOVEA_SPLIT_TEST, 0), 9);
    dataset_report_release(&report);
    dataset_close(dataset);
}

static void npy_bytes_are_images(void **state)
{
    struct scratch *scratch = *state;
    static const int64_t shapes[3][4] = {{4, 2, 3}, {4, 3, 2, 3}, {4, 2, 3, 3}}, labels[] = {4};
    char label_path[512];
    snprintf(label_path, sizeof label_path, "%s", put_npy(scratch, "y.npy", DTYPE_INT32, 1, labels, 3));
    const struct dataset_options options = {.labels = label_path, .ignore = -1};
    for (int i = 0; i < 3; i++) {
        struct image image;
        char name[DATASET_NAME_SIZE];
        const char *path = put_npy(scratch, "x.npy", DTYPE_UINT8, i ? 4 : 3, shapes[i], 251);
        struct dataset *dataset = open_dataset(scratch, path, &options);
        assert_null(dataset_tensor_shape(dataset));
        assert_int_equal(dataset_classes(dataset), 3);
        assert_string_equal(dataset_name(dataset, FOVEA_SPLIT_TRAIN, 3, name), "x.npy#3");
        assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, 1, &image, NULL, NULL), 0);
        assert_int_equal(image.width, 3);
        assert_int_equal(image.height, 2);
        assert_int_equal(image.channels, i ? 3 : 1);
        assert_int_equal(image.pixels[1], i == 0 ? 7 : i == 1 ? 18 + 6 : 19);
        image_release(scratch->memory, &image);
        dataset_close(dataset);
    }
}

static void npy_floats_are_tensors(void **state)
{
    struct scratch *scratch = *state;
    static const int64_t shape[] = {4, 5, 2, 2}, labels[] = {4}, few[] = {3};
    char label_path[512];
    snprintf(label_path, sizeof label_path, "%s", put_npy(scratch, "y.npy", DTYPE_INT64, 1, labels, 3));
    struct dataset_options options = {.labels = label_path, .ignore = -1};
    const char *path = put_npy(scratch, "x.npy", DTYPE_FLOAT, 4, shape, 1000);
    struct dataset *dataset = open_dataset(scratch, path, &options);
    float values[20];
    assert_int_equal(shape_count(dataset_tensor_shape(dataset)), 20);
    assert_int_equal(dataset_read_tensor(dataset, FOVEA_SPLIT_TRAIN, 2, values, NULL), 0);
    assert_true(values[19] >= 59 && values[19] <= 59);
    dataset_close(dataset);
    struct error error = ERROR_INITIALISER;
    put_npy(scratch, "y.npy", DTYPE_INT64, 1, few, 3);
    assert_null(dataset_open(scratch->memory, path, &options, &error));
    assert_non_null(strstr(error.message, "4 integers"));
    error = (struct error)ERROR_INITIALISER;
    options.labels = NULL;
    assert_null(dataset_open(scratch->memory, path, &options, &error));
    assert_non_null(strstr(error.message, "without labels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(idx_files_are_read_packed_or_plain, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(hostile_idx_files_are_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(idx_pairs_are_datasets, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(fashion_mnist_is_read, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(npy_bytes_are_images, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(npy_floats_are_tensors, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
