#include <unistd.h>

#include "../temporary.h"
#include "report/montage.h"

static void put(struct montage *montage, int64_t group, int64_t order, int column)
{
    struct image image;
    assert_int_equal(image_allocate(montage->memory, &image, 4, 4, 3, NULL), 0);
    montage_set(montage, (struct montage_key){group, order}, column, &image, "method", "caption");
    assert_null(image.pixels);
}

static void rows_of_an_image_stand_together(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct montage montage;
    assert_int_equal(montage_start(&montage, memory, NULL), 0);
    for (int order = 0; order < 3; order++) {
        for (int group = 0; group < MONTAGE_ROWS / 2; group++)
            put(&montage, group, order, 1);
    }
    assert_int_equal(montage.count, MONTAGE_ROWS);
    for (int i = 0; i < MONTAGE_ROWS; i++) {
        assert_int_equal(montage.rows[i].key.group, i / 3);
        assert_int_equal(montage.rows[i].key.order, i % 3);
        assert_non_null(montage.rows[i].cells[1].image.pixels);
    }
    assert_false(montage_takes(&montage, (struct montage_key){MONTAGE_ROWS, 0}, 1));
    assert_false(montage_takes(&montage, (struct montage_key){0, 0}, MONTAGE_COLUMNS));
    montage_release(&montage);
    assert_int_equal(memory_destroy(memory), 0);
}

static void one_method_fills_the_width(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct montage montage;
    struct image image;
    const char *path = temporary_path("montage");
    assert_int_equal(montage_start(&montage, memory, NULL), 0);
    const struct fovea_figure_options options = {.dpi = 144};
    char file[4096];
    snprintf(file, sizeof file, "%s.png", path);
    assert_int_equal(montage_write(&montage, path, &options, NULL), 0); /* empty: nothing is written */
    assert_int_equal(access(file, F_OK), -1);
    for (int group = 0; group < 9; group++) {
        put(&montage, group, 0, 0);
        put(&montage, group, 0, 1);
    }
    assert_int_equal(montage_write(&montage, path, &options, NULL), 0);
    assert_int_equal(image_read(memory, file, &image, NULL), 0);
    assert_true(image.width > 3 * image.height / 2 && image.width < 2 * image.height); /* three times three pairs */
    image_release(memory, &image);
    montage_release(&montage);
    assert_int_equal(memory_destroy(memory), 0);
}

/* The montage of four pictures of one shape. */
static struct image montage_of(struct memory *memory, int height, int width)
{
    struct montage montage;
    struct image image;
    const struct fovea_figure_options options = {.dpi = 72};
    const char *path = temporary_path("shapes");
    char file[4096];
    assert_int_equal(montage_start(&montage, memory, NULL), 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(image_allocate(memory, &image, width, height, 3, NULL), 0);
        montage_set(&montage, (struct montage_key){i / 2, 0}, i % 2, &image, "method", "caption");
    }
    assert_int_equal(montage_write(&montage, path, &options, NULL), 0);
    montage_release(&montage);
    snprintf(file, sizeof file, "%s.png", path);
    assert_int_equal(image_read(memory, file, &image, NULL), 0);
    return image;
}

static void rows_are_as_high_as_their_pictures(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image square = montage_of(memory, 40, 40), wide = montage_of(memory, 10, 40);
    assert_int_equal(square.width, wide.width);
    assert_in_range(square.height - wide.height, 2 * 71, 2 * 73); /* three quarters of 96 points a row */
    image_release(memory, &square);
    image_release(memory, &wide);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_an_image_stand_together),
        cmocka_unit_test(one_method_fills_the_width),
        cmocka_unit_test(rows_are_as_high_as_their_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
