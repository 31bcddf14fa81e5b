/* Reductions of every type over every set of axes against sums by index, over nothing, and where they are refused. */
#include <stdint.h>

#include "node_fixture.h"

static const char *const names[] = {"ReduceSum", "ReduceMean", "ReduceMax",       "ReduceMin",    "ReduceProd",
                                    "ReduceL1",  "ReduceL2",   "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"};
enum { NAMES = sizeof names / sizeof names[0] };

/* The definition, element by element. */
static double gather(int reduction, double total, double x, bool first)
{
    switch (reduction) {
    case 2:
        return first || x > total ? x : total;
    case 3:
        return first || x < total ? x : total;
    case 4:
        return first ? x : total * x;
    case 5:
        return total + fabs(x);
    case 6:
    case 7:
        return total + x * x;
    case 9:
        return total + exp(x);
    default:
        return total + x;
    }
}

static double finish(int reduction, double total, double count)
{
    return reduction == 1 ? total / count : reduction == 6 ? sqrt(total) : reduction >= 8 ? log(total) : total;
}

/* The element of a [2,3,40,5] tensor: near 1, so that products stay in range. */
static double element(int64_t index, enum dtype dtype)
{
    double x = (double)((index * 7 + index / 11) % 5 + 1);
    return dtype_is_float(dtype) ? x / 5 + 0.45 : x - (dtype == DTYPE_INT64 && index % 3 == 0 ? 2 : 0);
}

static void check_axes(int reduction, enum dtype dtype, unsigned axes)
{
    const int64_t dims[4] = {2, 3, 40, 5};
    int64_t list[4], kept[4];
    int count = 0;
    double expected[1200] = {0}, elements = 1;
    bool filled[1200] = {false};
    struct fixture fixture;
    fixture_start(&fixture, "", names[reduction], 18, 2, 1);
    fixture_input(&fixture, 0, dtype, DIMS(2, 3, 40, 5), NULL);
    for (int i = 0; i < 4; i++) {
        kept[i] = axes >> i & 1 ? 1 : dims[i];
        elements *= axes >> i & 1 ? (double)dims[i] : 1;
        if (axes >> i & 1)
            list[count++] = i % 2 ? i - 4 : i;
    }
    for (int64_t index = 0; index < 1200; index++) {
        double x = element(index, dtype);
        int64_t place[4] = {index / 600, index / 200 % 3, index / 5 % 40, index % 5}, to = 0;
        for (int i = 0; i < 4; i++)
            to = to * kept[i] + (kept[i] == 1 ? 0 : place[i]);
        expected[to] = gather(reduction, expected[to], x, !filled[to]);
        filled[to] = true;
        if (dtype == DTYPE_FLOAT)
            ((float *)fixture.inputs[0].data)[index] = (float)x;
        else if (dtype == DTYPE_DOUBLE)
            ((double *)fixture.inputs[0].data)[index] = x;
        else
            ((int64_t *)fixture.inputs[0].data)[index] = (int64_t)x;
    }
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(count), NULL);
    memcpy(fixture.inputs[1].data, list, (size_t)count * sizeof *list);
    fixture_run(&fixture);
    expect_output(&fixture, 0, 4, kept, NULL, 0);
    for (int64_t i = 0; i < shape_count(&fixture.outputs[0].shape); i++) {
        double got = tensor_number(&fixture.outputs[0], i), wanted = finish(reduction, expected[i], elements);
        if (dtype == DTYPE_INT64)
            wanted = trunc(wanted + (reduction == 6 || reduction >= 8 ? 1e-9 : 0));
        if (!(fabs(got - wanted) <= 1e-5 * fabs(wanted) + 1e-6))
            fail_msg("%s of %s over %x [%d]: %.9g, expected %.9g", names[reduction], dtype_name(dtype), axes, (int)i,
                     got, wanted);
    }
    fixture_end(&fixture);
}

static void test_every_set_of_axes(void **state)
{
    (void)state;
    for (int reduction = 0; reduction < NAMES; reduction++) {
        for (unsigned axes = 1; axes < 16; axes++) {
            check_axes(reduction, DTYPE_FLOAT, axes);
            check_axes(reduction, DTYPE_DOUBLE, axes);
            if (reduction != 4 && reduction < 8) /* products overflow; logarithms of negative sums are not numbers */
                check_axes(reduction, DTYPE_INT64, axes);
        }
    }
}

/* Of a [2,0,3] tensor over axis 1. */
static void test_over_nothing(void **state)
{
    (void)state;
    static const float expected[NAMES] = {0, NAN, -INFINITY, INFINITY, 1, 0, 0, 0, -INFINITY, -INFINITY};
    for (int i = 0; i < NAMES; i++) {
        struct fixture fixture;
        float all[6];
        for (int k = 0; k < 6; k++)
            all[k] = expected[i];
        fixture_start(&fixture, "", names[i], 18, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 0, 3), NULL);
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS(1));
        fixture_int(&fixture, "keepdims", 0);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 3), all, 0);
        fixture_end(&fixture);
    }
    static const struct {
        const char *op_type;
        enum dtype dtype;
        float expected;
    } limits[] = {{"ReduceMax", DTYPE_INT8, -128},
                  {"ReduceMin", DTYPE_INT8, 127},
                  {"ReduceMax", DTYPE_UINT8, 0},
                  {"ReduceMin", DTYPE_BOOL, 1},
                  {"ReduceMin", DTYPE_UINT16, 65535}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", limits[i].op_type, 20, 1, 1);
        fixture_input(&fixture, 0, limits[i].dtype, DIMS(0), NULL);
        fixture_int(&fixture, "keepdims", 0);
        fixture_run(&fixture);
        expect_output(&fixture, 0, SCALAR_DIMS, &limits[i].expected, 0);
        fixture_end(&fixture);
    }
}

