/* NonMaxSuppression on many boxes, held against its definition written down plainly. */
#include "base/random.h"
#include "node_fixture.h"

#define IMAGES 2
#define CLASSES 3
#define BOXES 400
#define OVERLAP 0.3f
#define SCORE 0.05f

struct scene {
    float boxes[IMAGES * BOXES][4], scores[IMAGES * CLASSES][BOXES];
    bool centres;
};

/* Boxes over a field on which about a third of them has room; corners in any order, scores that are equal or NaN. */
static void draw_scene(struct scene *scene, bool centres)
{
    struct random random = {.seed = 11};
    scene->centres = centres;
    for (int i = 0; i < IMAGES * BOXES; i++) {
        float *box = scene->boxes[i];
        for (int axis = 0; axis < 2; axis++) {
            float from = 100 * (float)random_uniform(&random), side = 4 + 6 * (float)random_uniform(&random);
            bool turned = !centres && random_uniform(&random) < 0.5;
            box[axis] = turned ? from + side : from;
            box[2 + axis] = centres ? side : turned ? from : from + side;
        }
    }
    for (int i = 0; i < IMAGES * CLASSES; i++) {
        for (int k = 0; k < BOXES; k++)
            scene->scores[i][k] = k % 50 == 7 ? NAN : floorf(100 * (float)random_uniform(&random)) / 100;
    }
}

static double common_length(const float *a, const float *b, int axis, bool centres)
{
    double ends[2][2];
    for (int i = 0; i < 2; i++) {
        const float *box = i == 0 ? a : b;
        double low = (double)(centres ? box[axis] - box[2 + axis] / 2 : box[axis]);
        double high = (double)(centres ? box[axis] + box[2 + axis] / 2 : box[2 + axis]);
        ends[i][0] = fmin(low, high);
        ends[i][1] = fmax(low, high);
    }
    return fmax(0, fmin(ends[0][1], ends[1][1]) - fmax(ends[0][0], ends[1][0]));
}

static double shared_area(const float *a, const float *b, bool centres)
{
    return common_length(a, b, 0, centres) * common_length(a, b, 1, centres);
}

/* The best box of those that are left, again and again, while what it overlaps goes. */
static int select_plainly(const struct scene *scene, int row, int most, int *kept)
{
    bool gone[BOXES] = {false};
    const float(*boxes)[4] = scene->boxes + row / CLASSES * BOXES;
    int count = 0;
    while (count < most) {
        int best = -1;
        const float *scores = scene->scores[row];
        for (int i = 0; i < BOXES; i++) {
            if (!gone[i] && scores[i] > SCORE && (best < 0 || scores[i] > scores[best]))
                best = i;
        }
        if (best < 0)
            break;
        kept[count++] = best;
        const float *box = boxes[best];
        for (int i = 0; i < BOXES; i++) {
            const float *other = boxes[i];
            double common = shared_area(box, other, scene->centres);
            double joined = shared_area(box, box, scene->centres) + shared_area(other, other, scene->centres) - common;
            gone[i] = gone[i] || i == best || common / joined > (double)OVERLAP;
        }
    }
    return count;
}

static void selects_by_its_definition(void **state)
{
    static struct scene scene;
    (void)state;
    for (int run = 0; run < 4; run++) {
        int most = run % 2 ? 20 : BOXES, rows = 0, longest = 0, kept[BOXES];
        struct fixture fixture;
        draw_scene(&scene, run / 2);
        fixture_start(&fixture, "", "NonMaxSuppression", 11, 5, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(IMAGES, BOXES, 4), scene.boxes[0]);
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(IMAGES, CLASSES, BOXES), scene.scores[0]);
        fixture_input(&fixture, 2, DTYPE_INT64, DIMS(1), FLOATS((float)most));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1), FLOATS(OVERLAP));
        fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(1), FLOATS(SCORE));
        fixture_int(&fixture, "center_point_box", scene.centres);
        fixture_run(&fixture);
        const int64_t *row = fixture.outputs[0].data;
        for (int i = 0; i < IMAGES * CLASSES; i++) {
            int count = select_plainly(&scene, i, most, kept);
            longest = count > longest ? count : longest;
            for (int k = 0; k < count; k++, rows++, row += 3) {
                assert_true(rows < fixture.outputs[0].shape.dims[0]);
                assert_true(row[0] == i / CLASSES && row[1] == i % CLASSES && row[2] == kept[k]);
            }
        }
        assert_int_equal(rows, fixture.outputs[0].shape.dims[0]);
        assert_true(most < BOXES ? longest == most : longest > 70); /* more than are compared at once */
        fixture_end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(selects_by_its_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
