/* Resize: every coordinate rule on lines short enough to check by hand. */
#include "node_fixture.h"

/* Resizes the line `x` of `size` cells at opset 19 by sizes or a scale. */
static void start_line(struct fixture *fixture, int64_t size, const float *x, float scale, int64_t output)
{
    fixture_start(fixture, "", "Resize", 19, output > 0 ? 4 : 3, 1);
    fixture_input(fixture, 0, DTYPE_FLOAT, 1, &size, x);
    if (output > 0)
        fixture_input(fixture, 3, DTYPE_INT64, DIMS(1), FLOATS((float)output));
    else
        fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(1), &scale);
}

struct line_case {
    const char *mode, *transform, *rounding;
    float scale;
    int64_t output; /* given as size if scale is 0 */
    float y[8];
};

static void lines(void **state)
{
    (void)state;
    static const float x[] = {10, 20, 30, 40};
    static const struct line_case cases[] = {
        {"nearest", "half_pixel", "round_prefer_floor", 2, 8, {10, 10, 20, 20, 30, 30, 40, 40}},
        {"nearest", "asymmetric", "floor", 1.5f, 6, {10, 10, 20, 30, 30, 40}},
        {"nearest", "asymmetric", "ceil", 1.5f, 6, {10, 20, 30, 30, 40, 40}},
        {"nearest", "asymmetric", "round_prefer_floor", 2, 8, {10, 10, 20, 20, 30, 30, 40, 40}},
        {"nearest", "asymmetric", "round_prefer_ceil", 2, 8, {10, 20, 20, 30, 30, 40, 40, 40}},
        {"nearest", "tf_half_pixel_for_nn", "floor", 0, 2, {20, 40}},
        {"linear", "half_pixel", "floor", 2, 8, {10, 12.5f, 17.5f, 22.5f, 27.5f, 32.5f, 37.5f, 40}},
        {"linear", "asymmetric", "floor", 2, 8, {10, 15, 20, 25, 30, 35, 40, 40}},
        {"linear", "align_corners", "floor", 0, 7, {10, 15, 20, 25, 30, 35, 40}},
        {"linear", "half_pixel", "floor", 0, 2, {15, 35}},
        {"linear", "half_pixel", "floor", 0, 1, {25}},
        {"linear", "pytorch_half_pixel", "floor", 0, 1, {10}},
        {"linear", "align_corners", "floor", 0, 1, {10}},
        /* 4 * 0.6 = 2.4 cells of which 2 are made: the two stand in the middle. */
        {"linear", "half_pixel_symmetric", "floor", 0.6f, 2, {50.0f / 3, 100.0f / 3}},
        {"linear", "half_pixel", "floor", 0.6f, 2, {40.0f / 3, 30}},
        /* a = -0.75 at a half: -3/32, 19/32, 19/32, -3/32 */
        {"cubic", "asymmetric", "floor", 2, 8, {10, 14.0625f, 20, 25, 30, 35.9375f, 40, 40.9375f}},
    };
    struct fixture fixture;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct line_case *line = &cases[i];
        start_line(&fixture, 4, x, line->scale, line->scale == 0 ? line->output : 0);
        fixture_string(&fixture, "mode", line->mode);
        fixture_string(&fixture, "coordinate_transformation_mode", line->transform);
        fixture_string(&fixture, "nearest_mode", line->rounding);
        fixture_run(&fixture);
        print_message("line %d\n", (int)i);
        expect_output(&fixture, 0, DIMS(line->output), line->y, 1e-4);
        fixture_end(&fixture);
    }
}

/* 13.5 / 2.7 is cell 5, although 2.7 as a float is a little more; and align_corners over the 6 cells that 4 * 1.6
 * makes, as exporters mean it, steps by 3 / 5. */
static void floats_and_whole_lengths(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    float y[24];
    for (int i = 0; i < 24; i++)
        y[i] = (float)((10 * i + 5) / 27);
    struct fixture fixture;
    start_line(&fixture, 9, x, 2.7f, 0);
    fixture_string(&fixture, "coordinate_transformation_mode", "tf_half_pixel_for_nn");
    fixture_string(&fixture, "nearest_mode", "floor");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(24), y, 0);
    fixture_end(&fixture);
    for (int whole = 0; whole < 2; whole++) {
        start_line(&fixture, 4, x, 1.6f, 0);
        fixture_string(&fixture, "mode", "linear");
        fixture_string(&fixture, "coordinate_transformation_mode", "align_corners");
        fixture_int(&fixture, "whole_lengths", whole);
        for (int i = 0; i < 6; i++)
            y[i] = (float)(3 * i) / (whole ? 5.0f : 5.4f);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(6), y, 1e-6);
        fixture_end(&fixture);
    }
}

