/* How boxes are written is told from rows of known places: corners, centres, origins, in either order, in pixels or
 * shares; what does not follow its place is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/box_form.h"
#include "base/random.h"

#define SIDE 12
#define ROWS (SIDE * SIDE)

static const double size[2] = {128, 192};

struct rows {
    float boxes[ROWS][4];
    double places[ROWS][2], truth[ROWS][4]; /* y0, x0, y1, x1 */
};

/* Boxes around their places, a little beside them, written as `form` says. */
static void make(struct rows *rows, const struct box_form *form)
{
    struct random random = {.seed = 5};
    for (int i = 0; i < ROWS; i++) {
        double middle[2], extent[2];
        for (int axis = 0; axis < 2; axis++) {
            rows->places[i][axis] = ((axis ? i % SIDE : i / SIDE) + 0.5) / SIDE;
            middle[axis] = size[axis] * (rows->places[i][axis] + 0.04 * (random_below(&random, 101) / 100.0 - 0.5));
            extent[axis] = size[axis] * (0.02 + 0.1 * random_below(&random, 101) / 100.0);
        }
        for (int axis = 0; axis < 2; axis++) {
            int column = (axis == 0) != form->y_first;
            double unit = form->shares ? size[axis] : 1, low = middle[axis] - extent[axis] / 2,
                   high = low + extent[axis];
            rows->truth[i][axis] = fmin(size[axis], fmax(0, low));
            rows->truth[i][2 + axis] = fmin(size[axis], fmax(0, high));
            rows->boxes[i][column] = (float)((form->kind == BOX_CENTRES ? middle[axis] : low) / unit);
            rows->boxes[i][column + 2] = (float)((form->kind == BOX_CORNERS ? high : extent[axis]) / unit);
        }
    }
}

static void test_forms(void **state)
{
    (void)state;
    static struct rows rows;
    for (int kind = BOX_CORNERS; kind <= BOX_ORIGINS; kind++) {
        for (int i = 0; i < 4; i++) {
            struct box_form wanted = {.kind = (enum box_kind)kind, .y_first = i & 1, .shares = i & 2};
            make(&rows, &wanted);
            struct box_form form = box_form_of_rows(rows.boxes[0], 4, 1, (const double(*)[2])rows.places, ROWS, size);
            assert_int_equal(form.kind, wanted.kind);
            assert_int_equal(form.y_first, wanted.y_first);
            assert_int_equal(form.shares, wanted.shares);
            for (int row = 0; row < ROWS; row++) {
                double box[4];
                assert_true(box_read(&form, rows.boxes[row], 1, size, box));
                for (int side = 0; side < 4; side++)
                    assert_true(fabs(box[side] - rows.truth[row][side]) < 1e-3);
            }
            if (kind != BOX_CORNERS)
                continue;
            form = box_form_of_detections(rows.boxes[0], (const double(*)[2])rows.places, ROWS, size, false);
            assert_int_equal(form.kind, BOX_CORNERS);
            assert_int_equal(form.y_first, wanted.y_first);
            assert_int_equal(form.shares, wanted.shares);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    static struct rows rows;
    struct box_form form = {.kind = BOX_CENTRES};
    make(&rows, &form);
    /* of another scale */
    for (int i = 0; i < ROWS; i++) {
        for (int side = 0; side < 4; side++)
            rows.boxes[i][side] /= 16;
    }
    form = box_form_of_rows(rows.boxes[0], 4, 1, (const double(*)[2])rows.places, ROWS, size);
    assert_int_equal(form.kind, BOX_UNTOLD);
    assert_non_null(form.why);
    /* offsets that do not know where they are */
    struct random random = {.seed = 9};
    for (int i = 0; i < ROWS; i++) {
        for (int side = 0; side < 4; side++)
            rows.boxes[i][side] = (float)random_below(&random, 100) / 100;
    }
    form = box_form_of_rows(rows.boxes[0], 4, 1, (const double(*)[2])rows.places, ROWS, size);
    assert_int_equal(form.kind, BOX_UNTOLD);
    form = box_form_of_detections(rows.boxes[0], (const double(*)[2])rows.places, ROWS, size, false);
    assert_int_equal(form.kind, BOX_UNTOLD);
    /* nothing known of where it stands */
    const float box[4] = {10, 10, 30, 30};
    const double far[1][2] = {{(double)NAN, (double)NAN}};
    assert_int_equal(box_form_of_detections(box, far, 1, size, false).kind, BOX_UNTOLD);
    assert_int_equal(box_form_of_detections(box, far, 1, size, true).kind, BOX_CORNERS);
    /* not finite, empty */
    const float wrong[4] = {NAN, 1, 2, 3}, empty[4] = {5, 5, 5, 9};
    double out[4];
    form = (struct box_form){.kind = BOX_CORNERS};
    assert_false(box_read(&form, wrong, 1, size, out));
    assert_false(box_read(&form, empty, 1, size, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
