/* Numbers of 8, 4 and 2 bits: casts, quantisation in blocks, com.microsoft's packed matrices and tables; numbers made
 * by hand. */
#include "node_fixture.h"

#define MICROSOFT "com.microsoft"

static void scalar(struct fixture *fixture, int index, enum dtype dtype, float value)
{
    fixture_input(fixture, index, dtype, SCALAR_DIMS, &value);
}

static void expect_dtype(const struct fixture *fixture, enum dtype dtype)
{
    assert_int_equal(fixture->outputs[0].dtype, dtype);
}

/* ---- Cast ---- */

static void cast(enum dtype from, enum dtype to, const char *round_mode, int saturate, const float *x, const float *y)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "Cast", 24, 1, 1);
    fixture_input(&fixture, 0, from, DIMS(4), x);
    fixture_int(&fixture, "to", to);
    fixture_int(&fixture, "saturate", saturate);
    if (round_mode)
        fixture_string(&fixture, "round_mode", round_mode);
    fixture_run(&fixture);
    expect_dtype(&fixture, to);
    expect_output(&fixture, 0, DIMS(4), y, 0);
    fixture_end(&fixture);
}

static void casts_saturate_or_overflow(void **state)
{
    (void)state;
    const float x[4] = {1e6f, -INFINITY, 464, 0.3f};
    cast(DTYPE_FLOAT, DTYPE_FLOAT8E4M3FN, NULL, 1, x, FLOATS(448, -448, 448, 0.3125f));
    cast(DTYPE_FLOAT, DTYPE_FLOAT8E4M3FN, NULL, 0, x, FLOATS(NAN, NAN, 448, 0.3125f));
    cast(DTYPE_DOUBLE, DTYPE_FLOAT8E5M2, NULL, 0, x, FLOATS(INFINITY, -INFINITY, 448, 0.3125f));
    cast(DTYPE_FLOAT16, DTYPE_FLOAT4E2M1, NULL, 0, x, FLOATS(6, -6, 6, 0.5f));
    cast(DTYPE_INT64, DTYPE_FLOAT8E5M2FNUZ, NULL, 1, FLOATS(9, -13, 70000, 0), FLOATS(8, -12, 57344, 0));
}

static void casts_to_powers(void **state)
{
    (void)state;
    const float x[4] = {1.25f, 3, 0.7f, 0};
    cast(DTYPE_FLOAT, DTYPE_FLOAT8E8M0, NULL, 1, x, FLOATS(2, 4, 1, 0x1p-127f));
    cast(DTYPE_FLOAT, DTYPE_FLOAT8E8M0, "down", 1, x, FLOATS(1, 2, 0.5f, 0x1p-127f));
    cast(DTYPE_FLOAT, DTYPE_FLOAT8E8M0, "nearest", 0, x, FLOATS(1, 4, 0.5f, NAN));
}

static void casts_wrap_integers(void **state)
{
    (void)state;
    const float x[4] = {7, 8, -9, 21};
    cast(DTYPE_INT32, DTYPE_INT4, NULL, 1, x, FLOATS(7, -8, 7, 5));
    cast(DTYPE_FLOAT, DTYPE_UINT4, NULL, 1, x, FLOATS(7, 8, 7, 5));
    cast(DTYPE_INT64, DTYPE_UINT2, NULL, 1, x, FLOATS(3, 0, 3, 1));
    cast(DTYPE_INT8, DTYPE_INT2, NULL, 1, x, FLOATS(-1, 0, -1, 1));
}

static void casts_refuse_other_words(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Cast", 24, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1), NULL);
    fixture_int(&fixture, "to", DTYPE_FLOAT8E8M0);
    fixture_string(&fixture, "round_mode", "sideways");
    expect_refusal(&fixture);
}

/* The bits of two codes of 4, or of one of 8. */
static void bits_are_read_as_other_types(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "BitCast", 26, 1, 1);
    fixture_input(&fixture, 0, DTYPE_UINT4, DIMS(3), FLOATS(15, 8, 3));
    fixture_int(&fixture, "to", DTYPE_INT4);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3), FLOATS(-1, -8, 3), 0);
    fixture_end(&fixture);
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

/* x [1, 4] in blocks of 2 with scales 0.5 and 2. */
static void quantize_blocks(enum dtype type, const float *zero_points, int saturate, const float *y)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "QuantizeLinear", 25, zero_points ? 3 : 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 4), FLOATS(1.3f, -30, 5, 1000));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 2), FLOATS(0.5f, 2));
    if (zero_points)
        fixture_input(&fixture, 2, type, DIMS(1, 2), zero_points);
    fixture_int(&fixture, "block_size", 2);
    fixture_int(&fixture, "output_dtype", type);
    fixture_int(&fixture, "saturate", saturate);
    fixture_run(&fixture);
    expect_dtype(&fixture, type);
    expect_output(&fixture, 0, DIMS(1, 4), y, 0);
    fixture_end(&fixture);
}

