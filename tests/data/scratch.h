/* A folder of files that a test makes and that goes with it. */
#ifndef FOVEA_TESTS_DATA_SCRATCH_H
#define FOVEA_TESTS_DATA_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "tensor/npy.h"

#define PICTURES "tests/fixtures/images/"

struct scratch {
    struct memory *memory;
    char folder[64];
};

static inline int scratch_set_up(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    assert_non_null(scratch);
    scratch->memory = memory_create(0);
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/fovea_test_data_XXXXXX");
    assert_non_null(mkdtemp(scratch->folder));
    *state = scratch;
    return 0;
}

static inline int scratch_tear_down(void **state)
{
    struct scratch *scratch = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", scratch->folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(memory_destroy(scratch->memory), 0);
    free(scratch);
    return 0;
}

/* The path of a file in the folder, whose own folder is made; valid for the next three calls. */
static inline const char *scratch_path(const struct scratch *scratch, const char *name)
{
    static char paths[4][512];
    static int used;
    char *path = paths[used++ % 4], folder[512];
    snprintf(path, sizeof paths[0], "%s/%s", scratch->folder, name);
    snprintf(folder, sizeof folder, "%.*s", (int)(file_base_name(path) - path - 1), path);
    assert_int_equal(file_make_folder(folder, NULL), 0);
    return path;
}

static inline const char *put_bytes(const struct scratch *scratch, const char *name, const void *bytes, size_t length)
{
    const char *path = scratch_path(scratch, name);
    assert_int_equal(file_write(scratch->memory, path, bytes, length, NULL), 0);
    return path;
}

static inline const char *put_text(const struct scratch *scratch, const char *name, const char *text)
{
    return put_bytes(scratch, name, text, strlen(text));
}

/* Copies a file of the picture fixtures, or its first `length` bytes. */
static inline const char *put_picture(const struct scratch *scratch, const char *picture, const char *name,
                                      size_t length)
{
    char from[256];
    size_t size;
    snprintf(from, sizeof from, PICTURES "%s", picture);
    void *bytes = file_read(scratch->memory, from, 1 << 20, &size, NULL);
    assert_non_null(bytes);
    const char *path = put_bytes(scratch, name, bytes, length ? length : size);
    memory_release(scratch->memory, bytes);
    return path;
}

/* A PNG whose pixel values are `first`, `first` + 1, ... modulo `modulus`. */
static inline const char *put_ramp(const struct scratch *scratch, const char *name, int width, int height, int channels,
                                   int first, int modulus)
{
    struct image image;
    const char *path = scratch_path(scratch, name);
    assert_int_equal(image_allocate(scratch->memory, &image, width, height, channels, NULL), 0);
    for (size_t i = 0; i < image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(((size_t)first + i) % (size_t)modulus);
    assert_int_equal(image_write_png(scratch->memory, path, &image, NULL), 0);
    image_release(scratch->memory, &image);
    return path;
}

/* Elements 0, 1, 2, ... modulo `modulus`. */
static inline const char *put_npy(const struct scratch *scratch, const char *name, enum dtype dtype, int rank,
                                  const int64_t *dims, int modulus)
{
    struct tensor tensor = {.dtype = dtype};
    const char *path = scratch_path(scratch, name);
    assert_int_equal(shape_set(&tensor.shape, rank, dims, NULL), 0);
    assert_int_equal(tensor_allocate(scratch->memory, &tensor, NULL), 0);
    for (int64_t i = 0; i < shape_count(&tensor.shape); i++)
        tensor_set_number(&tensor, i, (double)(i % modulus));
    assert_int_equal(npy_write(scratch->memory, path, &tensor, NULL), 0);
    tensor_release(scratch->memory, &tensor);
    return path;
}

static inline struct dataset *open_dataset(const struct scratch *scratch, const char *path,
                                           const struct dataset_options *options)
{
    struct error error = ERROR_INITIALISER;
    struct dataset *dataset = dataset_open(scratch->memory, path, options, &error);
    if (!dataset)
        fail_msg("%s", error.message);
    return dataset;
}

/* Without a resize of its own. */
static inline struct preprocess imagenet_of(int width, int height)
{
    struct preprocess preprocess;
    assert_int_equal(preprocess_preset("imagenet", &preprocess, NULL), 0);
    preprocess.resize = 0;
    preprocess.crop_width = width;
    preprocess.crop_height = height;
    return preprocess;
}

#endif
