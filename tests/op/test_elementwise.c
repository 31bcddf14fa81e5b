/* Functions of one element and of several: values worked out by hand, edges of the types, refusals. */
#include <stdint.h>

#include "node_fixture.h"

/* A node with one or two lists of a type, and what it gives. */
struct list_case {
    const char *op_type;
    int opset;
    enum dtype dtype;
    int count;
    float a[8], b[8];
    bool two;
    float expected[8];
    double tolerance;
};

static void check_lists(const struct list_case *cases, int count)
{
    for (int i = 0; i < count; i++) {
        const struct list_case *item = &cases[i];
        struct fixture fixture;
        fixture_start(&fixture, "", item->op_type, item->opset, item->two ? 2 : 1, 1);
        fixture_input(&fixture, 0, item->dtype, DIMS(item->count), item->a);
        if (item->two)
            fixture_input(&fixture, 1, item->dtype, DIMS(item->count), item->b);
        if (strcmp(item->op_type, "Mod") == 0 && dtype_is_float(item->dtype))
            fixture_int(&fixture, "fmod", 1);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(item->count), item->expected, item->tolerance);
        fixture_end(&fixture);
    }
}
#define CHECK(cases) check_lists(cases, (int)(sizeof(cases) / sizeof(cases)[0]))

static void test_functions_of_one_element(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"Abs", 13, DTYPE_FLOAT, 3, {-1.5f, 0, 2}, .expected = {1.5f, 0, 2}},
        {"Abs", 13, DTYPE_DOUBLE, 2, {-1.5f, -INFINITY}, .expected = {1.5f, INFINITY}},
        {"Abs", 13, DTYPE_INT64, 3, {-5, 0, 7}, .expected = {5, 0, 7}},
        {"Abs", 13, DTYPE_INT8, 2, {-128, -127}, .expected = {-128, 127}},
        {"Abs", 13, DTYPE_INT32, 1, {-2147483648.0f}, .expected = {-2147483648.0f}},
        {"Abs", 13, DTYPE_UINT8, 2, {0, 255}, .expected = {0, 255}},
        {"Neg", 13, DTYPE_INT32, 3, {-5, 0, -2147483648.0f}, .expected = {5, 0, -2147483648.0f}},
        {"Neg", 13, DTYPE_FLOAT, 2, {1, NAN}, .expected = {-1, NAN}},
        {"Sign", 13, DTYPE_INT64, 3, {-9, 0, 9}, .expected = {-1, 0, 1}},
        {"Sign", 13, DTYPE_UINT64, 2, {0, 9}, .expected = {0, 1}},
        {"Sign", 13, DTYPE_FLOAT, 4, {-0.5f, 0, 3, NAN}, .expected = {-1, 0, 1, NAN}},
        {"Floor", 13, DTYPE_FLOAT, 3, {-1.5f, 1.5f, -0.2f}, .expected = {-2, 1, -1}},
        {"Ceil", 13, DTYPE_DOUBLE, 3, {-1.5f, 1.5f, 2}, .expected = {-1, 2, 2}},
        {"Round", 11, DTYPE_FLOAT, 6, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4f}, .expected = {0, 2, 2, 0, -2, 2}},
        {"Log", 13, DTYPE_FLOAT, 3, {1, 0, -1}, .expected = {0, -INFINITY, NAN}},
        {"Log", 13, DTYPE_DOUBLE, 1, {2}, .expected = {0.69314718f}, .tolerance = 1e-7},
        {"Atan", 7, DTYPE_DOUBLE, 1, {1}, .expected = {0.78539816f}, .tolerance = 1e-7},
        {"Acosh", 9, DTYPE_FLOAT, 2, {1, 0.5f}, .expected = {0, NAN}},
        {"Relu", 14, DTYPE_INT32, 3, {-3, 0, 3}, .expected = {0, 0, 3}},
        {"Relu", 14, DTYPE_DOUBLE, 3, {-3, NAN, 3}, .expected = {0, NAN, 3}},
        {"Sigmoid", 13, DTYPE_DOUBLE, 3, {0, 1000, -1000}, .expected = {0.5f, 1, 0}},
        {"Softplus", 1, DTYPE_DOUBLE, 3, {0, 1000, -1000}, .expected = {0.69314718f, 1000, 0}, .tolerance = 1e-7},
        {"Selu", 6, DTYPE_FLOAT, 2, {1, -1}, .expected = {1.05070099f, -1.11133074f}, .tolerance = 1e-6},
        {"Celu", 12, DTYPE_FLOAT, 2, {1, -1}, .expected = {1, -0.63212056f}, .tolerance = 1e-6},
        {"ThresholdedRelu", 10, DTYPE_FLOAT, 3, {1, 1.5f, -2}, .expected = {0, 1.5f, 0}},
        {"Softsign", 1, DTYPE_FLOAT, 2, {1, -3}, .expected = {0.5f, -0.75f}},
        {"Shrink", 9, DTYPE_FLOAT, 3, {-1, 0.5f, 2}, .expected = {-1, 0, 2}},
        {"Shrink", 9, DTYPE_INT32, 3, {-1, 0, 2}, .expected = {-1, 0, 2}},
        {"IsNaN", 13, DTYPE_FLOAT, 3, {NAN, 1, INFINITY}, .expected = {1, 0, 0}},
        {"IsInf", 10, DTYPE_DOUBLE, 4, {NAN, -INFINITY, INFINITY, 3}, .expected = {0, 1, 1, 0}},
        {"BitwiseNot", 18, DTYPE_UINT16, 2, {0, 65535}, .expected = {65535, 0}},
        {"BitwiseNot", 18, DTYPE_INT8, 2, {0, -128}, .expected = {-1, 127}},
    };
    CHECK(cases);
}

