/* com.microsoft operators of maps and of dynamic quantisation, values by hand; wider ones were held against ONNX
 * Runtime. */
#include "node_fixture.h"

#define MICROSOFT "com.microsoft"

/* Two pixels of two channels, one group a channel: each channel becomes -1, 1 before scale and shift. */
static void normalises_groups(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        fixture_start(&fixture, MICROSOFT, skip ? "SkipGroupNorm" : "GroupNorm", 1, skip ? 5 : 3, skip ? 2 : 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(1, 10, 3, 30));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(1, 2));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(0, 1));
        if (skip) {
            fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 2), FLOATS(5, 6));
            fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(2), FLOATS(1, 2));
        }
        fixture_int(&fixture, "groups", 2);
        fixture_int(&fixture, "activation", skip);
        fixture_float(&fixture, "epsilon", 1e-9f);
        fixture_run(&fixture);
        if (skip) {
            expect_output(&fixture, 0, DIMS(1, 1, 2, 2),
                          FLOATS(-1 / (1 + expf(1)), -1 / (1 + expf(1)), 1 / (1 + expf(-1)), 3 / (1 + expf(-3))), 1e-5);
            expect_output(&fixture, 1, DIMS(1, 1, 2, 2), FLOATS(7, 18, 9, 38), 0);
        } else {
            expect_output(&fixture, 0, DIMS(1, 1, 2, 2), FLOATS(-1, -1, 1, 3), 1e-5);
        }
        fixture_end(&fixture);
    }
    fixture_start(&fixture, MICROSOFT, "GroupNorm", 1, 3, 1); /* groups are required */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2, 2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), NULL);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), NULL);
    expect_refusal(&fixture);
}

static void sums_and_halves(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "BiasAdd", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(1, 2));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(10, 20));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(100, 200));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(111, 222), 0);
    fixture_end(&fixture);
    for (int odd = 0; odd < 2; odd++) {
        fixture_start(&fixture, MICROSOFT, "BiasSplitGelu", 1, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2 + odd), FLOATS(2, 1, 0));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2 + odd), FLOATS(1, 1, 0));
        if (odd) {
            expect_refusal(&fixture);
            break;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1), FLOATS(3 * 1.9544997f), 1e-5);
        fixture_end(&fixture);
    }
    for (int axis = 0; axis < 2; axis++) {
        fixture_start(&fixture, MICROSOFT, "BiasSoftmax", 1, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(0, 1));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 2), FLOATS(0, logf(3) - 1));
        fixture_int(&fixture, "axis", axis);
        fixture_int(&fixture, "is_inner_broadcast", 0);
        if (axis == 0) {
            expect_refusal(&fixture);
            continue;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2), FLOATS(0.25f, 0.75f), 1e-6);
        fixture_end(&fixture);
    }
}

static void distances_and_inverses(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "CDist", 1, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(0, 0));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2), FLOATS(3, 4, 0, 1));
    fixture_string(&fixture, "metric", "euclidean");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(5, 1), 1e-6);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "Inverse", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2, 2), FLOATS(0, 2, 4, 0, 1, 2, 3, 4));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 2), FLOATS(0, 0.25f, 0.5f, 0, -2, 1, 1.5f, -0.5f), 1e-6);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "Inverse", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 3), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, MICROSOFT, "Inverse", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(0, 2, 2), NULL);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0, 2, 2), NULL, 0);
    fixture_end(&fixture);
}

static void older_names(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "ExpandDims", 1, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_INT32, SCALAR_DIMS, FLOATS(-1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 3, 1), FLOATS(1, 2, 3, 4, 5, 6), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "Trilu", 1, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_int(&fixture, "upper", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(1, 0, 3, 4), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "GatherND", 1, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(1, 1), FLOATS(2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(5, 6), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "Pad", 1, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(3));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(1, 1));
    fixture_string(&fixture, "mode", "reflect");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(5), FLOATS(2, 1, 2, 3, 2), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "GridSample", 1, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(2, 4));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(0, 0));
    fixture_string(&fixture, "mode", "bilinear");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1, 1), FLOATS(3), 1e-6);
    fixture_end(&fixture);
    for (int wrong = 0; wrong < 2; wrong++) {
        fixture_start(&fixture, MICROSOFT, "ConvTransposeWithDynamicPads", 1, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(1, 2));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 1, 3), FLOATS(1, 1, 1));
        fixture_input(&fixture, 2, DTYPE_INT64, DIMS(4 - wrong), FLOATS(0, 1, 0, 1));
        if (wrong) {
            expect_refusal(&fixture);
            break;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(3, 3), 0);
        fixture_end(&fixture);
    }
}

/* 2 4 - the zero point of the second 1 gives 1 3; rows 1 0 and 0 1, quantised by 1/255: exact. */
static void integer_products(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "DynamicQuantizeMatMul", 1, 5, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2), FLOATS(1, 0, 0, 1));
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(2, 2), FLOATS(2, 4, 6, 1));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(0.5f, 2));
    fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(2), FLOATS(1, 1));
    fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(2), FLOATS(10, 20));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(10.5f, 26, 12.5f, 20), 1e-5);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "MatMulIntegerToFloat", 1, 5, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 2), FLOATS(130, 127));
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(2, 1), FLOATS(3, 5));
    fixture_input(&fixture, 2, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(0.5f));
    fixture_input(&fixture, 3, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(0.25f));
    fixture_input(&fixture, 4, DTYPE_UINT8, SCALAR_DIMS, FLOATS(128));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(0.125f), 0); /* 2 3 - 5 */
    fixture_end(&fixture);
}

