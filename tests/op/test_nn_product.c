/* MatMul, Gemm, Softmax, LogSoftmax, Hardmax, Dropout and the losses. */
#include "node_fixture.h"

static void start_matmul(struct fixture *fixture, enum dtype dtype, int rank_a, const int64_t *dims_a, int rank_b,
                         const int64_t *dims_b)
{
    static float up[64];
    for (int i = 0; i < 64; i++)
        up[i] = (float)(i + 1);
    fixture_start(fixture, "", "MatMul", 13, 2, 1);
    fixture_input(fixture, 0, dtype, rank_a, dims_a, up);
    fixture_input(fixture, 1, dtype, rank_b, dims_b, up);
}

static void matmul_shapes(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_INT64, DTYPE_UINT32};
    struct fixture fixture;
    for (int i = 0; i < 5; i++) {
        start_matmul(&fixture, types[i], DIMS(2, 2), DIMS(2, 2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(7, 10, 15, 22), 0);
        fixture_end(&fixture);
        start_matmul(&fixture, types[i], DIMS(2), DIMS(2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, SCALAR_DIMS, FLOATS(5), 0);
        fixture_end(&fixture);
        start_matmul(&fixture, types[i], DIMS(2), DIMS(2, 2, 1));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 1), FLOATS(5, 11), 0);
        fixture_end(&fixture);
        start_matmul(&fixture, types[i], DIMS(2, 1, 2), DIMS(2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 1), FLOATS(5, 11), 0);
        fixture_end(&fixture);
        /* batches (2, 1) against (3): A rows (1), (2), B columns (1), (2), (3) */
        start_matmul(&fixture, types[i], DIMS(2, 1, 1, 1), DIMS(3, 1, 1));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 3, 1, 1), FLOATS(1, 2, 3, 2, 4, 6), 0);
        fixture_end(&fixture);
        start_matmul(&fixture, types[i], DIMS(2, 0), DIMS(0, 2)); /* an empty sum is 0 */
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0, 0, 0, 0), 0);
        fixture_end(&fixture);
    }
    start_matmul(&fixture, DTYPE_FLOAT, DIMS(2, 3), DIMS(2, 3));
    expect_refusal(&fixture);
    start_matmul(&fixture, DTYPE_FLOAT, DIMS(2, 1, 1), DIMS(3, 1, 1));
    expect_refusal(&fixture);
    start_matmul(&fixture, DTYPE_FLOAT, SCALAR_DIMS, DIMS(3, 1, 1));
    expect_refusal(&fixture);
}

/* A = (1 2; 3 4), B = (5 6; 7 8): the four transpositions, then C of every broadcast. */
static void gemm_forms(void **state)
{
    (void)state;
    static const float products[4][4] = {{19, 22, 43, 50}, {17, 23, 39, 53}, {26, 30, 38, 44}, {23, 31, 34, 46}};
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT64};
    struct fixture fixture;
    for (int i = 0; i < 12; i++) {
        fixture_start(&fixture, "", "Gemm", 13, 2, 1);
        fixture_input(&fixture, 0, types[i / 4], DIMS(2, 2), FLOATS(1, 2, 3, 4));
        fixture_input(&fixture, 1, types[i / 4], DIMS(2, 2), FLOATS(5, 6, 7, 8));
        fixture_int(&fixture, "transA", i % 4 / 2);
        fixture_int(&fixture, "transB", i % 2);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), products[i % 4], 0);
        fixture_end(&fixture);
    }
    static const struct {
        int rank;
        int64_t dims[2];
        float c[4], y[4];
    } cases[] = {{0, {0}, {10}, {29, 32, 53, 60}},
                 {1, {1}, {10}, {29, 32, 53, 60}},
                 {1, {2}, {10, 20}, {29, 42, 53, 70}},
                 {2, {2, 1}, {10, 20}, {29, 32, 63, 70}},
                 {2, {2, 2}, {1, 2, 3, 4}, {20, 24, 46, 54}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_start(&fixture, "", "Gemm", 13, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2), FLOATS(1, 2, 3, 4));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2), FLOATS(5, 6, 7, 8));
        fixture_input(&fixture, 2, DTYPE_FLOAT, cases[i].rank, cases[i].dims, cases[i].c);
        fixture_float(&fixture, "alpha", 2);
        fixture_float(&fixture, "beta", 2);
        fixture_run(&fixture);
        float doubled[4];
        for (int k = 0; k < 4; k++)
            doubled[k] = 2 * cases[i].y[k];
        expect_output(&fixture, 0, DIMS(2, 2), doubled, 0);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "", "Gemm", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_count_up(&fixture, 1, DIMS(2, 2));
    fixture_count_up(&fixture, 2, DIMS(3));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Gemm", 13, 3, 1); /* C larger than the output */
    fixture_count_up(&fixture, 0, DIMS(1, 2));
    fixture_count_up(&fixture, 1, DIMS(2, 2));
    fixture_count_up(&fixture, 2, DIMS(3, 2));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Gemm", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2, 2));
    fixture_count_up(&fixture, 1, DIMS(2, 2));
    expect_refusal(&fixture);
}