/* Halving with antialias averages with weights 1 3 3 1. Outside, either the edge counts again or nothing does. */
static void antialias(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int exclude = 0; exclude < 2; exclude++) {
        start_line(&fixture, 4, FLOATS(8, 16, 24, 32), 0.5f, 0);
        fixture_string(&fixture, "mode", "linear");
        fixture_int(&fixture, "antialias", 1);
        fixture_int(&fixture, "exclude_outside", exclude);
        fixture_run(&fixture);
        if (exclude)
            expect_output(&fixture, 0, DIMS(2), FLOATS((24 + 48 + 24) / 7.0f, (16 + 72 + 96) / 7.0f), 1e-5);
        else
            expect_output(&fixture, 0, DIMS(2), FLOATS((8 + 24 + 48 + 24) / 8.0f, (16 + 72 + 96 + 32) / 8.0f), 1e-5);
        fixture_end(&fixture);
    }
}

static void crop_extrapolates(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Resize", 13, 4, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(3), FLOATS(10, 20, 30));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(0.5f, 1.5f));
    fixture_input(&fixture, 3, DTYPE_INT64, DIMS(1), FLOATS(5));
    fixture_string(&fixture, "mode", "linear");
    fixture_string(&fixture, "coordinate_transformation_mode", "tf_crop_and_resize");
    fixture_float(&fixture, "extrapolation_value", -1);
    fixture_run(&fixture); /* cells 1, 1.5, 2, 2.5, 3 */
    expect_output(&fixture, 0, DIMS(5), FLOATS(20, 25, 30, -1, -1), 1e-5);
    fixture_end(&fixture);
}

static void aspect_policies(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        int64_t rows, columns;
    } cases[] = {{"stretch", 8, 4}, {"not_larger", 2, 4}, {"not_smaller", 8, 16}};
    struct fixture fixture;
    for (int i = 0; i < 3; i++) {
        fixture_start(&fixture, "", "Resize", 18, 4, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 2, 4));
        fixture_input(&fixture, 3, DTYPE_INT64, DIMS(2), FLOATS(8, 4));
        fixture_ints(&fixture, "axes", INTS(1, 2));
        fixture_string(&fixture, "keep_aspect_ratio_policy", cases[i].policy);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, cases[i].rows, cases[i].columns), NULL, 0);
        fixture_end(&fixture);
    }
}

static void old_forms(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Upsample", 7, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 1, 1, 2));
    struct attribute *scales = node_add_attribute(fixture.node, "scales", &fixture.error);
    scales->type = ATTRIBUTE_FLOATS;
    scales->floats = FLOATS(1, 1, 1, 2);
    scales->count = 4;
    assert_int_equal(node_read_settings(fixture.node, &fixture.error), 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1, 4), FLOATS(1, 1, 2, 2), 0);
    fixture_end(&fixture);

    fixture_start(&fixture, "", "Upsample", 9, 2, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 2), FLOATS(7, 9));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(2, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(7, 9, 7, 9), 0);
    fixture_end(&fixture);

    fixture_start(&fixture, "", "Resize", 10, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(4), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1), FLOATS(0.6f));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(1, 3), 0);
    fixture_end(&fixture);
}

static void abuse_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    static const float scales[] = {0, -1, INFINITY, NAN, 0.1f, 1e30f};
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        start_line(&fixture, 4, NULL, scales[i], 0);
        expect_refusal(&fixture);
    }
    start_line(&fixture, 4, NULL, 1, 0);
    fixture_string(&fixture, "mode", "lanczos");
    expect_refusal(&fixture);
    start_line(&fixture, 4, NULL, 1, 0);
    fixture_string(&fixture, "coordinate_transformation_mode", "");
    expect_refusal(&fixture);
    start_line(&fixture, 4, NULL, 1, 0);
    fixture_string(&fixture, "coordinate_transformation_mode", "tf_crop_and_resize"); /* no roi */
    expect_refusal(&fixture);
    start_line(&fixture, 4, NULL, 1, 0);
    fixture_ints(&fixture, "axes", INTS(1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Resize", 13, 4, 1); /* two scales for one axis, and sizes of zero */
    fixture_count_up(&fixture, 0, DIMS(4));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(1, 1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Resize", 13, 4, 1);
    fixture_count_up(&fixture, 0, DIMS(4));
    fixture_input(&fixture, 3, DTYPE_INT64, DIMS(1), FLOATS(0));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Resize", 13, 4, 1); /* neither scales nor sizes */
    fixture_count_up(&fixture, 0, DIMS(4));
    expect_refusal(&fixture);
}

static void fields(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 4, NULL, 2, 0);
    fixture_string(&fixture, "mode", "linear");
    fixture_run(&fixture);
    struct interval cells[SHAPE_MAX_RANK] = {{3, 4}}, reads[SHAPE_MAX_RANK] = {{0, 0}};
    struct field_context context = {
        .node = fixture.node, .inputs = fixture.pointers, .outputs = fixture.outputs, .cells = cells, .reads = reads};
    assert_int_equal(fixture.node->definition->field(&context, &fixture.error), 0); /* coordinates 1.25 and 1.75 */
    assert_int_equal(reads[0].low, 1);
    assert_int_equal(reads[0].high, 2);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(floats_and_whole_lengths),
        cmocka_unit_test(antialias),
        cmocka_unit_test(crop_extrapolates),
        cmocka_unit_test(aspect_policies),
        cmocka_unit_test(old_forms),
        cmocka_unit_test(abuse_is_refused),
        cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