static void quantize_to_every_width(void **state)
{
    (void)state;
    quantize_blocks(DTYPE_INT4, FLOATS(1, -2), 1, FLOATS(4, -8, 0, 7));
    quantize_blocks(DTYPE_UINT4, FLOATS(3, 9), 1, FLOATS(6, 0, 11, 15));
    quantize_blocks(DTYPE_INT2, NULL, 1, FLOATS(1, -2, 1, 1));
    quantize_blocks(DTYPE_UINT2, NULL, 1, FLOATS(3, 0, 2, 3));
    quantize_blocks(DTYPE_FLOAT4E2M1, NULL, 1, FLOATS(3, -6, 2, 6));
    quantize_blocks(DTYPE_FLOAT8E4M3FN, NULL, 1, FLOATS(2.5f, -60, 2.5f, 448));
    quantize_blocks(DTYPE_FLOAT8E4M3FNUZ, NULL, 0, FLOATS(2.5f, -60, 2.5f, NAN));
}

/* The scale is a power of two; x / scale is rounded to `precision` first. */
static void quantize_by_powers(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "QuantizeLinear", 25, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2), FLOATS(3.26f, 300.9f));
    fixture_input(&fixture, 1, DTYPE_FLOAT8E8M0, DIMS(1), FLOATS(0.5f));
    scalar(&fixture, 2, DTYPE_INT16, 0);
    fixture_int(&fixture, "precision", DTYPE_BFLOAT16);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(7, 600), 0);
    fixture_end(&fixture);
}

static void dequantize(enum dtype type, enum dtype scale, int64_t output, enum dtype expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "DequantizeLinear", 25, 3, 1);
    fixture_input(&fixture, 0, type, DIMS(2, 2), FLOATS(1, 0, 1, 1));
    fixture_input(&fixture, 1, scale, DIMS(2), FLOATS(0.5f, 4));
    fixture_input(&fixture, 2, type, DIMS(2), FLOATS(0, 1));
    fixture_int(&fixture, "axis", 0);
    if (output)
        fixture_int(&fixture, "output_dtype", output);
    if (expected == DTYPE_UNDEFINED) {
        expect_refusal(&fixture);
        return;
    }
    fixture_run(&fixture);
    expect_dtype(&fixture, expected);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0.5f, 0, 0, 0), 0);
    fixture_end(&fixture);
}

static void dequantize_to_every_type(void **state)
{
    (void)state;
    dequantize(DTYPE_INT4, DTYPE_FLOAT, 0, DTYPE_FLOAT);
    dequantize(DTYPE_UINT2, DTYPE_FLOAT16, 0, DTYPE_FLOAT16);
    dequantize(DTYPE_FLOAT4E2M1, DTYPE_BFLOAT16, DTYPE_FLOAT, DTYPE_FLOAT);
    dequantize(DTYPE_FLOAT8E5M2, DTYPE_FLOAT8E8M0, DTYPE_FLOAT16, DTYPE_FLOAT16);
    dequantize(DTYPE_FLOAT8E5M2, DTYPE_FLOAT8E8M0, 0, DTYPE_UNDEFINED);
    dequantize(DTYPE_FLOAT8E8M0, DTYPE_FLOAT, 0, DTYPE_UNDEFINED);
    dequantize(DTYPE_INT4, DTYPE_INT32, 0, DTYPE_UNDEFINED);
}

/* The types of com.microsoft's; their scales stand along an axis or alone. */
static void microsoft_quantizes_too(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, MICROSOFT, "QuantizeLinear", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT16, DIMS(1, 2), FLOATS(1, -9));
    fixture_input(&fixture, 1, DTYPE_FLOAT16, DIMS(2), FLOATS(0.5f, 1));
    fixture_input(&fixture, 2, DTYPE_INT4, DIMS(2), FLOATS(1, 0));
    fixture_run(&fixture);
    expect_dtype(&fixture, DTYPE_INT4);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(3, -8), 0);
    fixture_end(&fixture);
}

/* Codes of float8: (2 4) with scale 0.5 times (1; 3) with scale 1 is 7. */
static void float8_matrices(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "QLinearMatMul", 21, 8, 1);
    static const int scales[3] = {1, 4, 6}, zero_points[3] = {2, 5, 7};
    for (int i = 0; i < 3; i++) {
        scalar(&fixture, scales[i], DTYPE_FLOAT, i == 0 ? 0.5f : 1);
        scalar(&fixture, zero_points[i], DTYPE_FLOAT8E4M3FN, 0);
    }
    fixture_input(&fixture, 0, DTYPE_FLOAT8E4M3FN, DIMS(1, 2), FLOATS(2, 4));
    fixture_input(&fixture, 3, DTYPE_FLOAT8E4M3FN, DIMS(2, 1), FLOATS(1, 3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(7), 0);
    fixture_end(&fixture);
}

