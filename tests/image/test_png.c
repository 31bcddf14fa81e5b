#include "picture_fixture.h"

#include "../temporary.h"

static void every_kind_is_read(void **state)
{
    (void)state;
    static const char *gray[] = {"gray1", "gray8", "gray16", "gray8_interlaced", "gray_alpha8"};
    static const char *colour[] = {"one_pixel_interlaced", "palette4",   "palette8",
                                   "palette_transparent",  "rgb16",      "rgb8",
                                   "rgb8_interlaced",      "rgb_alpha8", "rgb_transparent_colour"};
    for (size_t i = 0; i < sizeof gray / sizeof gray[0]; i++)
        check_picture(gray[i], "png", 1);
    for (size_t i = 0; i < sizeof colour / sizeof colour[0]; i++)
        check_picture(colour[i], "png", 3);
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    check_truncation(FIXTURES "rgb8_interlaced.png", 0);
    check_truncation(FIXTURES "palette_transparent.png", 0);
}

static void flipped_bytes_are_survived(void **state)
{
    (void)state;
    check_flips(FIXTURES "palette4.png");
    check_flips(FIXTURES "gray8_interlaced.png");
    check_flips(FIXTURES "gray1.png");
}

static void failing_allocations_leave_nothing(void **state)
{
    (void)state;
    check_failing_allocations(FIXTURES "rgb8_interlaced.png");
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    const char *path = temporary_path("again.png");
    static const char *names[] = {FIXTURES "rgb8.png", FIXTURES "gray8.png"};
    for (int i = 0; i < 2; i++) {
        struct image image = read_picture(memory, names[i]);
        assert_int_equal(image_write_png(memory, path, &image, NULL), 0);
        struct image again = read_picture(memory, path);
        assert_int_equal(largest_difference(&image, &again), 0);
        image_release(memory, &image);
        image_release(memory, &again);
    }
    struct image image = read_picture(memory, names[0]);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(image_write_png(memory, "/nonexistent/folder/x.png", &image, &error), -1);
    assert_int_equal(error.kind, ERROR_IO);
    assert_non_null(strstr(error.message, "/nonexistent/folder/x.png"));
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void a_text_named_png_is_named(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct error error = ERROR_INITIALISER;
    struct image image;
    const char *path = temporary_path("text.png");
    assert_int_equal(file_write(memory, path, "hello", 5, NULL), 0);
    assert_int_equal(image_read(memory, path, &image, &error), -1);
    char expected[2048];
    snprintf(expected, sizeof expected, "%s: is neither a PNG nor a JPEG nor a WebP image", path);
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_string_equal(error.message, expected);
    assert_int_equal(memory_destroy(memory), 0);
}

static uint32_t crc_of(const uint8_t *bytes, size_t length)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    return ~crc;
}

static void store_big_endian(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The header's width and height with a right checksum. */
static void huge_sizes_are_refused_before_allocation(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{16385, 1}, {1, 16385}, {16384, 16384}, {0x7fffffff, 0x7fffffff}, {0, 5}};
    struct memory *files = memory_create(0), *memory = memory_create(1 << 20);
    size_t length;
    uint8_t *bytes = file_read(files, FIXTURES "rgb8.png", 1 << 20, &length, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        store_big_endian(bytes + 16, sizes[i][0]);
        store_big_endian(bytes + 20, sizes[i][1]);
        store_big_endian(bytes + 29, crc_of(bytes + 12, 17));
        assert_false(try_damaged(memory, bytes, length));
    }
    assert_true(memory_peak(memory) < 1 << 18);
    memory_release(files, bytes);
    assert_int_equal(memory_destroy(memory), 0);
    assert_int_equal(memory_destroy(files), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(failing_allocations_leave_nothing),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_text_named_png_is_named),
        cmocka_unit_test(huge_sizes_are_refused_before_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
