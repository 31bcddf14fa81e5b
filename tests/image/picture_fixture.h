/* What the picture tests share: recorded pixels, files as bytes. */
#ifndef FOVEA_TESTS_PICTURE_FIXTURE_H
#define FOVEA_TESTS_PICTURE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "image/image.h"

#define FIXTURES "tests/fixtures/images/"

static inline struct image read_picture(struct memory *memory, const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct image image;
    if (image_read(memory, path, &image, &error))
        fail_msg("%s", error.message);
    return image;
}

/* A uint8 .npy [height, width, 3] as numpy 1 writes it: a header of 128 bytes, then the elements. */
static inline struct image read_recorded(struct memory *memory, const char *path)
{
    size_t length;
    struct image image;
    int width, height;
    char *bytes = file_read(memory, path, 1 << 24, &length, NULL);
    assert_non_null(bytes);
    char *shape = strstr(bytes + 10, "'shape': (");
    assert_non_null(shape);
    assert_int_equal(sscanf(shape, "'shape': (%d, %d, 3)", &height, &width), 2);
    assert_int_equal(length, 128 + 3 * width * height);
    assert_int_equal(image_allocate(memory, &image, width, height, 3, NULL), 0);
    memcpy(image.pixels, bytes + 128, image_bytes(&image));
    memory_release(memory, bytes);
    return image;
}

static inline int largest_difference(const struct image *a, const struct image *b)
{
    int largest = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    for (size_t i = 0; i < image_bytes(a); i++)
        largest = abs(a->pixels[i] - b->pixels[i]) > largest ? abs(a->pixels[i] - b->pixels[i]) : largest;
    return largest;
}

/* Reads FIXTURES name.extension and compares with name.npy; `channels` is what the file itself has. */
static inline void check_picture(const char *name, const char *extension, int channels)
{
    char path[256];
    struct memory *memory = memory_create(0);
    snprintf(path, sizeof path, FIXTURES "%s.%s", name, extension);
    struct image image = read_picture(memory, path), colour;
    assert_int_equal(image.channels, channels);
    assert_int_equal(image_convert(memory, &image, 3, &colour, NULL), 0);
    snprintf(path, sizeof path, FIXTURES "%s.npy", name);
    struct image recorded = read_recorded(memory, path);
    if (largest_difference(&colour, &recorded) != 0)
        fail_msg("%s.%s differs by %d", name, extension, largest_difference(&colour, &recorded));
    image_release(memory, &image);
    image_release(memory, &colour);
    image_release(memory, &recorded);
    assert_int_equal(memory_destroy(memory), 0);
}

/* Decodes damaged bytes: an image within the limits, or an error of one line that begins with the name. Returns whether
 * there was an image. */
static inline bool try_damaged(struct memory *memory, const uint8_t *bytes, size_t length)
{
    struct error error = ERROR_INITIALISER;
    struct image image;
    /* A block of the very length, so that reading past its end is seen. */
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    int result = image_decode(memory, copy, length, "broken", &image, &error);
    free(copy);
    if (result == 0) {
        assert_int_equal(image_check_size(image.width, image.height, NULL), 0);
        assert_non_null(image.pixels);
        image_release(memory, &image);
    } else {
        assert_null(image.pixels);
        assert_memory_equal(error.message, "broken: ", 8);
        assert_null(strchr(error.message, '\n'));
        assert_true(error.kind == ERROR_INPUT || error.kind == ERROR_LIMIT || error.kind == ERROR_MEMORY ||
                    error.kind == ERROR_UNSUPPORTED);
    }
    assert_int_equal(memory_in_use(memory), 0);
    return result == 0;
}

/* No prefix of the file is an image, but for prefixes that lack at most `spare` bytes. */
static inline void check_truncation(const char *path, size_t spare)
{
    struct memory *files = memory_create(0), *memory = memory_create((size_t)1 << 30);
    size_t length;
    uint8_t *bytes = file_read(files, path, 1 << 24, &length, NULL);
    assert_non_null(bytes);
    for (size_t cut = 0; cut < length; cut++) {
        if (try_damaged(memory, bytes, cut) && cut + spare < length)
            fail_msg("%s cut to %zu of %zu bytes is read", path, cut, length);
    }
    memory_release(files, bytes);
    assert_int_equal(memory_destroy(memory), 0);
    assert_int_equal(memory_destroy(files), 0);
}

/* Every byte in turn gets other values. */
static inline void check_flips(const char *path)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    struct memory *files = memory_create(0), *memory = memory_create((size_t)1 << 30);
    size_t length;
    uint8_t *bytes = file_read(files, path, 1 << 24, &length, NULL);
    assert_non_null(bytes);
    for (size_t at = 0; at < length; at++) {
        for (size_t mask = 0; mask < sizeof masks; mask++) {
            bytes[at] ^= masks[mask];
            try_damaged(memory, bytes, length);
            bytes[at] ^= masks[mask];
        }
    }
    memory_release(files, bytes);
    assert_int_equal(memory_destroy(memory), 0);
    assert_int_equal(memory_destroy(files), 0);
}

/* Every allocation fails once. */
static inline void check_failing_allocations(const char *path)
{
    struct memory *memory = memory_create(0);
    int result = -1;
    for (size_t n = 1; result != 0; n++) {
        struct error error = ERROR_INITIALISER;
        struct image image;
        assert_true(n < 200);
        memory_fail_after(memory, n);
        result = image_read(memory, path, &image, &error);
        memory_fail_after(memory, 0);
        assert_int_equal(result == 0, error.kind == ERROR_NONE);
        image_release(memory, &image);
        assert_int_equal(memory_in_use(memory), 0);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

#endif
