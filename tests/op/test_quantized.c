/* Operators on quantised tensors against numbers made by hand and sums of integers. */
#include "base/random.h"
#include "node_fixture.h"

#define MICROSOFT "com.microsoft"

static void scalar(struct fixture *fixture, int index, enum dtype dtype, float value)
{
    fixture_input(fixture, index, dtype, SCALAR_DIMS, &value);
}

/* Inputs `first` to `first` + 2. */
static void quantized(struct fixture *fixture, int first, int rank, const int64_t *dims, const float *elements,
                      float scale, float zero_point)
{
    fixture_input(fixture, first, DTYPE_UINT8, rank, dims, elements);
    scalar(fixture, first + 1, DTYPE_FLOAT, scale);
    scalar(fixture, first + 2, DTYPE_UINT8, zero_point);
}

/* x = 0.5 (q - 10) = (1 -2 3), weights 1 and -0.5 (scales 0.5 and 0.25 by channel), bias 0.25 (4 8) of the products of
 * scales: channels x + 1 and -x / 2 + 1. The padding counts as 0, not as -10. */
static void convolution_scales_by_channel(void **state)
{
    (void)state;
    static const int64_t pads[2] = {1, 0};
    struct fixture fixture;
    fixture_start(&fixture, "", "QLinearConv", 10, 9, 1);
    quantized(&fixture, 0, DIMS(1, 1, 3), FLOATS(12, 6, 16), 0.5f, 10);
    fixture_input(&fixture, 3, DTYPE_INT8, DIMS(2, 1, 1), FLOATS(2, -2));
    fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(2), FLOATS(0.5f, 0.25f));
    scalar(&fixture, 5, DTYPE_INT8, 0);
    fixture_input(&fixture, 6, DTYPE_FLOAT, DIMS(1), FLOATS(0.25f));
    scalar(&fixture, 7, DTYPE_UINT8, 5);
    fixture_input(&fixture, 8, DTYPE_INT32, DIMS(2), FLOATS(4, 8));
    fixture_ints(&fixture, "pads", pads, 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 4), FLOATS(9, 13, 1, 21, 9, 7, 13, 3), 0);
    fixture_end(&fixture);
}

/* Scales 1/3, 3 and 2 multiply sums of integers by half: of 255 pixels every other one is a tie, which goes to the even
 * number. Products of rounded floats would miss some. */
static void convolution_sums_integers(void **state)
{
    (void)state;
    float x[255], expected[255];
    for (int i = 0; i < 255; i++) {
        x[i] = (float)(i + 1);
        expected[i] = nearbyintf((float)(7 * (i + 1) - 1) / 2);
        expected[i] = expected[i] > 255 ? 255 : expected[i];
    }
    struct fixture fixture;
    fixture_start(&fixture, "", "QLinearConv", 10, 9, 1);
    quantized(&fixture, 0, DIMS(1, 1, 255), x, 1.0f / 3, 0);
    quantized(&fixture, 3, DIMS(1, 1, 1), FLOATS(10), 3, 3);
    scalar(&fixture, 6, DTYPE_FLOAT, 2);
    scalar(&fixture, 7, DTYPE_UINT8, 0);
    fixture_input(&fixture, 8, DTYPE_INT32, DIMS(1), FLOATS(-1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 255), expected, 0);
    fixture_end(&fixture);
}

static void convolution_refuses_a_bias_of_floats(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "QLinearConv", 10, 9, 1);
    quantized(&fixture, 0, DIMS(1, 1, 3), NULL, 1, 0);
    quantized(&fixture, 3, DIMS(1, 1, 1), NULL, 1, 0);
    scalar(&fixture, 6, DTYPE_FLOAT, 1);
    scalar(&fixture, 7, DTYPE_UINT8, 0);
    fixture_input(&fixture, 8, DTYPE_FLOAT, DIMS(1), NULL);
    expect_refusal(&fixture);
}

/* A = (1 2; 3 4) with scales 1 and 0.5 of its rows, B = (1 2; 0 0) with scales 1 and 2 of its columns; scales of
 * batches have the matrices' rank. */
static void matrices_scale_by_rows_and_columns(void **state)
{
    (void)state;
    for (int batches = 0; batches < 2; batches++) {
        struct fixture fixture;
        const int64_t matrix[3] = {1, 2, 2}, rows[3] = {1, 2, 1}, columns[3] = {1, 1, 2};
        fixture_start(&fixture, "", "QLinearMatMul", 21, 8, 1);
        quantized(&fixture, 0, batches ? 3 : 2, batches ? matrix : matrix + 1, FLOATS(4, 5, 9, 11), 1, 3);
        quantized(&fixture, 3, batches ? 3 : 2, batches ? matrix : matrix + 1, FLOATS(4, 4, 3, 3), 1, 3);
        tensor_release(fixture.context->memory, &fixture.inputs[1]);
        tensor_release(fixture.context->memory, &fixture.inputs[4]);
        fixture_input(&fixture, 1, DTYPE_FLOAT, batches ? 3 : 1, batches ? rows : rows + 1, FLOATS(1, 0.5f));
        fixture_input(&fixture, 4, DTYPE_FLOAT, batches ? 3 : 1, batches ? columns : columns + 2, FLOATS(1, 2));
        scalar(&fixture, 6, DTYPE_FLOAT, 0.5f);
        scalar(&fixture, 7, DTYPE_INT8, -5);
        fixture_run(&fixture);
        assert_int_equal(fixture.outputs[0].dtype, DTYPE_INT8);
        /* A B = (1 2; 3 6) */
        expect_output(&fixture, 0, batches ? 3 : 2, batches ? matrix : matrix + 1, FLOATS(-3, -1, 1, 7), 0);
        fixture_end(&fixture);
    }
}