static void channels_last(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "NhwcMaxPool", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 1, 2, 2), FLOATS(1, 8, 3, 4));
    fixture_ints(&fixture, "kernel_shape", INTS(1, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(3, 8), 0);
    fixture_end(&fixture);
    for (int all = 0; all < 2; all++) {
        fixture_start(&fixture, MICROSOFT, all ? "QLinearGlobalAveragePool" : "QLinearAveragePool", 1, 5, 1);
        fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 1, 2, 2), FLOATS(1, 8, 3, 4));
        fixture_input(&fixture, 1, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
        fixture_input(&fixture, 2, DTYPE_UINT8, SCALAR_DIMS, FLOATS(0));
        fixture_input(&fixture, 3, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(0.5f));
        fixture_input(&fixture, 4, DTYPE_UINT8, SCALAR_DIMS, FLOATS(1));
        fixture_int(&fixture, "channels_last", 1);
        if (!all)
            fixture_ints(&fixture, "kernel_shape", INTS(1, 2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(5, 13), 0);
        fixture_end(&fixture);
    }
    for (int last = 0; last < 2; last++) { /* a kernel that takes the second channel minus the first */
        fixture_start(&fixture, MICROSOFT, "QLinearConv", 1, 8, 1);
        fixture_input(&fixture, 0, DTYPE_UINT8, last ? 4 : 4, last ? (int64_t[]){1, 1, 2, 2} : (int64_t[]){1, 2, 1, 2},
                      FLOATS(1, 8, 3, 4));
        fixture_input(&fixture, 1, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
        fixture_input(&fixture, 2, DTYPE_UINT8, SCALAR_DIMS, FLOATS(0));
        fixture_input(&fixture, 3, DTYPE_UINT8, DIMS(1, 2, 1, 1), FLOATS(0, 2));
        fixture_input(&fixture, 4, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
        fixture_input(&fixture, 5, DTYPE_UINT8, SCALAR_DIMS, FLOATS(1));
        fixture_input(&fixture, 6, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
        fixture_input(&fixture, 7, DTYPE_UINT8, SCALAR_DIMS, FLOATS(10));
        fixture_int(&fixture, "channels_last", last);
        fixture_run(&fixture);
        expect_output(&fixture, 0, 4, last ? (int64_t[]){1, 1, 2, 1} : (int64_t[]){1, 1, 1, 2},
                      last ? FLOATS(17, 11) : FLOATS(12, 6), 0);
        fixture_end(&fixture);
    }
}

static void quantised_choices(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "QLinearReduceMean", 1, 5, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(2, 2), FLOATS(1, 3, 10, 20));
    fixture_input(&fixture, 1, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
    fixture_input(&fixture, 2, DTYPE_UINT8, SCALAR_DIMS, FLOATS(0));
    fixture_input(&fixture, 3, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(0.5f));
    fixture_input(&fixture, 4, DTYPE_UINT8, SCALAR_DIMS, FLOATS(0));
    fixture_ints(&fixture, "axes", INTS(1));
    fixture_int(&fixture, "keepdims", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(4, 30), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "QLinearWhere", 1, 9, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2), FLOATS(1, 0));
    for (int i = 1; i < 9; i += 3) {
        if (i < 7)
            fixture_input(&fixture, i, DTYPE_UINT8, DIMS(2), FLOATS(10, 20));
        fixture_input(&fixture, i < 7 ? i + 1 : 7, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(i == 4 ? 2 : 1));
        fixture_input(&fixture, i < 7 ? i + 2 : 8, DTYPE_UINT8, SCALAR_DIMS, FLOATS(0));
    }
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(10, 40), 0);
    fixture_end(&fixture);
}

/* One head of one column: the queries are 0, so every row is the mean of the values, 2 x of the input less its zero. */
static void quantised_attention(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, MICROSOFT, "QAttention", 1, 8, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(1, 2, 1), FLOATS(11, 13));
    fixture_input(&fixture, 1, DTYPE_UINT8, DIMS(1, 3), FLOATS(5, 6, 9));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(3), FLOATS(0, 0, 1));
    fixture_input(&fixture, 3, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(1));
    fixture_input(&fixture, 4, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(0.5f));
    fixture_input(&fixture, 6, DTYPE_UINT8, SCALAR_DIMS, FLOATS(10));
    fixture_input(&fixture, 7, DTYPE_UINT8, SCALAR_DIMS, FLOATS(5));
    fixture_int(&fixture, "num_heads", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 1), FLOATS(5, 5), 1e-5); /* 2 (1 + 3) / 2 + 1 */
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normalises_groups),      cmocka_unit_test(sums_and_halves),
                                       cmocka_unit_test(distances_and_inverses), cmocka_unit_test(older_names),
                                       cmocka_unit_test(integer_products),       cmocka_unit_test(channels_last),
                                       cmocka_unit_test(quantised_choices),      cmocka_unit_test(quantised_attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
