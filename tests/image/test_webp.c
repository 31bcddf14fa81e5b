#include "picture_fixture.h"

static void every_kind_is_read(void **state)
{
    (void)state;
    check_picture("rgb_lossy", "webp", 3);
    check_picture("rgb_lossless", "webp", 3);
    check_picture("rgb_alpha", "webp", 3); /* alpha is dropped */
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    check_truncation(FIXTURES "rgb_lossy.webp", 4);
    check_truncation(FIXTURES "rgb_lossless.webp", 4);
}

static void flipped_bytes_are_survived(void **state)
{
    (void)state;
    check_flips(FIXTURES "rgb_lossy.webp");
    check_flips(FIXTURES "rgb_alpha.webp");
}

static void animations_are_refused(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct error error = ERROR_INITIALISER;
    struct image image;
    assert_int_equal(image_read(memory, FIXTURES "animated.webp", &image, &error), -1);
    assert_non_null(strstr(error.message, "animated.webp: is an animated WebP image"));
    assert_int_equal(memory_destroy(memory), 0);
}

static void failing_allocations_leave_nothing(void **state)
{
    (void)state;
    check_failing_allocations(FIXTURES "rgb_lossy.webp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(animations_are_refused),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