/* 2 (A op(B) + C), as float where no scale of the output is given. */
static void gemm_with_and_without_a_scale(void **state)
{
    (void)state;
    for (int scaled = 0; scaled < 2; scaled++) {
        struct fixture fixture;
        fixture_start(&fixture, MICROSOFT, "QGemm", 1, scaled ? 9 : 7, 1);
        quantized(&fixture, 0, DIMS(1, 2), FLOATS(11, 12), 0.5f, 10);
        quantized(&fixture, 3, DIMS(2, 2), FLOATS(2, 4, 6, 8), 0.25f, 0);
        fixture_input(&fixture, 6, DTYPE_INT32, DIMS(2), FLOATS(6, -6));
        fixture_int(&fixture, "transB", 1);
        fixture_float(&fixture, "alpha", 2);
        if (scaled) {
            scalar(&fixture, 7, DTYPE_FLOAT, 0.5f);
            scalar(&fixture, 8, DTYPE_UINT8, 7);
        }
        fixture_run(&fixture);
        /* A = (0.5 1), B = (0.5 1; 1.5 2), C = (0.75 -0.75) */
        expect_output(&fixture, 0, DIMS(1, 2), scaled ? FLOATS(15, 15) : FLOATS(4, 4), 0);
        fixture_end(&fixture);
    }
}

/* Rows of `terms` bytes times columns of them, as MatMulInteger or as ConvInteger with 1 x 1 kernels; `full`: all 255,
 * the largest sums that there are. */
static void integer_product(int64_t terms, bool convolution, bool full)
{
    enum { ROWS = 2, COLUMNS = 3 };
    struct fixture fixture;
    struct random random = {.seed = (uint64_t)terms};
    fixture_start(&fixture, "", convolution ? "ConvInteger" : "MatMulInteger", 10, 4, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, convolution ? 3 : 2,
                  convolution ? (int64_t[]){ROWS, terms, 1} : (int64_t[]){ROWS, terms}, NULL);
    fixture_input(&fixture, 1, DTYPE_UINT8, convolution ? 3 : 2,
                  convolution ? (int64_t[]){COLUMNS, terms, 1} : (int64_t[]){terms, COLUMNS}, NULL);
    scalar(&fixture, 2, DTYPE_UINT8, full ? 0 : 100);
    scalar(&fixture, 3, DTYPE_UINT8, full ? 0 : 131);
    uint8_t *a = fixture.inputs[0].data, *b = fixture.inputs[1].data;
    for (int64_t i = 0; i < ROWS * terms; i++)
        a[i] = full ? 255 : (uint8_t)random_below(&random, 256);
    for (int64_t i = 0; i < COLUMNS * terms; i++)
        b[i] = full ? 255 : (uint8_t)random_below(&random, 256);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, DTYPE_INT32);
    for (int64_t i = 0; i < ROWS * COLUMNS; i++) {
        int64_t row = i / COLUMNS, column = i % COLUMNS, sum = 0;
        for (int64_t k = 0; k < terms; k++) {
            int64_t weight = b[convolution ? column * terms + k : k * COLUMNS + column];
            sum += (a[row * terms + k] - (full ? 0 : 100)) * (weight - (full ? 0 : 131));
        }
        assert_int_equal(((const int32_t *)fixture.outputs[0].data)[i], sum);
    }
    fixture_end(&fixture);
}

static void integer_products_are_exact(void **state)
{
    (void)state;
    static const int64_t terms[] = {1, 258, 259, 4112, 4113, 33000};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        for (int form = 0; form < 4; form++)
            integer_product(terms[i], form % 2 != 0, form / 2 != 0);
    }
}

static void integer_products_too_long_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "MatMulInteger", 10, 2, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 65537), NULL);
    fixture_input(&fixture, 1, DTYPE_INT8, DIMS(65537, 1), NULL);
    expect_refusal(&fixture);
}

/* Columns of A less 1 and 2; without zero point of A. */
static void integer_products_take_zero_points_by_column(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "MatMulInteger", 10, 4, 1);
    fixture_input(&fixture, 0, DTYPE_INT8, DIMS(1, 2), FLOATS(-3, 4));
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(2, 2), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(2), FLOATS(1, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(8, 8), 0);
    fixture_end(&fixture);
}

