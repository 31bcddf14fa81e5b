#include "../temporary.h"
#include "picture_fixture.h"

#include <math.h>
#include <unistd.h>

#include "image/index_image.h"

static struct index_image read_indices(struct memory *memory, const char *name)
{
    char path[128];
    struct index_image indices;
    struct error error = ERROR_INITIALISER;
    snprintf(path, sizeof path, FIXTURES "%s.png", name);
    if (index_image_read(memory, path, &indices, &error))
        fail_msg("%s", error.message);
    return indices;
}

/* What image_read makes of a gray file with `most` as its white. */
static void check_gray(const char *name, double most)
{
    struct memory *memory = memory_create(0);
    char path[128];
    snprintf(path, sizeof path, FIXTURES "%s.png", name);
    struct image image = read_picture(memory, path);
    struct index_image indices = read_indices(memory, name);
    assert_int_equal(indices.width, image.width);
    for (int i = 0; i < image.width * image.height; i++)
        assert_int_equal(lround(indices.values[i] * 255 / most), image.pixels[i]);
    image_release(memory, &image);
    index_image_release(memory, &indices);
    assert_int_equal(memory_destroy(memory), 0);
}

static void gray_values_are_as_stored(void **state)
{
    (void)state;
    check_gray("gray1", 1);
    check_gray("gray8", 255);
    check_gray("gray8_interlaced", 255);
    check_gray("gray_alpha8", 255);
    check_gray("gray16", 65535);
}

/* One colour per entry, and some entries. */
static void palettes_give_their_entries(void **state)
{
    (void)state;
    static const char *names[] = {"palette4", "palette8", "palette_transparent"};
    for (int k = 0; k < 3; k++) {
        struct memory *memory = memory_create(0);
        char path[128];
        uint8_t colours[256][3] = {{0}};
        bool seen[256] = {false};
        int entries = 0;
        snprintf(path, sizeof path, FIXTURES "%s.png", names[k]);
        struct image image = read_picture(memory, path);
        struct index_image indices = read_indices(memory, names[k]);
        for (int i = 0; i < image.width * image.height; i++) {
            int value = indices.values[i];
            assert_true(value < (k == 0 ? 16 : 256));
            entries += !seen[value];
            if (seen[value])
                assert_memory_equal(colours[value], image.pixels + 3 * i, 3);
            seen[value] = true;
            memcpy(colours[value], image.pixels + 3 * i, 3);
        }
        assert_true(entries > 1);
        image_release(memory, &image);
        index_image_release(memory, &indices);
        assert_int_equal(memory_destroy(memory), 0);
    }
}

/* Of a PNG file that was saved in colours, too */
static void gray_of_colours_is_as_stored(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct index_image gray = read_indices(memory, "gray8"), indices;
    struct image colours;
    const char *path = temporary_path("colours.png");
    assert_int_equal(image_allocate(memory, &colours, gray.width, gray.height, 3, NULL), 0);
    for (int i = 0; i < gray.width * gray.height; i++)
        memset(colours.pixels + 3 * i, gray.values[i], 3);
    assert_int_equal(image_write_png(memory, path, &colours, NULL), 0);
    assert_int_equal(index_image_read(memory, path, &indices, NULL), 0);
    assert_memory_equal(indices.values, gray.values, (size_t)(gray.width * gray.height) * sizeof *gray.values);
    image_release(memory, &colours);
    index_image_release(memory, &gray);
    index_image_release(memory, &indices);
    assert_int_equal(memory_destroy(memory), 0);
}

static void gray_of_lossless_webp_is_as_stored(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct index_image png = read_indices(memory, "gray8"), webp;
    assert_int_equal(index_image_read(memory, FIXTURES "gray8_mask.webp", &webp, NULL), 0);
    assert_int_equal(webp.width, png.width);
    assert_memory_equal(webp.values, png.values, (size_t)(png.width * png.height) * sizeof *png.values);
    index_image_release(memory, &png);
    index_image_release(memory, &webp);
    assert_int_equal(memory_destroy(memory), 0);
}