static void test_functions_of_two_elements(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"Div", 14, DTYPE_INT32, 4, {7, -7, 5, -2147483648.0f}, {2, 2, 0, -1}, true, {3, -3, 0, -2147483648.0f}, 0},
        {"Div", 14, DTYPE_UINT64, 2, {7, 9}, {2, 0}, true, {3, 0}, 0},
        {"Add", 14, DTYPE_UINT8, 2, {250, 1}, {10, 2}, true, {4, 3}, 0},
        {"Max", 13, DTYPE_FLOAT, 3, {1, NAN, 2}, {2, 1, NAN}, true, {2, NAN, NAN}, 0},
        {"Min", 13, DTYPE_DOUBLE, 3, {1, NAN, 2}, {2, 1, NAN}, true, {1, NAN, NAN}, 0},
        {"Mod", 13, DTYPE_INT64, 6, {-4, 7, 5, 4, -7, 8}, {2, -3, 8, -2, 3, 0}, true, {0, -2, 5, 0, 2, 0}, 0},
        {"Mod", 13, DTYPE_INT8, 2, {-128, -128}, {-1, 3}, true, {0, 1}, 0},
        {"Mod", 13, DTYPE_UINT8, 2, {200, 5}, {7, 0}, true, {4, 0}, 0},
        {"Mod", 13, DTYPE_FLOAT, 3, {-4.5f, 5, 4.5f}, {2, -3, -2}, true, {-0.5f, 2, 0.5f}, 0},
        {"Pow", 15, DTYPE_FLOAT, 6, {2, -2, -2, 4, 0, 5}, {3, 2, 3, 0.5f, 0, -1}, true, {8, 4, -8, 2, 1, 0.2f}, 1e-7},
        {"Pow",
         15,
         DTYPE_INT64,
         6,
         {2, -1, -1, 1, 3, 0},
         {40, -3, -2, -9, -1, 0},
         true,
         {1099511627776.0f, -1, 1, 1, 0, 1},
         0},
        {"Pow", 15, DTYPE_INT32, 2, {2, 46341}, {33, 2}, true, {0, -2147479015.0f}, 256},
        {"BitwiseAnd", 18, DTYPE_INT32, 2, {12, -1}, {10, 7}, true, {8, 7}, 0},
        {"BitwiseOr", 18, DTYPE_UINT8, 2, {12, 0}, {10, 7}, true, {14, 7}, 0},
        {"BitwiseXor", 18, DTYPE_INT64, 2, {12, -1}, {10, 7}, true, {6, -8}, 0},
        {"PRelu", 16, DTYPE_INT32, 3, {-2, 0, 3}, {5, 5, 5}, true, {-10, 0, 3}, 0},
        {"PRelu", 16, DTYPE_DOUBLE, 3, {-2, 0, 3}, {0.5f, 5, 5}, true, {-1, 0, 3}, 0},
    };
    CHECK(cases);
}

