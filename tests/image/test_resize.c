#include "picture_fixture.h"

#define RESIZED "tests/fixtures/resize/"

static const struct {
    const char *source;
    int width, height;
} cases[] = {
    {"gray_28x28", 13, 9},    {"gray_28x28", 28, 28}, {"gray_28x28", 56, 56},    {"gray_61x47", 20, 47},
    {"gray_61x47", 224, 224}, {"gray_61x47", 64, 48}, {"rgb_333x251", 100, 251}, {"rgb_333x251", 16, 333},
    {"rgb_333x251", 64, 48},  {"rgb_40x30", 40, 11},  {"rgb_40x30", 96, 70},
};

static void sizes_are_as_pillow_makes_them(void **state)
{
    (void)state;
    static const char *names[] = {"bilinear", "bicubic"};
    struct memory *memory = memory_create(0);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        char path[256];
        enum interpolation interpolation = i % 2 ? INTERPOLATION_BICUBIC : INTERPOLATION_BILINEAR;
        snprintf(path, sizeof path, RESIZED "%s.png", cases[i / 2].source);
        struct image source = read_picture(memory, path), resized;
        assert_int_equal(
            image_resize(memory, &source, cases[i / 2].width, cases[i / 2].height, interpolation, &resized, NULL), 0);
        snprintf(path, sizeof path, RESIZED "%s_to_%dx%d_%s.png", cases[i / 2].source, cases[i / 2].width,
                 cases[i / 2].height, names[i % 2]);
        struct image recorded = read_picture(memory, path);
        int difference = largest_difference(&resized, &recorded);
        if (difference > 0)
            fail_msg("%s differs by %d", path, difference);
        image_release(memory, &source);
        image_release(memory, &resized);
        image_release(memory, &recorded);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void sizes_outside_the_limits_are_refused(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{0, 5}, {5, -1}, {16385, 1}, {16384, 16384}, {INT64_MAX, INT64_MAX}};
    struct memory *memory = memory_create(0);
    struct image source = read_picture(memory, RESIZED "rgb_40x30.png"), resized;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(
            image_resize(memory, &source, sizes[i][0], sizes[i][1], INTERPOLATION_BICUBIC, &resized, &error), -1);
        assert_int_equal(error.kind, ERROR_LIMIT);
        assert_null(resized.pixels);
    }
    image_release(memory, &source);
    assert_int_equal(memory_destroy(memory), 0);
}

static void extreme_reductions_keep_the_mean(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image wide, dot;
    assert_int_equal(image_allocate(memory, &wide, 16384, 3, 1, NULL), 0);
    memset(wide.pixels, 77, image_bytes(&wide));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            image_resize(memory, &wide, 1, 1, i ? INTERPOLATION_BICUBIC : INTERPOLATION_BILINEAR, &dot, NULL), 0);
        assert_int_equal(dot.pixels[0], 77);
        image_release(memory, &dot);
    }
    image_release(memory, &wide);
    assert_int_equal(memory_destroy(memory), 0);
}

static void failing_allocations_leave_nothing(void **state)
{
    (void)state;
    struct memory *files = memory_create(0), *memory = memory_create(0);
    struct image source = read_picture(files, RESIZED "rgb_40x30.png"), resized;
    int result = -1;
    for (size_t n = 1; result != 0; n++) {
        struct error error = ERROR_INITIALISER;
        memory_fail_after(memory, n);
        result = image_resize(memory, &source, 20, 20, INTERPOLATION_BILINEAR, &resized, &error);
        assert_int_equal(result == 0, error.kind == ERROR_NONE);
        image_release(memory, &resized);
        assert_int_equal(memory_in_use(memory), 0);
    }
    image_release(files, &source);
    assert_int_equal(memory_destroy(memory), 0);
    assert_int_equal(memory_destroy(files), 0);
}

static void shorter_side_and_crop_follow_torchvision(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image, part;
    int64_t width, height;
    assert_int_equal(image_allocate(memory, &image, 9, 7, 1, NULL), 0);
    for (int i = 0; i < 63; i++)
        image.pixels[i] = (uint8_t)i;
    image_size_for_shorter_side(&image, 256, &width, &height);
    assert_int_equal(width, 329); /* 9 * 256 / 7 = 329.1 */
    assert_int_equal(height, 256);
    /* Margins 5 and 3: round(2.5) = 2 from the left, round(1.5) = 2 from the top. */
    const struct image_window window = {image_centre_offset(9, 4), image_centre_offset(7, 4), 4, 4};
    assert_int_equal(image_cut(memory, &image, &window, NULL, &part, NULL), 0);
    assert_int_equal(part.pixels[0], 2 * 9 + 2);
    assert_int_equal(part.pixels[15], 5 * 9 + 5);
    image_release(memory, &part);
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_as_pillow_makes_them),
        cmocka_unit_test(sizes_outside_the_limits_are_refused),
        cmocka_unit_test(extreme_reductions_keep_the_mean),
        cmocka_unit_test(failing_allocations_leave_nothing),
        cmocka_unit_test(shorter_side_and_crop_follow_torchvision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