/* ---- MatMulNBits, MatMulBnb4 ---- */

/* A of ones [1, K], so that results are sums of rows. */
static void start_product(struct fixture *fixture, const char *op_type, int inputs, int64_t columns, int64_t rows,
                          int64_t block)
{
    const int64_t dims[2] = {1, columns};
    fixture_start(fixture, MICROSOFT, op_type, 1, inputs, 1);
    fixture_input(fixture, 0, DTYPE_FLOAT, 2, dims, NULL);
    for (int64_t i = 0; i < columns; i++)
        ((float *)fixture->inputs[0].data)[i] = 1;
    fixture_int(fixture, "K", columns);
    fixture_int(fixture, "N", rows);
    fixture_int(fixture, "block_size", block);
}

/* Two rows of 20 columns in two blocks of 16, of which 12 columns are not there: codes 9 and 7 stand in turn, 8 is the
 * zero point unless one is given. */
static void start_four_bits(struct fixture *fixture, int inputs)
{
    start_product(fixture, "MatMulNBits", inputs, 20, 2, 16);
    fixture_input(fixture, 1, DTYPE_UINT8, DIMS(2, 2, 8), NULL);
    memset(fixture->inputs[1].data, 0x79, 32);
    ((uint8_t *)fixture->inputs[1].data)[0] = 0x7f; /* 15 in place of 9 */
    fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(4), FLOATS(1, 10, 100, 1000));
}

static void packed_products(void **state)
{
    (void)state;
    struct fixture fixture;
    start_four_bits(&fixture, 3);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(6, 0), 0);
    fixture_end(&fixture);

    /* zero points 7 and 8 of the first row, 8 and 9 of the second; a bias */
    start_four_bits(&fixture, 6);
    fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(2), FLOATS(0x87, 0x98));
    fixture_input(&fixture, 5, DTYPE_FLOAT, DIMS(2), FLOATS(0.5f, -1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(6 + 16 + 0.5f, -4000 - 1), 0);
    fixture_end(&fixture);

    /* fractions as zero points; the first two columns belong to the second block */
    start_four_bits(&fixture, 5);
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(2, 2), FLOATS(8, 7.5f, 8, 8));
    fixture_input(&fixture, 4, DTYPE_INT32, DIMS(20), NULL);
    ((int32_t *)fixture.inputs[4].data)[0] = ((int32_t *)fixture.inputs[4].data)[1] = 1;
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(75 - 5, 0), 0);
    fixture_end(&fixture);
}

/* Rows of 8 columns in one block: bytes, or codes 0 1 2 3 twice. */
static void products_of_other_widths(void **state)
{
    (void)state;
    struct fixture fixture;
    start_product(&fixture, "MatMulNBits", 3, 8, 1, 8);
    fixture_int(&fixture, "bits", 8);
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(1, 1, 8), FLOATS(129, 126, 128, 128, 128, 128, 128, 255));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(0.5f));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(63), 0);
    fixture_end(&fixture);
    start_product(&fixture, "MatMulNBits", 4, 8, 1, 8);
    fixture_int(&fixture, "bits", 2);
    ((float *)fixture.inputs[0].data)[3] = 5;
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(1, 1, 2), FLOATS(0xe4, 0xe4));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(2));
    fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(1), FLOATS(1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(2 * (2 * 2 + 4 * 2)), 0);
    fixture_end(&fixture);
    /* NF4: -1 and 1 in the high and low bits of the first byte, then zeros */
    start_product(&fixture, "MatMulBnb4", 3, 4, 2, 8);
    fixture_int(&fixture, "quant_type", 1);
    ((float *)fixture.inputs[0].data)[0] = 3;
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(4), FLOATS(0x0f, 0x77, 0x77, 0x7f));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(2 * (-3 + 1), 2), 0);
    fixture_end(&fixture);
}

static void products_refuse_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t value;
    } wrong[] = {{"K", 33},
                 {"K", 0},
                 {"K", INT64_MAX},
                 {"N", -2},
                 {"N", 3},
                 {"N", INT64_MAX},
                 {"bits", 3},
                 {"bits", 8},
                 {"bits", INT64_MIN},
                 {"block_size", 0},
                 {"block_size", 32},
                 {"block_size", INT64_MAX},
                 {"block_size", -16},
                 {"weight_prepacked", 1}};
    struct fixture fixture;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start_four_bits(&fixture, 3);
        fixture_int(&fixture, wrong[i].name, wrong[i].value);
        expect_refusal(&fixture);
    }
    static const enum dtype zero_points[] = {DTYPE_INT8, DTYPE_FLOAT, DTYPE_UINT8};
    for (int i = 0; i < 3; i++) {
        start_four_bits(&fixture, 4);
        fixture_input(&fixture, 3, zero_points[i], DIMS(3), NULL);
        expect_refusal(&fixture);
    }
    for (int group = -1; group <= 2; group += 3) { /* groups 0 and 1 are there */
        start_four_bits(&fixture, 5);
        fixture_input(&fixture, 4, DTYPE_INT32, DIMS(32), NULL);
        ((int32_t *)fixture.inputs[4].data)[19] = group;
        expect_refusal(&fixture);
    }
    start_four_bits(&fixture, 3);
    fixture.inputs[0].shape.dims[1] = 19;
    expect_refusal(&fixture);
}

