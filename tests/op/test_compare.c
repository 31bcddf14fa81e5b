/* Comparisons, logic and Where: truth tables, NaN, the order of unsigned numbers, broadcasting, refusals. */
#include <stdint.h>

#include "node_fixture.h"

static void check_pairs(const char *op_type, int opset, enum dtype dtype, const float *a, const float *b,
                        const float *expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", op_type, opset, 2, 1);
    fixture_input(&fixture, 0, dtype, DIMS(4), a);
    fixture_input(&fixture, 1, dtype, DIMS(4), b);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, DTYPE_BOOL);
    expect_output(&fixture, 0, DIMS(4), expected, 0);
    fixture_end(&fixture);
}

static void test_comparisons_of_every_type(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_FLOAT16, DTYPE_INT8,   DTYPE_INT32,
                                       DTYPE_INT64, DTYPE_UINT8,  DTYPE_UINT16,  DTYPE_UINT64, DTYPE_UINT32};
    const float *a = FLOATS(1, 2, 3, 0), *b = FLOATS(2, 2, 1, 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        check_pairs("Equal", 13, types[i], a, b, FLOATS(0, 1, 0, 1));
        check_pairs("Less", 13, types[i], a, b, FLOATS(1, 0, 0, 0));
        check_pairs("Greater", 13, types[i], a, b, FLOATS(0, 0, 1, 0));
        check_pairs("LessOrEqual", 16, types[i], a, b, FLOATS(1, 1, 0, 1));
        check_pairs("GreaterOrEqual", 16, types[i], a, b, FLOATS(0, 1, 1, 1));
    }
    check_pairs("Equal", 13, DTYPE_BOOL, FLOATS(0, 0, 1, 1), FLOATS(0, 1, 0, 1), FLOATS(1, 0, 0, 1));
}

static void test_nan_is_not_ordered(void **state)
{
    (void)state;
    static const char *const names[] = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_pairs(names[i], 16, DTYPE_FLOAT, FLOATS(NAN, 1, NAN, NAN), FLOATS(1, NAN, NAN, INFINITY),
                    FLOATS(0, 0, 0, 0));
}

/* 2^63 is held as a negative number. */
static void test_large_unsigned_numbers(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Greater", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_UINT64, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_UINT64, SCALAR_DIMS, FLOATS(5));
    ((uint64_t *)fixture.inputs[0].data)[0] = UINT64_C(1) << 63;
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(1, 0), 0);
    fixture_end(&fixture);
}

static void test_logic(void **state)
{
    (void)state;
    const float *a = FLOATS(0, 0, 1, 1), *b = FLOATS(0, 1, 0, 1);
    check_pairs("And", 7, DTYPE_BOOL, a, b, FLOATS(0, 0, 0, 1));
    check_pairs("Or", 7, DTYPE_BOOL, a, b, FLOATS(0, 1, 1, 1));
    check_pairs("Xor", 7, DTYPE_BOOL, a, b, FLOATS(0, 1, 1, 0));
    struct fixture fixture;
    fixture_start(&fixture, "", "Not", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2, 1), FLOATS(0, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 1), FLOATS(1, 0), 0);
    fixture_end(&fixture);
}

/* condition [2,1], a [3], b scalar, for each size of elements */
static void test_where(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT64, DTYPE_UINT8, DTYPE_INT16};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "Where", 16, 3, 1);
        fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2, 1), FLOATS(1, 0));
        fixture_input(&fixture, 1, types[i], DIMS(3), FLOATS(1, 2, 3));
        fixture_input(&fixture, 2, types[i], SCALAR_DIMS, FLOATS(9));
        fixture_run(&fixture);
        assert_int_equal(fixture.outputs[0].dtype, types[i]);
        expect_output(&fixture, 0, DIMS(2, 3), FLOATS(1, 2, 3, 9, 9, 9), 0);
        fixture_end(&fixture);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "And", 7, 2, 1);
    fixture_input(&fixture, 0, DTYPE_INT32, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Less", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_BOOL, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Equal", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_DOUBLE, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Where", 16, 3, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 2, DTYPE_INT32, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Where", 16, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), NULL);
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons_of_every_type),
        cmocka_unit_test(test_nan_is_not_ordered),
        cmocka_unit_test(test_large_unsigned_numbers),
        cmocka_unit_test(test_logic),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
