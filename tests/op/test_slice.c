/* Slice and Split by numbers worked out by hand, at the ends of the integers, and along receptive fields. */
#include "node_fixture.h"

/* Slice-13 of 0..n-1 as x[start:end:step]. */
static void start_slice(struct fixture *fixture, int64_t n, int64_t start, int64_t end, int64_t step)
{
    const int64_t ends[] = {start, end, 0, step};
    fixture_start(fixture, "", "Slice", 13, 5, 1);
    fixture_count_up(fixture, 0, DIMS(n));
    for (int i = 1; i < 5; i++) {
        fixture_input(fixture, i, DTYPE_INT64, DIMS(1), NULL);
        *(int64_t *)fixture->inputs[i].data = ends[i - 1];
    }
}

static void slices_clamp_their_ends(void **state)
{
    static const struct {
        int64_t start, end, step, count;
        float values[6];
    } cases[] = {
        {1, 4, 1, 3, {2, 3, 4}},
        {-3, -1, 1, 2, {4, 5}},
        {0, 100, 2, 3, {1, 3, 5}},
        {INT64_MIN, INT64_MAX, 1, 6, {1, 2, 3, 4, 5, 6}},
        {INT64_MIN, INT64_MAX, INT64_MAX, 1, {1}},
        {INT64_MAX, INT64_MIN, -1, 6, {6, 5, 4, 3, 2, 1}},
        {INT64_MAX, INT64_MIN, INT64_MIN, 1, {6}},
        {-1, -7, -2, 3, {6, 4, 2}},
        {4, 1, 1, 0, {0}},
        {1, 4, -1, 0, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        start_slice(&fixture, 6, cases[i].start, cases[i].end, cases[i].step);
        fixture_run(&fixture);
        expect_output(&fixture, 0, 1, &cases[i].count, cases[i].values, 0);
        fixture_end(&fixture);
    }
}

static void slices_of_nothing_are_empty(void **state)
{
    struct fixture fixture;
    (void)state;
    start_slice(&fixture, 0, 0, INT64_MAX, -1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0), NULL, 0);
    fixture_end(&fixture);
}

static void slices_with_attributes(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Slice", 9, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_ints(&fixture, "starts", INTS(1, 0));
    fixture_ints(&fixture, "ends", INTS(1000, -1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(4, 5), 0);
    fixture_end(&fixture);
}

static void hostile_slices_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    start_slice(&fixture, 6, 0, 6, 0);
    expect_refusal(&fixture);
    start_slice(&fixture, 6, 0, 6, 1);
    *(int64_t *)fixture.inputs[3].data = INT64_MIN; /* axis */
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Slice", 13, 4, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    for (int i = 1; i < 4; i++)
        fixture_input(&fixture, i, DTYPE_INT64, DIMS(2), FLOATS(1, 1)); /* axis 1 twice */
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Slice", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS(0));
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(2), FLOATS(1, 1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Slice", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1), FLOATS(0));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(1));
    expect_refusal(&fixture);
}

/* Every other pixel from 1 on: cells [2, 4] read [5, 9]. */
static void slices_scale_receptive_fields(void **state)
{
    struct fixture fixture;
    (void)state;
    start_slice(&fixture, 20, 1, 20, 2);
    fixture_run(&fixture);
    const struct interval cells = {2, 4};
    struct interval reads = {0, 0};
    struct field_context field = {
        .node = fixture.node, .inputs = fixture.pointers, .outputs = fixture.outputs, .cells = &cells, .reads = &reads};
    assert_int_equal(fixture.node->definition->field(&field, &fixture.error), 0);
    assert_int_equal(reads.low, 5);
    assert_int_equal(reads.high, 9);
    assert_false(field.global || field.none);
    fixture_end(&fixture);
}

static void splits_by_number_and_by_size(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Split", 18, 1, 3);
    fixture_count_up(&fixture, 0, DIMS(2, 5));
    fixture_int(&fixture, "axis", 1);
    fixture_int(&fixture, "num_outputs", 3);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(1, 2, 6, 7), 0);
    expect_output(&fixture, 1, DIMS(2, 2), FLOATS(3, 4, 8, 9), 0);
    expect_output(&fixture, 2, DIMS(2, 1), FLOATS(5, 10), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Split", 11, 1, 2);
    fixture_count_up(&fixture, 0, DIMS(3));
    fixture_ints(&fixture, "split", INTS(0, 3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0), NULL, 0);
    expect_output(&fixture, 1, DIMS(3), FLOATS(1, 2, 3), 0);
    fixture_end(&fixture);
}

static void refuse_split(int64_t a, int64_t b)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "Split", 13, 2, 2);
    fixture_count_up(&fixture, 0, DIMS(5));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), NULL);
    ((int64_t *)fixture.inputs[1].data)[0] = a;
    ((int64_t *)fixture.inputs[1].data)[1] = b;
    expect_refusal(&fixture);
}

static void splits_that_do_not_add_up_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    refuse_split(2, 2);
    refuse_split(6, -1);
    refuse_split(INT64_MAX, INT64_MAX);
    fixture_start(&fixture, "", "Split", 13, 1, 2);
    fixture_count_up(&fixture, 0, DIMS(5)); /* 5 is not divided by 2 before opset 18 */
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Split", 18, 1, 4);
    fixture_count_up(&fixture, 0, DIMS(5)); /* 2 2 2 -1 */
    fixture_int(&fixture, "num_outputs", 4);
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_clamp_their_ends),
        cmocka_unit_test(slices_of_nothing_are_empty),
        cmocka_unit_test(slices_with_attributes),
        cmocka_unit_test(hostile_slices_are_refused),
        cmocka_unit_test(slices_scale_receptive_fields),
        cmocka_unit_test(splits_by_number_and_by_size),
        cmocka_unit_test(splits_that_do_not_add_up_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
