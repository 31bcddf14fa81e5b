#include "picture_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
