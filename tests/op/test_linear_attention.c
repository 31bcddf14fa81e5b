/* LinearAttention: the four rules against the recurrence written out by hand, and what is refused. */
#include "node_fixture.h"

enum { Q, K, V, PAST, DECAY, BETA };

/* One head of keys with one column, values with two, two rows: k = (1 2), v = (3 4; 5 6), a state (10 20), decay
 * ln(1/2), beta 1/2; two heads of queries: q = (1 2; 3 4), scale 1. */
static void start(struct fixture *fixture, const char *rule, bool gated, bool delta)
{
    fixture_start(fixture, "", "LinearAttention", 27, 6, 2);
    fixture_input(fixture, Q, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(1, 2, 3, 4));
    fixture_input(fixture, K, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(1, 2));
    fixture_input(fixture, V, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(3, 4, 5, 6));
    fixture_input(fixture, PAST, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(10, 20));
    if (gated)
        fixture_input(fixture, DECAY, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(logf(0.5f), logf(0.5f)));
    if (delta)
        fixture_input(fixture, BETA, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(0.5f, 0.5f));
    fixture_int(fixture, "q_num_heads", 2);
    fixture_int(fixture, "kv_num_heads", 1);
    fixture_float(fixture, "scale", 1);
    fixture_string(fixture, "update_rule", rule);
}

static void rules(void **state)
{
    static const struct {
        const char *name;
        bool gated, delta;
        float first[2], second[2]; /* states behind the rows */
    } cases[] = {
        {"linear", false, false, {13, 24}, {23, 36}},
        {"gated", true, false, {8, 14}, {14, 19}},
        {"delta", false, true, {6.5f, 12}, {-1.5f, -6}}, /* 10 + (3 - 10) / 2; 6.5 + 2 (5 - 13) / 2 */
        {"gated_delta", true, true, {4, 7}, {3, 2.5f}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        const float *a = cases[i].first, *b = cases[i].second;
        start(&fixture, cases[i].name, cases[i].gated, cases[i].delta);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 4),
                      FLOATS(a[0], a[1], 2 * a[0], 2 * a[1], 3 * b[0], 3 * b[1], 4 * b[0], 4 * b[1]), 1e-4);
        expect_output(&fixture, 1, DIMS(1, 1, 1, 2), b, 1e-5);
        fixture_end(&fixture);
    }
}

/* A decay for each of two columns, no state, the usual scale; the state keeps the query's type. */
static void decays_by_column(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "LinearAttention", 27, 5, 2);
    fixture_input(&fixture, Q, DTYPE_FLOAT16, DIMS(1, 2, 2), FLOATS(1, 1, 1, 1));
    fixture_input(&fixture, K, DTYPE_FLOAT16, DIMS(1, 2, 2), FLOATS(1, 2, 0, 0));
    fixture_input(&fixture, V, DTYPE_FLOAT16, DIMS(1, 2, 1), FLOATS(4, 0));
    fixture_input(&fixture, DECAY, DTYPE_FLOAT16, DIMS(1, 2, 2), FLOATS(0, 0, logf(0.5f), logf(0.25f)));
    fixture_int(&fixture, "q_num_heads", 1);
    fixture_int(&fixture, "kv_num_heads", 1);
    fixture_string(&fixture, "update_rule", "gated");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 1), FLOATS(12 / sqrtf(2), 4 / sqrtf(2)), 1e-2);
    expect_output(&fixture, 1, DIMS(1, 1, 2, 1), FLOATS(2, 2), 1e-2);
    assert_int_equal(fixture.outputs[1].dtype, DTYPE_FLOAT16);
    fixture_end(&fixture);
}

static void refused(void **state)
{
    struct fixture fixture;
    (void)state;
    static const bool gates[4][2] = {{true, false}, {false, true}, {true, true}, {false, false}};
    static const char *const names[4] = {"linear", "gated", "delta", "gated_delta"};
    for (int i = 0; i < 4; i++) { /* inputs that the rule has not, or that it needs */
        start(&fixture, names[i], gates[i][0], gates[i][1]);
        expect_refusal(&fixture);
    }
    static const int64_t heads[4][2] = {{3, 2}, {0, 1}, {2, 0}, {INT64_MAX, 1}};
    for (int i = 0; i < 4; i++) {
        start(&fixture, "linear", false, false);
        fixture_int(&fixture, "q_num_heads", heads[i][0]);
        fixture_int(&fixture, "kv_num_heads", heads[i][1]);
        expect_refusal(&fixture);
    }
    start(&fixture, "softmax", false, false);
    expect_refusal(&fixture);
    start(&fixture, "linear", false, false); /* a state of another shape */
    fixture.inputs[PAST].shape.dims[3] = 1;
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules),
        cmocka_unit_test(decays_by_column),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