/* 1 << 7 in 8 bits, what is shifted out of 16 and 32 bits, and counts beyond the width. */
static void test_shifts(void **state)
{
    (void)state;
    static const struct {
        const char *direction;
        enum dtype dtype;
        float a[4], b[4], expected[4];
    } cases[] = {
        {"LEFT", DTYPE_UINT8, {1, 255, 3, 1}, {7, 1, 8, 200}, {128, 254, 0, 0}},
        {"RIGHT", DTYPE_UINT8, {128, 255, 3, 1}, {7, 1, 8, 200}, {1, 127, 0, 0}},
        {"LEFT", DTYPE_UINT16, {1, 40000, 3, 1}, {15, 1, 16, 63}, {32768, 14464, 0, 0}},
        {"RIGHT", DTYPE_UINT32, {65536, 4294967040.0f, 3, 1}, {16, 8, 2, 64}, {1, 16777215, 0, 0}},
        {"LEFT", DTYPE_UINT64, {1, 3, 3, 1}, {40, 2, 64, 100}, {1099511627776.0f, 12, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "BitShift", 11, 2, 1);
        fixture_string(&fixture, "direction", cases[i].direction);
        fixture_input(&fixture, 0, cases[i].dtype, DIMS(4), cases[i].a);
        fixture_input(&fixture, 1, cases[i].dtype, DIMS(4), cases[i].b);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(4), cases[i].expected, 0);
        fixture_end(&fixture);
    }
}

/* Base and exponent of every pair of types. */
static void test_power_of_mixed_types(void **state)
{
    (void)state;
    static const enum dtype bases[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_INT64, DTYPE_FLOAT16};
    static const enum dtype exponents[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_INT64,
                                           DTYPE_UINT8, DTYPE_UINT64, DTYPE_INT8};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        for (size_t j = 0; j < sizeof exponents / sizeof exponents[0]; j++) {
            struct fixture fixture;
            fixture_start(&fixture, "", "Pow", 15, 2, 1);
            fixture_input(&fixture, 0, bases[i], DIMS(2, 1), FLOATS(3, -2));
            fixture_input(&fixture, 1, exponents[j], DIMS(3), FLOATS(0, 3, 5));
            fixture_run(&fixture);
            assert_int_equal(fixture.outputs[0].dtype, bases[i]);
            expect_output(&fixture, 0, DIMS(2, 3), FLOATS(1, 27, 243, 1, -8, -32), 1e-4);
            fixture_end(&fixture);
        }
    }
}

