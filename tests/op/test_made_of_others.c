/* CenterCropPad, SwiGLU, CausalConvWithState, FlexAttention: forms, and what is refused. Values by hand. */
#include "node_fixture.h"

static void crop_pad(const float *sizes, int count, int rank, const int64_t *dims, const float *expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "CenterCropPad", 18, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 5));
    fixture_input(&fixture, 1, DTYPE_INT64, 1, (const int64_t[]){count}, sizes);
    fixture_run(&fixture);
    expect_output(&fixture, 0, rank, dims, expected, 0);
    fixture_end(&fixture);
}

static void crops_and_pads(void **state)
{
    (void)state;
    crop_pad(FLOATS(2, 2), 2, DIMS(2, 2), FLOATS(2, 3, 7, 8)); /* of 3 cells one goes in front, two go behind */
    crop_pad(FLOATS(1, 8), 2, DIMS(1, 8), FLOATS(0, 1, 2, 3, 4, 5, 0, 0));
    crop_pad(FLOATS(5, 1), 2, DIMS(5, 1), FLOATS(0, 3, 8, 0, 0));
    crop_pad(FLOATS(0, 3), 2, DIMS(0, 3), NULL);
}

static void crop_pad_axes(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "CenterCropPad", 18, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(2), FLOATS(1, 3));
    fixture_ints(&fixture, "axes", INTS(-1, 0));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3, 1), FLOATS(2, 5, 0), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "CenterCropPad", 18, 2, 1); /* of no axis */
    fixture_count_up(&fixture, 0, DIMS(2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(0), NULL);
    fixture_ints(&fixture, "axes", (const int64_t[]){0}, 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(1, 2), 0);
    fixture_end(&fixture);
    static const int64_t wrong[3][2] = {{0, 0}, {0, -2}, {0, 2}};
    for (int i = 0; i < 3; i++) {
        fixture_start(&fixture, "", "CenterCropPad", 18, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(2, 3));
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(1, 3));
        fixture_ints(&fixture, "axes", wrong[i], 2);
        expect_refusal(&fixture);
    }
    static const float sizes[3][2] = {{-1, 2}, {1e18f, 2}, {1, 1}};
    for (int i = 0; i < 3; i++) { /* the last: one size too few */
        fixture_start(&fixture, "", "CenterCropPad", 18, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(2, 3));
        fixture_input(&fixture, 1, DTYPE_INT64, 1, (const int64_t[]){i == 2 ? 1 : 2}, sizes[i]);
        expect_refusal(&fixture);
    }
}

static void gated(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int wrong = 0; wrong < 3; wrong++) {
        fixture_start(&fixture, "", "SwiGLU", 28, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 3), FLOATS(1, -2, 0));
        fixture_input(&fixture, 1, wrong == 2 ? DTYPE_DOUBLE : DTYPE_FLOAT, 1 + (wrong != 1),
                      wrong == 1 ? (const int64_t[]){3} : (const int64_t[]){1, 3}, FLOATS(10, 3, 5));
        fixture_float(&fixture, "alpha", 2);
        if (wrong) {
            expect_refusal(&fixture);
            continue;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 3), FLOATS(10 / (1 + expf(-2)), -6 / (1 + expf(4)), 0), 1e-5);
        fixture_end(&fixture);
    }
}

static void start_causal(struct fixture *fixture, const int64_t *weights, const int64_t *past)
{
    fixture_start(fixture, "", "CausalConvWithState", 27, 4, 2);
    fixture_input(fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(1, 2, 3, 4));
    fixture_input(fixture, 1, DTYPE_FLOAT, 3, weights, FLOATS(100, 10, 1, 1, 1, 1, 0, 0));
    if (past)
        fixture_input(fixture, 3, DTYPE_FLOAT, 3, past, FLOATS(7, 8, 5, 6));
}

/* Weights (100 10 1) and (1 1 1). */
static void causal(void **state)
{
    struct fixture fixture;
    (void)state;
    start_causal(&fixture, (const int64_t[]){2, 1, 3}, (const int64_t[]){1, 2, 2});
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(0.5f, 0));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 2), FLOATS(781.5f, 812.5f, 14, 13), 1e-4);
    expect_output(&fixture, 1, DIMS(1, 2, 2), FLOATS(1, 2, 3, 4), 0);
    fixture_end(&fixture);
    start_causal(&fixture, (const int64_t[]){2, 1, 3}, NULL);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 2), FLOATS(1, 12, 3, 7), 1e-5);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "CausalConvWithState", 27, 4, 2); /* the state outlives a short input */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1), FLOATS(9));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 4), FLOATS(0, 0, 0, -1));
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1, 3), FLOATS(1, 2, 3));
    fixture_string(&fixture, "activation", "swish");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1), FLOATS(-9 / (1 + expf(9))), 1e-6);
    expect_output(&fixture, 1, DIMS(1, 1, 3), FLOATS(2, 3, 9), 0);
    fixture_end(&fixture);
    static const int64_t weights[4][3] = {{3, 1, 2}, {2, 2, 2}, {2, 1, 0}, {2, 1, 3}};
    for (int i = 0; i < 4; i++) { /* the last: a state of another length */
        start_causal(&fixture, weights[i], i == 3 ? (const int64_t[]){1, 2, 1} : NULL);
        expect_refusal(&fixture);
    }
}

/* Scores 0 and ln 3: shares 1/4 and 3/4. Two query heads read one key head. */
static void flexible(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int i = 0; i < 4; i++) {
        fixture_start(&fixture, "ai.onnx.preview", "FlexAttention", 1, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 1, 1), FLOATS(1, 0));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2, 1), FLOATS(0, logf(3) / 2));
        fixture_input(&fixture, 2, DTYPE_FLOAT, 4, (const int64_t[]){1, 1, i == 3 ? 3 : 2, 1}, FLOATS(8, 4, 0));
        fixture_float(&fixture, "scale", 2);
        if (i > 0)
            fixture_int(&fixture, "softmax_precision", i == 2 ? DTYPE_INT32 : DTYPE_DOUBLE);
        if (i > 1) {
            expect_refusal(&fixture);
            continue;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 1, 1), FLOATS(5, 6), 1e-5);
        fixture_end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_and_pads), cmocka_unit_test(crop_pad_axes), cmocka_unit_test(gated),
        cmocka_unit_test(causal),         cmocka_unit_test(flexible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
