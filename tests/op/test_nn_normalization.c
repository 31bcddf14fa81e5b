/* The normalisations against closed forms. */
#include "node_fixture.h"

static void batch_inference_with_denormal_variance(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "BatchNormalization", 9, 5, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 2, 2));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(2, 1));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(10, 0));
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(2), FLOATS(1, 3));
    fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(2), FLOATS(3, 5.6e-45f));
    fixture_float(&fixture, "epsilon", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 2), FLOATS(10, 11, 0, 1), 1e-6);
    fixture_end(&fixture);
}

/* x = 1 2 3 4 over two samples: mean 2.5, population variance 1.25. */
static void batch_training_statistics(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int opset = 14; opset <= 15; opset++) {
        fixture_start(&fixture, "", "BatchNormalization", opset, 5, 3);
        fixture_count_up(&fixture, 0, DIMS(4, 1));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1), FLOATS(1));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(0));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1), FLOATS(10));
        fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(1), FLOATS(5));
        fixture_int(&fixture, "training_mode", 1);
        fixture_float(&fixture, "momentum", 0.75f);
        fixture_run(&fixture);
        float unit = 0.894427191f;
        expect_output(&fixture, 0, DIMS(4, 1), FLOATS(-1.5f * unit, -0.5f * unit, 0.5f * unit, 1.5f * unit), 1e-4);
        expect_output(&fixture, 1, DIMS(1), FLOATS(8.125f), 1e-6);
        expect_output(&fixture, 2, DIMS(1), FLOATS(4.0625f), 1e-6);
        fixture_end(&fixture);
    }
}

static void batch_misfits_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int wrong = 1; wrong < 5; wrong++) {
        fixture_start(&fixture, "", "BatchNormalization", 9, 5, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 2, 2));
        for (int i = 1; i < 5; i++)
            fixture_count_up(&fixture, i, DIMS(i == wrong ? 3 : 2));
        expect_refusal(&fixture);
    }
    fixture_start(&fixture, "", "BatchNormalization", 14, 5, 3); /* statistics asked in inference mode */
    fixture_count_up(&fixture, 0, DIMS(1, 2, 2));
    for (int i = 1; i < 5; i++)
        fixture_count_up(&fixture, i, DIMS(2));
    expect_refusal(&fixture);
}

static void start_rows(struct fixture *fixture, const char *op_type, int opset, int rank, const int64_t *dims,
                       int64_t parameters, const float *scale, const float *bias)
{
    fixture_start(fixture, "", op_type, opset, bias ? 3 : 2, 1);
    fixture_count_up(fixture, 0, rank, dims);
    fixture_input(fixture, 1, DTYPE_FLOAT, 1, &parameters, scale);
    if (bias)
        fixture_input(fixture, 2, DTYPE_FLOAT, 1, &parameters, bias);
    fixture_float(fixture, "epsilon", 0);
}

/* 1 2 3 normalised is -u 0 u with u = sqrt(3 / 2). */
#define U 1.22474487f

static void instance(void **state)
{
    (void)state;
    struct fixture fixture;
    start_rows(&fixture, "InstanceNormalization", 6, DIMS(1, 2, 3), 2, FLOATS(1, 2), FLOATS(0, 5));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 3), FLOATS(-U, 0, U, 5 - 2 * U, 5, 5 + 2 * U), 1e-5);
    fixture_end(&fixture);
}

/* Four channels of one cell in two groups: 1 2 | 3 4 each become -1 1. Scale per group at 18, per channel at 21. */
static void group_parameters_by_opset(void **state)
{
    (void)state;
    struct fixture fixture;
    start_rows(&fixture, "GroupNormalization", 18, DIMS(1, 4, 1), 2, FLOATS(1, 10), FLOATS(0, 1));
    fixture_int(&fixture, "num_groups", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 4, 1), FLOATS(-1, 1, -9, 11), 1e-5);
    fixture_end(&fixture);
    start_rows(&fixture, "GroupNormalization", 21, DIMS(1, 4, 1), 4, FLOATS(1, 2, 3, 4), FLOATS(0, 0, 1, 1));
    fixture_int(&fixture, "num_groups", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 4, 1), FLOATS(-1, 2, -2, 5), 1e-5);
    fixture_end(&fixture);
    static const int64_t groups[] = {0, -1, 3, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        start_rows(&fixture, "GroupNormalization", 21, DIMS(1, 4, 1), 4, NULL, FLOATS(0, 0, 0, 0));
        fixture_int(&fixture, "num_groups", groups[i]);
        expect_refusal(&fixture);
    }
}

static void layer_with_statistics(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "LayerNormalization", 17, 3, 3);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(3), FLOATS(1, 2, 3));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(3), FLOATS(0, 0, 1));
    fixture_float(&fixture, "epsilon", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 3), FLOATS(-U, 0, 1 + 3 * U, -U, 0, 1 + 3 * U), 1e-5);
    expect_output(&fixture, 1, DIMS(2, 1), FLOATS(2, 5), 1e-6);
    expect_output(&fixture, 2, DIMS(2, 1), FLOATS(U, U), 1e-5);
    fixture_end(&fixture);
    start_rows(&fixture, "LayerNormalization", 17, DIMS(2, 3), 2, NULL, NULL);
    expect_refusal(&fixture);
    start_rows(&fixture, "LayerNormalization", 17, DIMS(2, 3), 3, NULL, NULL);
    fixture_int(&fixture, "axis", 2);
    expect_refusal(&fixture);
}

static void root_mean_square(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "RMSNormalization", 23, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(1, 7));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(5, 10));
    fixture_float(&fixture, "epsilon", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(1, 14), 1e-5);
    fixture_end(&fixture);
}

/* size 3, alpha 3, beta 1, bias 1: y = x / (1 + sum of squares of a channel and its two neighbours); an even size
 * reaches further forward. */
static void local_response(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int size = 2; size <= 3; size++) {
        fixture_start(&fixture, "", "LRN", 13, 1, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 3, 1, 1));
        fixture_int(&fixture, "size", size);
        fixture_float(&fixture, "alpha", (float)size);
        fixture_float(&fixture, "beta", 1);
        fixture_run(&fixture);
        if (size == 3)
            expect_output(&fixture, 0, DIMS(1, 3, 1, 1), FLOATS(1.0f / 6, 2.0f / 15, 3.0f / 14), 1e-6);
        else
            expect_output(&fixture, 0, DIMS(1, 3, 1, 1), FLOATS(1.0f / 6, 2.0f / 14, 3.0f / 10), 1e-6);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "", "LRN", 13, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 3, 1, 1));
    expect_refusal(&fixture);
}

static void over_axes(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "MeanVarianceNormalization", 13, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_ints(&fixture, "axes", INTS(-2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3, 2), FLOATS(-U, -U, 0, 0, U, U), 1e-5);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "MeanVarianceNormalization", 13, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_ints(&fixture, "axes", INTS(0, -2));
    expect_refusal(&fixture);

    fixture_start(&fixture, "", "LpNormalization", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2), FLOATS(3, 0, -4, 0));
    fixture_int(&fixture, "axis", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0.6f, 0, -0.8f, 0), 1e-6);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "LpNormalization", 1, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_int(&fixture, "p", 3);
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_inference_with_denormal_variance),
        cmocka_unit_test(batch_training_statistics),
        cmocka_unit_test(batch_misfits_are_refused),
        cmocka_unit_test(instance),
        cmocka_unit_test(group_parameters_by_opset),
        cmocka_unit_test(layer_with_statistics),
        cmocka_unit_test(root_mean_square),
        cmocka_unit_test(local_response),
        cmocka_unit_test(over_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