/* a = 0.5 (q - 10) = (-1 2), b = 0.25 (q - 20) = (3 -1), y = 0.25 (q - 30). */
static void elementwise(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool binary;
        float y[2];
    } cases[] = {{"QLinearAdd", true, {38, 34}},
                 {"QLinearMul", true, {18, 22}},
                 {"QLinearLeakyRelu", false, {28, 38}},
                 {"QLinearSigmoid", false, {31, 34}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        int output = cases[i].binary ? 6 : 3;
        fixture_start(&fixture, MICROSOFT, cases[i].name, 1, output + 2, 1);
        quantized(&fixture, 0, DIMS(1, 2), FLOATS(8, 14), 0.5f, 10);
        if (cases[i].binary)
            quantized(&fixture, 3, DIMS(2), FLOATS(32, 16), 0.25f, 20);
        scalar(&fixture, output, DTYPE_FLOAT, 0.25f);
        scalar(&fixture, output + 1, DTYPE_UINT8, 30);
        fixture_float(&fixture, "alpha", 0.5f);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2), cases[i].y, 0);
        fixture_end(&fixture);
    }
}

static void zero_points_may_be_left_out(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, MICROSOFT, "QLinearAdd", 1, 7, 1);
    fixture_input(&fixture, 0, DTYPE_INT8, DIMS(2), FLOATS(-3, 4));
    scalar(&fixture, 1, DTYPE_FLOAT, 1);
    fixture_input(&fixture, 3, DTYPE_INT8, DIMS(2), FLOATS(1, 2));
    scalar(&fixture, 4, DTYPE_FLOAT, 1);
    scalar(&fixture, 6, DTYPE_FLOAT, 0.5f);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, DTYPE_INT8);
    expect_output(&fixture, 0, DIMS(2), FLOATS(-4, 12), 0);
    fixture_end(&fixture);
}

/* x = 2 (q - 1) = (0 2 4; 6 8 10) as [1, 1, 2, 3], y = 0.5 (q - 3). */
static void pools(void **state)
{
    (void)state;
    static const int64_t kernel[2] = {2, 2};
    for (int global = 0; global < 2; global++) {
        struct fixture fixture;
        fixture_start(&fixture, MICROSOFT, global ? "QLinearGlobalAveragePool" : "QLinearAveragePool", 1, 5, 1);
        quantized(&fixture, 0, DIMS(1, 1, 2, 3), FLOATS(1, 2, 3, 4, 5, 6), 2, 1);
        scalar(&fixture, 3, DTYPE_FLOAT, 0.5f);
        scalar(&fixture, 4, DTYPE_UINT8, 3);
        if (!global)
            fixture_ints(&fixture, "kernel_shape", kernel, 2);
        fixture_run(&fixture);
        if (global)
            expect_output(&fixture, 0, DIMS(1, 1, 1, 1), FLOATS(13), 0);
        else
            expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(11, 15), 0);
        fixture_end(&fixture);
    }
}

/* Equal elements of [1, 2, 2] share 1: along axis 1 since opset 13, over all axes from 1 on before. */
static void softmax_before_and_since_13(void **state)
{
    (void)state;
    for (int opset = 12; opset <= 13; opset++) {
        struct fixture fixture;
        float share = opset < 13 ? 64 : 128;
        fixture_start(&fixture, MICROSOFT, "QLinearSoftmax", 1, 5, 1);
        quantized(&fixture, 0, DIMS(1, 2, 2), FLOATS(9, 9, 9, 9), 0.5f, 1);
        scalar(&fixture, 3, DTYPE_FLOAT, 1.0f / 256);
        scalar(&fixture, 4, DTYPE_UINT8, 0);
        fixture_int(&fixture, "axis", 1);
        fixture_int(&fixture, "opset", opset);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 2), FLOATS(share, share, share, share), 0);
        fixture_end(&fixture);
    }
}

/* (1 2) and (3), rescaled to y = 0.5 (q - 4). */
static void concatenation_rescales(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, MICROSOFT, "QLinearConcat", 1, 8, 1);
    scalar(&fixture, 0, DTYPE_FLOAT, 0.5f);
    scalar(&fixture, 1, DTYPE_UINT8, 4);
    quantized(&fixture, 2, DIMS(1, 2), FLOATS(11, 12), 1, 10);
    quantized(&fixture, 5, DIMS(1, 1), FLOATS(12), 0.25f, 0);
    fixture_int(&fixture, "axis", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 3), FLOATS(6, 8, 10), 0);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_scales_by_channel),
        cmocka_unit_test(convolution_sums_integers),
        cmocka_unit_test(convolution_refuses_a_bias_of_floats),
        cmocka_unit_test(matrices_scale_by_rows_and_columns),
        cmocka_unit_test(gemm_with_and_without_a_scale),
        cmocka_unit_test(integer_products_are_exact),
        cmocka_unit_test(integer_products_too_long_are_refused),
        cmocka_unit_test(integer_products_take_zero_points_by_column),
        cmocka_unit_test(elementwise),
        cmocka_unit_test(zero_points_may_be_left_out),
        cmocka_unit_test(pools),
        cmocka_unit_test(softmax_before_and_since_13),
        cmocka_unit_test(concatenation_rescales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
