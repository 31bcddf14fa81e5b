/* Formats by their bytes, and pictures turned by their EXIF orientation. */
#include "../temporary.h"
#include "image/format.h"
#include "picture_fixture.h"

static const struct {
    const char *bytes;
    size_t length;
    enum image_format format;
} cases[] = {
    {"\x89PNG\r\n\x1a\n", 8, IMAGE_FORMAT_PNG},
    {"\xff\xd8\xff\xdb", 4, IMAGE_FORMAT_JPEG},
    {"RIFF\x10\0\0\0WEBPVP8 ", 16, IMAGE_FORMAT_WEBP},
    {"RIFF\x10\0\0\0WAVEfmt ", 16, IMAGE_FORMAT_NONE},
    {"BM\x36\x09\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", 18, IMAGE_FORMAT_BMP},
    {"BMW.jpg,1\nAudi.jpg,2\n", 21, IMAGE_FORMAT_NONE},
    {"GIF89a\x20", 7, IMAGE_FORMAT_GIF},
    {"II*\0\x08\0\0\0", 8, IMAGE_FORMAT_TIFF},
    {"MM\0*\0\0\0\x08", 8, IMAGE_FORMAT_TIFF},
    {"\0\0\0\x18"
     "ftypheic\0\0\0\0mif1heic",
     24, IMAGE_FORMAT_HEIC},
    {"\0\0\0\x1c"
     "ftypmif1\0\0\0\0mif1avifmiaf",
     28, IMAGE_FORMAT_AVIF},
    {"\0\0\0\x14"
     "ftypmif1\0\0\0\0mif1",
     20, IMAGE_FORMAT_HEIC},
    {"\0\0\0\x1c"
     "ftypavif\0\0\0\0avifmif1",
     28, IMAGE_FORMAT_AVIF},
    {"\0\0\0\x18"
     "ftypisom\0\0\x02\0isomiso2",
     24, IMAGE_FORMAT_VIDEO},
    {"P6 640 480 255 ", 15, IMAGE_FORMAT_PNM},
    {"P6.jpg,1", 8, IMAGE_FORMAT_NONE},
    {"file,label\na.png,1\n", 19, IMAGE_FORMAT_NONE},
    {"", 0, IMAGE_FORMAT_NONE},
};

static void formats_are_told_by_their_bytes(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct image image;
        const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
        for (size_t length = 0; length < cases[i].length; length++)
            image_format_of(bytes, length);
        assert_int_equal(image_format_of(bytes, cases[i].length), cases[i].format);
        if (cases[i].format < IMAGE_FORMATS_READ && cases[i].format != IMAGE_FORMAT_NONE)
            continue;
        assert_int_equal(image_decode(memory, bytes, cases[i].length, "x.jpg", &image, &error), -1);
        const char *part = cases[i].length == 0 ? "x.jpg: is empty"
                           : cases[i].format    ? image_format_name(cases[i].format)
                                                : "x.jpg: is neither";
        assert_non_null(strstr(error.message, part));
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* A picture of 3 x 2 pixels 1 2 3 / 4 5 6 as stored, upright by EXIF's eight orientations. */
static void pictures_are_turned(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        uint8_t pixels[6];
    } upright[8] = {{3, 2, {1, 2, 3, 4, 5, 6}}, {3, 2, {3, 2, 1, 6, 5, 4}}, {3, 2, {6, 5, 4, 3, 2, 1}},
                    {3, 2, {4, 5, 6, 1, 2, 3}}, {2, 3, {1, 4, 2, 5, 3, 6}}, {2, 3, {4, 1, 5, 2, 6, 3}},
                    {2, 3, {6, 3, 5, 2, 4, 1}}, {2, 3, {3, 6, 2, 5, 1, 4}}};
    struct memory *memory = memory_create(0);
    for (int orientation = 1; orientation <= 8; orientation++) {
        uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
        struct image stored = {3, 2, 1, pixels, orientation}, turned;
        assert_int_equal(image_turn(memory, &stored, &turned, NULL), 0);
        assert_int_equal(turned.width, upright[orientation - 1].width);
        assert_int_equal(turned.height, upright[orientation - 1].height);
        assert_memory_equal(turned.pixels, upright[orientation - 1].pixels, 6);
        image_release(memory, &turned);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* In every format, by the header alone too; pixels stay as stored. */
static void orientations_are_found(void **state)
{
    (void)state;
    static const char *const files[] = {FIXTURES "turned.jpg", FIXTURES "turned.png", FIXTURES "turned.webp"};
    struct memory *memory = memory_create(0);
    for (int i = 0; i < 3; i++) {
        struct image image = read_picture(memory, files[i]), header;
        assert_int_equal(image.orientation, 6);
        assert_int_equal(image.width, 37);
        image_release(memory, &image);
        assert_int_equal(image_look(memory, files[i], &header, NULL), 0);
        assert_int_equal(header.orientation, 6);
    }
    struct image plain = read_picture(memory, FIXTURES "rgb.jpg");
    assert_int_equal(plain.orientation, 0);
    image_release(memory, &plain);
    assert_int_equal(memory_destroy(memory), 0);
}

static void damaged_orientations_are_survived(void **state)
{
    (void)state;
    check_flips(FIXTURES "turned.jpg");
    check_flips(FIXTURES "turned.png");
    check_flips(FIXTURES "turned.webp");
}

static void names_do_not_matter(void **state)
{
    (void)state;
    size_t length;
    struct memory *memory = memory_create(0);
    uint8_t *bytes = file_read(memory, FIXTURES "rgb_lossless.webp", 1 << 20, &length, NULL);
    const char *path = temporary_path("webp_named.jpg");
    assert_int_equal(file_write(memory, path, bytes, length, NULL), 0);
    struct image image = read_picture(memory, path), recorded = read_recorded(memory, FIXTURES "rgb8.npy");
    assert_int_equal(largest_difference(&image, &recorded), 0);
    image_release(memory, &image);
    image_release(memory, &recorded);
    assert_int_equal(file_write(memory, path, bytes, length - 40, NULL), 0);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(image_look(memory, path, &image, &error), -1);
    memory_release(memory, bytes);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_told_by_their_bytes),
        cmocka_unit_test(pictures_are_turned),
        cmocka_unit_test(orientations_are_found),
        cmocka_unit_test(damaged_orientations_are_survived),
        cmocka_unit_test(names_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