static void test_clip_of_integers(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Clip", 13, 3, 1);
    fixture_input(&fixture, 0, DTYPE_INT64, DIMS(4), FLOATS(-9, 0, 5, 9));
    fixture_input(&fixture, 1, DTYPE_INT64, SCALAR_DIMS, FLOATS(0));
    fixture_input(&fixture, 2, DTYPE_INT64, SCALAR_DIMS, FLOATS(0));
    ((int64_t *)fixture.inputs[0].data)[3] = INT64_MAX;
    ((int64_t *)fixture.inputs[1].data)[0] = -3;
    ((int64_t *)fixture.inputs[2].data)[0] = INT64_MAX - 1;
    fixture_run(&fixture);
    assert_int_equal(tensor_int(&fixture.outputs[0], 0), -3);
    assert_int_equal(tensor_int(&fixture.outputs[0], 3), INT64_MAX - 1);
    fixture_end(&fixture);

    /* Crossed limits: the upper one wins, in float and double alike. */
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32};
    for (size_t i = 0; i < 3; i++) {
        fixture_start(&fixture, "", "Clip", 13, 3, 1);
        fixture_input(&fixture, 0, types[i], DIMS(3), FLOATS(-9, 2, 9));
        fixture_input(&fixture, 1, types[i], SCALAR_DIMS, FLOATS(4));
        fixture_input(&fixture, 2, types[i], SCALAR_DIMS, FLOATS(1));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(3), FLOATS(1, 1, 1), 0);
        fixture_end(&fixture);
    }
}

/* Three operands of shapes [2,1,4], [3,1] and [4]: every element against its index; and sizes of 0. */
static void test_broadcasting_by_index(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Sum", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 1, 4));
    fixture_count_up(&fixture, 1, DIMS(3, 1));
    fixture_count_up(&fixture, 2, DIMS(4));
    fixture_run(&fixture);
    const float *out = fixture.outputs[0].data;
    assert_int_equal(shape_count(&fixture.outputs[0].shape), 24);
    for (int a = 0; a < 2; a++) {
        for (int b = 0; b < 3; b++) {
            for (int c = 0; c < 4; c++)
                assert_true(out[(a * 3 + b) * 4 + c] == (float)(a * 4 + c + 1 + b + 1 + c + 1));
        }
    }
    fixture_end(&fixture);

    fixture_start(&fixture, "", "Mul", 14, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 0, 3), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 3), NULL);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 0, 3), NULL, 0);
    fixture_end(&fixture);
}

/* Long enough to be cut for the pool, at odd places. */
static void test_long_rows(void **state)
{
    (void)state;
    struct fixture fixture;
    const int64_t count = 100003;
    fixture_start(&fixture, "", "Sub", 14, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(count));
    fixture_input(&fixture, 1, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
    fixture_run(&fixture);
    for (int64_t i = 0; i < count; i++)
        assert_true(((const float *)fixture.outputs[0].data)[i] == (float)i);
    fixture_end(&fixture);
}

static void test_refusals(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Add", 14, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(3), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Add", 14, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Max", 13, 3, 1); /* input 1 is omitted */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Mod", 13, 2, 1); /* floats without fmod */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "PRelu", 16, 2, 1); /* the slope would widen the result */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(3, 1), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "BitShift", 11, 2, 1);
    fixture_string(&fixture, "direction", "UP");
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Pow", 15, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_BOOL, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Clip", 13, 2, 1); /* a limit per element */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Floor", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_INT32, DIMS(2), NULL);
    expect_refusal(&fixture);
}

/* Parameters that the elements' type does not hold. */
static void shrink_of_integers(void **state)
{
    (void)state;
    const float x[4] = {5, 3, 200, 7};
    for (int infinite = 0; infinite < 2; infinite++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "Shrink", 9, 1, 1);
        fixture_float(&fixture, "lambd", -3);
        fixture_float(&fixture, "bias", infinite ? NAN : 2);
        fixture_input(&fixture, 0, DTYPE_UINT64, DIMS(4), x);
        fixture_run(&fixture);
        if (!infinite)
            expect_output(&fixture, 0, DIMS(4), FLOATS(3, 1, 198, 5), 0);
        fixture_end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_of_one_element),
        cmocka_unit_test(test_functions_of_two_elements),
        cmocka_unit_test(test_shifts),
        cmocka_unit_test(test_power_of_mixed_types),
        cmocka_unit_test(test_clip_of_integers),
        cmocka_unit_test(shrink_of_integers),
        cmocka_unit_test(test_broadcasting_by_index),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
