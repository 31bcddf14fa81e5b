#include "picture_fixture.h"

#include <stdbool.h>

#include <jpeglib.h>

#include "image/decode.h"

static void every_kind_is_read(void **state)
{
    (void)state;
    check_picture("gray", "jpg", 1);
    check_picture("rgb", "jpg", 3);
    check_picture("rgb_444", "jpg", 3);
    check_picture("rgb_progressive", "jpg", 3);
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    check_truncation(FIXTURES "gray.jpg", 4);
    check_truncation(FIXTURES "rgb.jpg", 4);
    check_truncation(FIXTURES "rgb_progressive.jpg", 4);
}

static void flipped_bytes_are_survived(void **state)
{
    (void)state;
    check_flips(FIXTURES "gray.jpg");
    check_flips(FIXTURES "rgb_progressive.jpg");
}

static void failing_allocations_leave_nothing(void **state)
{
    (void)state;
    check_failing_allocations(FIXTURES "rgb_progressive.jpg");
}

/* A progressive gray picture of so many pixels a side, its last scan repeated. */
static unsigned char *repeated_scans(int side, int scans, size_t *length)
{
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    unsigned char *whole = NULL, *row = calloc((size_t)side, 1);
    unsigned long bytes = 0;
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &whole, &bytes);
    encoder.image_width = encoder.image_height = (JDIMENSION)side;
    encoder.input_components = 1;
    encoder.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&encoder);
    jpeg_simple_progression(&encoder);
    jpeg_start_compress(&encoder, TRUE);
    for (int y = 0; y < side; y++)
        jpeg_write_scanlines(&encoder, &row, 1);
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    size_t start = bytes - 2;
    while (!(whole[start] == 0xff && whole[start + 1] == 0xda))
        start--;
    size_t scan = bytes - 2 - start;
    unsigned char *repeated = malloc(bytes + scan * (size_t)scans);
    memcpy(repeated, whole, bytes - 2);
    *length = bytes - 2;
    for (int i = 0; i < scans; i++, *length += scan)
        memcpy(repeated + *length, whole + start, scan);
    memcpy(repeated + *length, whole + bytes - 2, 2);
    *length += 2;
    free(whole);
    free(row);
    return repeated;
}

/* Few scans of a large picture and many of a small one are read; many of a large one would take long. */
static void scans_times_pixels_are_limited(void **state)
{
    (void)state;
    static const struct {
        int side, scans;
        bool read;
    } cases[] = {{64, 100, true}, {64, 250, false}, {6000, 5, true}, {6000, 40, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct memory *memory = memory_create((size_t)1 << 30);
        struct image image = {0};
        size_t length;
        unsigned char *bytes = repeated_scans(cases[i].side, cases[i].scans, &length);
        int result = jpeg_decode(memory, bytes, length, &image, &error);
        assert_int_equal(result, cases[i].read ? 0 : -1);
        assert_int_equal(error.kind, cases[i].read ? ERROR_NONE : ERROR_LIMIT);
        if (result == 0)
            image_release(memory, &image);
        free(bytes);
        assert_int_equal(memory_destroy(memory), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(failing_allocations_leave_nothing),
        cmocka_unit_test(scans_times_pixels_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