static void what_is_no_mask_is_refused(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const char *const files[][2] = {
        {FIXTURES "rgb8.png", "rgb8.png: is a colour image"},
        {FIXTURES "rgb_alpha8.png", "is a colour image"},
        {FIXTURES "gray.jpg", "is a JPEG image: a mask has to be PNG or lossless WebP"},
        {FIXTURES "rgb_lossy.webp", "is a lossy WebP image"},
        {FIXTURES "rgb_lossless.webp", "is a colour image"},
        {FIXTURES "gray8.npy", "is no image that is known"},
        {FIXTURES "none.png", "cannot be opened"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct index_image indices;
        assert_int_equal(index_image_read(memory, files[i][0], &indices, &error), -1);
        assert_null(indices.values);
        assert_non_null(strstr(error.message, files[i][1]));
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void cut_files_and_failing_allocations_are_survived(void **state)
{
    (void)state;
    char path[64];
    size_t length;
    struct memory *memory = memory_create(0);
    uint8_t *bytes = file_read(memory, FIXTURES "gray16.png", 1 << 20, &length, NULL);
    snprintf(path, sizeof path, "/tmp/fovea_test_index_%ld.png", (long)getpid());
    for (size_t cut = 0; cut < length; cut += 37) {
        struct index_image indices;
        assert_int_equal(file_write(memory, path, bytes, cut, NULL), 0);
        assert_int_equal(index_image_read(memory, path, &indices, NULL), -1);
    }
    unlink(path);
    memory_release(memory, bytes);
    for (size_t n = 1;; n++) {
        struct index_image indices;
        struct error error = ERROR_INITIALISER;
        memory_fail_after(memory, n);
        int result = index_image_read(memory, FIXTURES "palette4.png", &indices, &error);
        memory_fail_after(memory, 0);
        if (result == 0) {
            index_image_release(memory, &indices);
            break;
        }
        assert_int_equal(error.kind, ERROR_MEMORY);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void headers_alone_give_the_size(void **state)
{
    (void)state;
    static const char *names[] = {"rgb.jpg", "gray.jpg", "rgb_progressive.jpg", "gray16.png", "palette4.png"};
    struct memory *memory = memory_create(0);
    for (int i = 0; i < 5; i++) {
        char path[128];
        struct image header;
        snprintf(path, sizeof path, FIXTURES "%s", names[i]);
        struct image image = read_picture(memory, path);
        assert_int_equal(image_read_header(memory, path, &header, NULL), 0);
        assert_int_equal(header.width, image.width);
        assert_int_equal(header.height, image.height);
        assert_int_equal(header.channels, image.channels);
        assert_null(header.pixels);
        image_release(memory, &image);
    }
    struct error error = ERROR_INITIALISER;
    struct image header;
    assert_int_equal(image_read_header(memory, FIXTURES "rgb.npy", &header, &error), -1);
    assert_non_null(strstr(error.message, "rgb.npy: is neither a PNG nor a JPEG"));
    assert_int_equal(memory_destroy(memory), 0);
}

/* A JPEG with 60 KiB of comments before its header. */
static void long_comments_before_the_header_are_read_over(void **state)
{
    (void)state;
    char path[64];
    size_t length;
    struct image header;
    struct memory *memory = memory_create(0);
    uint8_t *bytes = file_read(memory, FIXTURES "rgb.jpg", 1 << 20, &length, NULL);
    uint8_t *longer = memory_allocate(memory, length + 60004, 1, NULL);
    memcpy(longer, bytes, 2);
    memcpy(longer + 2, "\xff\xfe\xea\x62", 4); /* a comment of 60002 bytes with its length */
    memcpy(longer + 60006, bytes + 2, length - 2);
    snprintf(path, sizeof path, "/tmp/fovea_test_header_%ld.jpg", (long)getpid());
    assert_int_equal(file_write(memory, path, longer, length + 60004, NULL), 0);
    assert_int_equal(image_read_header(memory, path, &header, NULL), 0);
    assert_true(header.width > 0);
    unlink(path);
    memory_release(memory, bytes);
    memory_release(memory, longer);
    assert_int_equal(memory_destroy(memory), 0);
}

static void parts_are_cut_and_resized(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct index_image whole, part, twice;
    assert_int_equal(index_image_allocate(memory, &whole, 3, 2, NULL), 0);
    for (int i = 0; i < 6; i++)
        whole.values[i] = (uint16_t)(i + 300);
    const struct image_window window = {-1, 1, 3, 2};
    static const uint16_t cut[6] = {9, 303, 304, 9, 9, 9};
    assert_int_equal(index_image_cut(memory, &whole, &window, 9, &part, NULL), 0);
    assert_memory_equal(part.values, cut, sizeof cut);
    assert_int_equal(index_image_resize(memory, &whole, 6, 4, &twice, NULL), 0);
    for (int y = 0; y < 4; y++) {
        for (int x = 0; x < 6; x++)
            assert_int_equal(twice.values[y * 6 + x], 300 + y / 2 * 3 + x / 2);
    }
    index_image_release(memory, &part);
    assert_int_equal(index_image_resize(memory, &twice, 3, 2, &part, NULL), 0);
    assert_memory_equal(part.values, whole.values, 6 * sizeof *whole.values);
    index_image_release(memory, &part);
    index_image_release(memory, &twice);
    const struct image_window outside = {5, 5, 2, 2};
    assert_int_equal(index_image_cut(memory, &whole, &outside, 7, &part, NULL), 0);
    assert_int_equal(part.values[3], 7);
    index_image_release(memory, &part);
    index_image_release(memory, &whole);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gray_values_are_as_stored),
        cmocka_unit_test(palettes_give_their_entries),
        cmocka_unit_test(gray_of_colours_is_as_stored),
        cmocka_unit_test(gray_of_lossless_webp_is_as_stored),
        cmocka_unit_test(what_is_no_mask_is_refused),
        cmocka_unit_test(cut_files_and_failing_allocations_are_survived),
        cmocka_unit_test(headers_alone_give_the_size),
        cmocka_unit_test(long_comments_before_the_header_are_read_over),
        cmocka_unit_test(parts_are_cut_and_resized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
