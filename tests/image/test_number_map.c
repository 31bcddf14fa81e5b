#include <math.h>

#include "picture_fixture.h"

#include "image/number_map.h"

static const float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct image paint(struct memory *memory, const float *numbers, int64_t height, int64_t width)
{
    const struct number_map map = {numbers, 4, 4, 0, 15, FOVEA_COLORMAP_GRAY};
    struct image image;
    assert_int_equal(number_map_image(memory, &map, height, width, &image, NULL), 0);
    return image;
}

static void cells_are_squares(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = paint(memory, values, 12, 12);
    for (int y = 0; y < 12; y++) {
        for (int x = 0; x < 12; x++)
            assert_int_equal(image.pixels[3 * (12 * y + x)], 17 * (y / 3 * 4 + x / 3));
    }
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void reducing_takes_the_mean(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image one = paint(memory, values, 1, 1), four = paint(memory, values, 2, 2);
    assert_int_equal(one.pixels[0], 128); /* the mean, 7.5 of 15 */
    assert_int_equal(four.pixels[3], 77); /* the mean of 2, 3, 6, 7 is 4.5, times 17 */
    image_release(memory, &one);
    image_release(memory, &four);
    assert_int_equal(memory_destroy(memory), 0);
}

static void what_is_no_number_is_gray(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    const float odd[16] = {NAN, INFINITY, -INFINITY, 1e30f};
    struct image image = paint(memory, odd, 4, 4);
    const uint8_t expected[4] = {128, 255, 0, 255};
    for (int i = 0; i < 4; i++)
        assert_int_equal(image.pixels[3 * i], expected[i]);
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cells_are_squares), cmocka_unit_test(reducing_takes_the_mean),
                                       cmocka_unit_test(what_is_no_number_is_gray)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