/* Rows along the first axis and the last; before opset 13 all axes from the given one on are one row. */
static void softmax_axes(void **state)
{
    (void)state;
    float third = logf(3), nine = logf(9); /* exp gives 1 3 and 1 9 */
    struct fixture fixture;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE};
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, "", "Softmax", 13, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(2, 2), FLOATS(0, third, 1000, 1000));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0.25f, 0.75f, 0.5f, 0.5f), 1e-6);
        fixture_end(&fixture);
        fixture_start(&fixture, "", "Softmax", 13, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(2, 2), FLOATS(0, 0, third, nine));
        fixture_int(&fixture, "axis", 0);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0.25f, 0.1f, 0.75f, 0.9f), 1e-6);
        fixture_end(&fixture);
        fixture_start(&fixture, "", "LogSoftmax", 13, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(2, 2), FLOATS(0, 0, third, nine));
        fixture_int(&fixture, "axis", -2);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(-logf(4), -logf(10), third - logf(4), nine - logf(10)), 1e-6);
        fixture_end(&fixture);
        fixture_start(&fixture, "", "Softmax", 11, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(1, 2, 2), FLOATS(0, 0, 0, third));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 2), FLOATS(1.0f / 6, 1.0f / 6, 1.0f / 6, 0.5f), 1e-6);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "", "Hardmax", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 3), FLOATS(1, 3, 3, 2, 1, 0));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 3), FLOATS(0, 1, 0, 1, 0, 0), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Softmax", 13, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_int(&fixture, "axis", 2);
    expect_refusal(&fixture);
}

static void start_dropout(struct fixture *fixture, float ratio, bool training)
{
    fixture_start(fixture, "", "Dropout", 13, 3, 2);
    fixture_count_up(fixture, 0, DIMS(100, 100));
    fixture_input(fixture, 1, DTYPE_FLOAT, SCALAR_DIMS, &ratio);
    fixture_input(fixture, 2, DTYPE_BOOL, SCALAR_DIMS, FLOATS(training));
}

static void dropout_modes(void **state)
{
    (void)state;
    struct fixture fixture;
    start_dropout(&fixture, 0.75f, false);
    fixture_run(&fixture);
    for (int i = 0; i < 10000; i++) {
        assert_true(tensor_number(&fixture.outputs[0], i) == i + 1);
        assert_true(tensor_int(&fixture.outputs[1], i) == 1);
    }
    fixture_end(&fixture);
    start_dropout(&fixture, 0.75f, true);
    fixture_run(&fixture);
    int kept = 0;
    for (int i = 0; i < 10000; i++) {
        bool keep = tensor_int(&fixture.outputs[1], i) != 0;
        kept += keep;
        assert_true(tensor_number(&fixture.outputs[0], i) == (keep ? 4.0 * (i + 1) : 0));
    }
    assert_in_range(kept, 2500 - 220, 2500 + 220); /* five standard deviations */
    fixture_end(&fixture);
    start_dropout(&fixture, 1, true);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Dropout", 7, 1, 2);
    fixture_count_up(&fixture, 0, DIMS(3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3), FLOATS(1, 2, 3), 0);
    assert_int_equal(fixture.outputs[1].dtype, DTYPE_FLOAT);
    fixture_end(&fixture);
}

/* Log probabilities -1 .. -6 of two samples and three classes; targets 2 and 0; weights 1 2 4. */
static void start_likelihood(struct fixture *fixture, const char *reduction, float second_target)
{
    fixture_start(fixture, "", "NegativeLogLikelihoodLoss", 13, 3, 1);
    fixture_input(fixture, 0, DTYPE_FLOAT, DIMS(2, 3), FLOATS(-1, -2, -3, -4, -5, -6));
    fixture_input(fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(2, second_target));
    fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(3), FLOATS(1, 2, 4));
    fixture_string(fixture, "reduction", reduction);
}

static void losses(void **state)
{
    (void)state;
    struct fixture fixture;
    start_likelihood(&fixture, "none", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(12, 4), 1e-6);
    fixture_end(&fixture);
    start_likelihood(&fixture, "mean", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, SCALAR_DIMS, FLOATS(16.0f / 5), 1e-6);
    fixture_end(&fixture);
    start_likelihood(&fixture, "sum", -7);
    fixture_int(&fixture, "ignore_index", -7);
    fixture_run(&fixture);
    expect_output(&fixture, 0, SCALAR_DIMS, FLOATS(12), 1e-6);
    fixture_end(&fixture);
    start_likelihood(&fixture, "sum", 3);
    expect_refusal(&fixture);
    start_likelihood(&fixture, "sum", -1);
    expect_refusal(&fixture);
    start_likelihood(&fixture, "product", 0);
    expect_refusal(&fixture);

    fixture_start(&fixture, "", "SoftmaxCrossEntropyLoss", 13, 2, 2);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(0, logf(3)));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(1), FLOATS(0));
    fixture_run(&fixture);
    expect_output(&fixture, 0, SCALAR_DIMS, FLOATS(logf(4)), 1e-6);
    expect_output(&fixture, 1, DIMS(1, 2), FLOATS(-logf(4), logf(0.75f)), 1e-6);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_shapes), cmocka_unit_test(gemm_forms), cmocka_unit_test(softmax_axes),
        cmocka_unit_test(dropout_modes), cmocka_unit_test(losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