/* With noop_with_empty_axes each element is reduced for itself. */
static void test_no_axes(void **state)
{
    (void)state;
    static const float expected[NAMES] = {-3, -3, -3, -3, -3, 3, 3, 9, NAN, -3};
    for (int i = 0; i < NAMES; i++) {
        for (int inputs = 1; inputs <= 2; inputs++) {
            struct fixture fixture;
            fixture_start(&fixture, "", names[i], 18, inputs, 1);
            fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(-3, -3));
            if (inputs == 2)
                fixture_input(&fixture, 1, DTYPE_INT64, DIMS(0), NULL);
            fixture_int(&fixture, "noop_with_empty_axes", 1);
            fixture_run(&fixture);
            expect_output(&fixture, 0, DIMS(1, 2), ((float[]){expected[i], expected[i]}), 1e-6);
            fixture_end(&fixture);
        }
    }
}

static void check_row(const char *op_type, enum dtype dtype, int64_t count, const float *row, float expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", op_type, 13, 1, 1);
    fixture_input(&fixture, 0, dtype, DIMS(count), row);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1), &expected, 1e-6);
    fixture_end(&fixture);
}

static void test_edges(void **state)
{
    (void)state;
    check_row("ReduceMax", DTYPE_FLOAT, 3, FLOATS(1, NAN, 2), NAN);
    check_row("ReduceMin", DTYPE_FLOAT, 3, FLOATS(NAN, 1, 2), NAN);
    check_row("ReduceMax", DTYPE_INT32, 2, FLOATS(-5, -7), -5);
    check_row("ReduceMax", DTYPE_BOOL, 2, FLOATS(0, 1), 1);
    check_row("ReduceSum", DTYPE_UINT8, 2, FLOATS(200, 100), 44);
    check_row("ReduceMean", DTYPE_INT32, 2, FLOATS(-3, -4), -3);
    check_row("ReduceLogSumExp", DTYPE_FLOAT, 2, FLOATS(1000, 1000), 1000.69315f);
    check_row("ReduceLogSumExp", DTYPE_FLOAT, 2, FLOATS(-INFINITY, -INFINITY), -INFINITY);
    check_row("ReduceLogSumExp", DTYPE_FLOAT, 2, FLOATS(INFINITY, 0), INFINITY);
    check_row("ReduceL2", DTYPE_FLOAT, 2, FLOATS(3e30f, 4e30f), 5e30f);
}

static void check_arg(const char *op_type, int64_t axis, bool last, enum dtype dtype, const float *elements, int rank,
                      const int64_t *dims, const float *expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", op_type, 13, 1, 1);
    fixture_input(&fixture, 0, dtype, DIMS(2, 3), elements);
    fixture_int(&fixture, "axis", axis);
    fixture_int(&fixture, "select_last_index", last);
    fixture_int(&fixture, "keepdims", rank == 2);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, DTYPE_INT64);
    expect_output(&fixture, 0, rank, dims, expected, 0);
    fixture_end(&fixture);
}

static void test_arg_max_and_min(void **state)
{
    (void)state;
    const float *ties = FLOATS(2, 3, 3, 1, 1, 5);
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_INT64, DTYPE_UINT8, DTYPE_UINT64};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        check_arg("ArgMax", 1, false, types[i], ties, DIMS(2, 1), FLOATS(1, 2));
        check_arg("ArgMax", -1, true, types[i], ties, DIMS(2), FLOATS(2, 2));
        check_arg("ArgMin", 1, false, types[i], ties, DIMS(2), FLOATS(0, 0));
        check_arg("ArgMin", 1, true, types[i], ties, DIMS(2), FLOATS(0, 1));
        check_arg("ArgMax", 0, false, types[i], ties, DIMS(1, 3), FLOATS(0, 0, 1));
    }
    check_arg("ArgMax", 1, false, DTYPE_FLOAT, FLOATS(1, NAN, 9, NAN, 2, NAN), DIMS(2), FLOATS(1, 0));
    check_arg("ArgMin", 1, true, DTYPE_FLOAT, FLOATS(1, NAN, 9, NAN, 2, NAN), DIMS(2), FLOATS(1, 2));
}

static void test_refusals(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "ReduceSum", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 3), NULL);
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS(2));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ReduceMean", 18, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 3), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ReduceSum", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ArgMax", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(0, 3), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ArgMin", 13, 1, 1);
    fixture_int(&fixture, "axis", -3);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 3), NULL);
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set_of_axes), cmocka_unit_test(test_over_nothing),
        cmocka_unit_test(test_no_axes),           cmocka_unit_test(test_edges),
        cmocka_unit_test(test_arg_max_and_min),   cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
