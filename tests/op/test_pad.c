/* Pad in its four modes; expected values from numpy.pad, and by hand where pads crop. */
#include "node_fixture.h"

static void start_pad(struct fixture *fixture, const char *mode, const float *pads, enum dtype dtype)
{
    fixture_start(fixture, "", "Pad", 19, 2, 1);
    fixture_input(fixture, 0, dtype, DIMS(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    fixture_input(fixture, 1, DTYPE_INT64, DIMS(4), pads);
    fixture_string(fixture, "mode", mode);
}

static void expect_pad(const char *mode, const float *pads, int rank, const int64_t *dims, const float *expected)
{
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_UINT8};
    for (int i = 0; i < 3; i++) {
        struct fixture fixture;
        start_pad(&fixture, mode, pads, types[i]);
        fixture_run(&fixture);
        expect_output(&fixture, 0, rank, dims, expected, 0);
        fixture_end(&fixture);
    }
}

static void pads_as_numpy(void **state)
{
    (void)state;
    expect_pad("constant", FLOATS(1, 0, 0, 2), DIMS(3, 5), FLOATS(0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0));
    expect_pad("wrap", FLOATS(0, 4, 0, 7), DIMS(2, 14),
               FLOATS(3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4));
    expect_pad("reflect", FLOATS(0, 4, 0, 7), DIMS(2, 14),
               FLOATS(1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 4, 5, 6, 5, 4, 5, 6, 5, 4, 5, 6, 5, 4, 5));
    expect_pad("reflect", FLOATS(1, 2, 0, 1), DIMS(3, 6), FLOATS(6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5));
    expect_pad("edge", FLOATS(0, 2, 1, 0), DIMS(3, 5), FLOATS(1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 4, 4, 4, 5, 6));
}

static void negative_pads_crop(void **state)
{
    (void)state;
    expect_pad("constant", FLOATS(-1, 1, 0, -2), DIMS(1, 2), FLOATS(0, 4));
    expect_pad("constant", FLOATS(0, -4, 0, 2), DIMS(2, 1), FLOATS(0, 0)); /* beyond the input: constant only */
    expect_pad("constant", FLOATS(0, 0, 0, -3), DIMS(2, 0), NULL);
    expect_pad("edge", FLOATS(0, -1, -1, 2), DIMS(1, 4), FLOATS(2, 3, 3, 3));
}

static void constants_and_axes(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Pad", 18, 4, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(1, 2));
    fixture_input(&fixture, 2, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(-7));
    fixture_input(&fixture, 3, DTYPE_INT32, DIMS(1), FLOATS(-1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 5), FLOATS(-7, 1, 2, -7, -7), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Pad", 10, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2));
    fixture_ints(&fixture, "pads", INTS(1, 0));
    fixture_float(&fixture, "value", 9);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3), FLOATS(9, 1, 2), 0);
    fixture_end(&fixture);
}

static void refuse_pads(int64_t begin, int64_t end, const char *mode)
{
    struct fixture fixture;
    start_pad(&fixture, mode, NULL, DTYPE_FLOAT);
    ((int64_t *)fixture.inputs[1].data)[1] = begin;
    ((int64_t *)fixture.inputs[1].data)[3] = end;
    expect_refusal(&fixture);
}

static void hostile_pads_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    refuse_pads(INT64_MAX, INT64_MAX, "constant");
    refuse_pads(INT64_MIN, INT64_MIN, "constant");
    refuse_pads(INT64_MAX, INT64_MIN, "edge");
    refuse_pads(-2, -2, "constant");
    refuse_pads((int64_t)1 << 39, (int64_t)1 << 39, "wrap");
    refuse_pads(0, 0, "mirror");
    fixture_start(&fixture, "", "Pad", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(0, 2)); /* nothing to reflect */
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(4), FLOATS(1, 0, 0, 0));
    fixture_string(&fixture, "mode", "reflect");
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Pad", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(3), FLOATS(1, 0, 0));
    expect_refusal(&fixture);
}

/* Padded cells [0, 1] read [-2, -1]: before the input's first. */
static void pads_shift_receptive_fields(void **state)
{
    struct fixture fixture;
    (void)state;
    start_pad(&fixture, "constant", FLOATS(0, 2, 0, 2), DTYPE_FLOAT);
    fixture_run(&fixture);
    const struct interval cells[2] = {{0, 1}, {0, 1}};
    struct interval reads[2];
    struct field_context field = {
        .node = fixture.node, .inputs = fixture.pointers, .outputs = fixture.outputs, .cells = cells, .reads = reads};
    assert_int_equal(fixture.node->definition->field(&field, &fixture.error), 0);
    assert_int_equal(reads[0].low, 0);
    assert_int_equal(reads[0].high, 1);
    assert_int_equal(reads[1].low, -2);
    assert_int_equal(reads[1].high, -1);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pads_as_numpy),
        cmocka_unit_test(negative_pads_crop),
        cmocka_unit_test(constants_and_axes),
        cmocka_unit_test(hostile_pads_are_refused),
        cmocka_unit_test(pads_shift_receptive_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