/* ---- GatherBlockQuantized ---- */

/* A table of 2 rows of 6 with blocks of 4, the second row first. */
static void start_table(struct fixture *fixture, int inputs, enum dtype type, int64_t columns, const float *data)
{
    const int64_t dims[2] = {2, columns};
    fixture_start(fixture, MICROSOFT, "GatherBlockQuantized", 1, inputs, 1);
    fixture_input(fixture, 0, type, 2, dims, data);
    fixture_input(fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(-1, 0));
    fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(2, 2), FLOATS(1, 10, 100, 1000));
    fixture_int(fixture, "block_size", 4);
}

static void tables(void **state)
{
    (void)state;
    struct fixture fixture;
    start_table(&fixture, 4, DTYPE_INT4, 6, FLOATS(1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6));
    fixture_input(&fixture, 3, DTYPE_INT4, DIMS(2, 2), FLOATS(1, 0, 0, -1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 6), FLOATS(-100, -200, -300, -400, -4000, -5000, 0, 1, 2, 3, 50, 60), 0);
    fixture_end(&fixture);
    /* bytes hold two codes, and one of zero points; 8 is the zero point unless one is given */
    for (int given = 0; given < 2; given++) {
        start_table(&fixture, 3 + given, DTYPE_UINT8, 3, FLOATS(0x98, 0xa8, 0x9a, 0x88, 0x88, 0x8f));
        if (given)
            fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(2, 1), FLOATS(0x88, 0x78));
        fixture_run(&fixture);
        const float more = given ? 1000 : 0;
        expect_output(&fixture, 0, DIMS(2, 6), FLOATS(0, 0, 0, 0, 7000 + more, more, 0, 1, 0, 2, 20, 10), 0);
        fixture_end(&fixture);
    }
    /* scales of floats may be one for all rows, and for the whole axis */
    fixture_start(&fixture, MICROSOFT, "GatherBlockQuantized", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT8E5M2, DIMS(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    scalar(&fixture, 1, DTYPE_INT64, 1);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 1), FLOATS(2));
    fixture_int(&fixture, "block_size", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3), FLOATS(8, 10, 12), 0);
    fixture_end(&fixture);
}

static void tables_refuse_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t value;
    } wrong[] = {
        {"bits", 3},       {"bits", 0},        {"bits", 8},        {"block_size", 0},    {"block_size", -4},
        {"block_size", 8}, {"gather_axis", 1}, {"gather_axis", 2}, {"quantize_axis", 0}, {"quantize_axis", INT64_MIN}};
    struct fixture fixture;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start_table(&fixture, 3, DTYPE_UINT8, 3, NULL);
        fixture_int(&fixture, wrong[i].name, wrong[i].value);
        expect_refusal(&fixture);
    }
    start_table(&fixture, 3, DTYPE_INT4, 6, NULL);
    ((int64_t *)fixture.inputs[1].data)[0] = 2; /* behind the last row */
    expect_refusal(&fixture);
    start_table(&fixture, 4, DTYPE_UINT8, 3, NULL);
    fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(2, 2), NULL);
    expect_refusal(&fixture);
    start_table(&fixture, 4, DTYPE_FLOAT4E2M1, 6, NULL);
    fixture_input(&fixture, 3, DTYPE_FLOAT4E2M1, DIMS(2, 2), NULL);
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casts_saturate_or_overflow),
        cmocka_unit_test(casts_to_powers),
        cmocka_unit_test(casts_wrap_integers),
        cmocka_unit_test(casts_refuse_other_words),
        cmocka_unit_test(bits_are_read_as_other_types),
        cmocka_unit_test(quantize_to_every_width),
        cmocka_unit_test(quantize_by_powers),
        cmocka_unit_test(dequantize_to_every_type),
        cmocka_unit_test(microsoft_quantizes_too),
        cmocka_unit_test(float8_matrices),
        cmocka_unit_test(packed_products),
        cmocka_unit_test(products_of_other_widths),
        cmocka_unit_test(products_refuse_what_does_not_fit),
        cmocka_unit_test(tables),
        cmocka_unit_test(tables_refuse_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
