/* Operators of com.microsoft against closed forms, and its attentions against ONNX's Attention. */
#include "base/random.h"
#include "node_fixture.h"

#define MICROSOFT "com.microsoft"

static void activations(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool bias;
        float at_two, at_minus_one; /* of x + bias */
    } cases[] = {{"Gelu", false, 1.9544997f, -0.15865525f},
                 {"BiasGelu", true, 1.9544997f, -0.15865525f},
                 {"FastGelu", true, 1.9545977f, -0.15880801f},
                 {"QuickGelu", false, 1.9356f, -0.15420f}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        bool bias = cases[i].bias;
        fixture_start(&fixture, MICROSOFT, cases[i].name, 1, bias ? 2 : 1, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), bias ? FLOATS(1, -3) : FLOATS(2, -1));
        if (bias)
            fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(1, 2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2), FLOATS(cases[i].at_two, cases[i].at_minus_one), i == 3 ? 1e-4 : 1e-6);
        fixture_end(&fixture);
    }
}

/* A = (1 2; 3 4), B = (5 6; 7 8). */
static void matrix_products(void **state)
{
    (void)state;
    static const float products[4][4] = {{19, 22, 43, 50}, {17, 23, 39, 53}, {26, 30, 38, 44}, {23, 31, 34, 46}};
    struct fixture fixture;
    for (int i = 0; i < 4; i++) {
        float halves[4];
        fixture_start(&fixture, MICROSOFT, "FusedMatMul", 1, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(1, 2, 3, 4));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2), FLOATS(5, 6, 7, 8));
        fixture_int(&fixture, "transA", i / 2);
        fixture_int(&fixture, "transB", i % 2);
        fixture_float(&fixture, "alpha", 0.5f);
        fixture_run(&fixture);
        for (int k = 0; k < 4; k++)
            halves[k] = products[i][k] / 2;
        expect_output(&fixture, 0, DIMS(1, 2, 2), halves, 0);
        fixture_end(&fixture);
    }
    /* batches along the second axis: A[:, 0] = (1; 3), A[:, 1] = (2; 4) become rows of one column */
    fixture_start(&fixture, MICROSOFT, "FusedMatMul", 1, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2, 1), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1), FLOATS(10));
    fixture_int(&fixture, "transBatchA", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 1), FLOATS(10, 30, 20, 40), 0);
    fixture_end(&fixture);
}

/* activation(2 x + 1 + z) at x = (-1 2), z = (3 -9): 2 and -4. */
static void convolutions(void **state)
{
    (void)state;
    static const struct {
        const char *activation;
        float parameters[2];
        int count;
        float y[2];
    } cases[] = {{"", {0}, 0, {2, -4}},
                 {"Relu", {0}, 0, {2, 0}},
                 {"LeakyRelu", {0.25f}, 1, {2, -1}},
                 {"Clip", {-3, 1}, 2, {1, -3}},
                 {"HardSigmoid", {0.125f, 0.5f}, 2, {0.75f, 0}},
                 {"Softsign", {0}, 0, {0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_start(&fixture, MICROSOFT, "FusedConv", 1, 4, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(-1, 2));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 1, 1), FLOATS(2));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(1));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(3, -9));
        fixture_string(&fixture, "activation", cases[i].activation);
        struct attribute *parameters = node_add_attribute(fixture.node, "activation_params", &fixture.error);
        parameters->type = ATTRIBUTE_FLOATS;
        parameters->floats = cases[i].parameters;
        parameters->count = (size_t)cases[i].count;
        assert_int_equal(node_read_settings(fixture.node, &fixture.error), 0);
        if (strcmp(cases[i].activation, "Softsign") == 0) {
            expect_refusal(&fixture);
            continue;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 2), cases[i].y, 1e-6);
        fixture_end(&fixture);
    }
}

/* input + skip + bias = (1 3): mean 2, deviation 1, mean square 5. */
static void normalizations(void **state)
{
    (void)state;
    struct fixture fixture;
    float root = sqrtf(5);
    fixture_start(&fixture, MICROSOFT, "SkipLayerNormalization", 1, 5, 4);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(1, 1));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(-1, 1));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(2, 4));
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(2), FLOATS(10, 20));
    fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(2), FLOATS(1, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(8, 24), 1e-5);
    expect_output(&fixture, 1, DIMS(1, 1, 1), FLOATS(2), 1e-6);
    expect_output(&fixture, 2, DIMS(1, 1, 1), FLOATS(1), 1e-6);
    expect_output(&fixture, 3, DIMS(1, 1, 2), FLOATS(1, 3), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, MICROSOFT, "SkipSimplifiedLayerNormalization", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(1, 1));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(0, 2));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(1, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(1 / root, 6 / root), 1e-5);
    fixture_end(&fixture);
    static const char *const domains[] = {"", MICROSOFT};
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, domains[i], "SimplifiedLayerNormalization", 1, 2, 2);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(1, 3));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(1, 1));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2), FLOATS(1 / root, 3 / root), 1e-5);
        expect_output(&fixture, 1, DIMS(1, 1), FLOATS(1 / root), 1e-5);
        fixture_end(&fixture);
        fixture_start(&fixture, domains[i], "LayerNormalization", 1, 2, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2), FLOATS(1, 3));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(1, 2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2), FLOATS(-1, 2), 2e-5);
        fixture_end(&fixture);
    }
}

enum { B = 2, S = 3, T = 4, H = 2, D = 3, W = H * D };

static void fill(struct tensor *tensor, uint64_t seed)
{
    struct random random = {.seed = seed};
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++)
        ((float *)tensor->data)[i] = (float)random_normal(&random);
}

/* ONNX's Attention of q + bias, k + bias, v + bias with `added` on the weights. */
static void start_expected(struct fixture *fixture, const float *bias, const float *added)
{
    fixture_start(fixture, "", "Attention", 24, 4, 1);
    fixture_int(fixture, "q_num_heads", H);
    fixture_int(fixture, "kv_num_heads", H);
    for (int i = 0; i < 3; i++) {
        fixture_input(fixture, i, DTYPE_FLOAT, DIMS(B, i == 0 ? S : T, W), NULL);
        fill(&fixture->inputs[i], (uint64_t)i);
        float *elements = fixture->inputs[i].data;
        for (int64_t k = 0; k < shape_count(&fixture->inputs[i].shape); k++)
            elements[k] += bias ? bias[i * W + k % W] : 0;
    }
    fixture_input(fixture, 3, DTYPE_FLOAT, DIMS(B, 1, S, T), added);
    fixture_run(fixture);
}

static float biases[3 * W];

static void compare(struct fixture *fixture, struct fixture *expected)
{
    fixture_run(fixture);
    expect_output(fixture, 0, DIMS(B, S, W), expected->outputs[0].data, 1e-5);
    fixture_end(fixture);
    fixture_end(expected);
}

/* Lengths 2 and 4, as a list, as a matrix of keys, and as one of queries and keys; with a bias on the weights. */
static void multi_head(void **state)
{
    (void)state;
    float added[B * S * T];
    for (int i = 0; i < 3 * W; i++)
        biases[i] = 0.1f * (float)i;
    for (int i = 0; i < B * S * T; i++)
        added[i] = (float)(i % 5) * 0.3f;
    for (int form = 0; form < 4; form++) {
        struct fixture fixture, expected;
        float together[B * S * T], visible[B * S * T];
        for (int i = 0; i < B * S * T; i++) {
            visible[i] = form == 3 || i / S / T == 1 || i % T < 2;
            together[i] = added[i] + (visible[i] != 0 ? 0 : -10000);
        }
        start_expected(&expected, biases, together);
        fixture_start(&fixture, MICROSOFT, "MultiHeadAttention", 1, 6, 1);
        fixture_int(&fixture, "num_heads", H);
        for (int i = 0; i < 3; i++) {
            fixture_input(&fixture, i, DTYPE_FLOAT, DIMS(B, i == 0 ? S : T, W), NULL);
            fill(&fixture.inputs[i], (uint64_t)i);
        }
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(3 * W), biases);
        if (form == 0)
            fixture_input(&fixture, 4, DTYPE_INT32, DIMS(B), FLOATS(2, 4));
        else if (form == 1)
            fixture_input(&fixture, 4, DTYPE_INT32, DIMS(B, T), FLOATS(1, 1, 0, 0, 1, 1, 1, 1));
        else if (form == 2)
            fixture_input(&fixture, 4, DTYPE_INT32, DIMS(B, S, T), visible);
        fixture_input(&fixture, 5, DTYPE_FLOAT, DIMS(B, 1, S, T), added);
        compare(&fixture, &expected);
    }
}

/* Packed [batch, rows, heads, 3, columns] equals the three apart. */
static void packed_heads(void **state)
{
    (void)state;
    struct fixture fixture, expected;
    fixture_start(&expected, MICROSOFT, "MultiHeadAttention", 1, 3, 3);
    fixture_start(&fixture, MICROSOFT, "MultiHeadAttention", 1, 1, 1);
    fixture_int(&expected, "num_heads", H);
    fixture_int(&fixture, "num_heads", H);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(B, S, H, 3, D), NULL);
    float *packed = fixture.inputs[0].data;
    for (int i = 0; i < 3; i++) {
        fixture_input(&expected, i, DTYPE_FLOAT, DIMS(B, S, W), NULL);
        fill(&expected.inputs[i], (uint64_t)i);
        for (int k = 0; k < B * S * W; k++)
            packed[((k / D) * 3 + i) * D + k % D] = ((float *)expected.inputs[i].data)[k];
    }
    fixture_run(&expected);
    assert_int_equal(expected.outputs[1].shape.rank, 4);
    compare(&fixture, &expected);
}

/* input W + b, cut into query, key and value: the identity three times gives self-attention of the input. */
static void projected(void **state)
{
    (void)state;
    struct fixture fixture, expected;
    fixture_start(&expected, "", "Attention", 24, 3, 1);
    fixture_int(&expected, "q_num_heads", H);
    fixture_int(&expected, "kv_num_heads", H);
    fixture_int(&expected, "is_causal", 1);
    fixture_start(&fixture, MICROSOFT, "Attention", 1, 3, 2);
    fixture_int(&fixture, "num_heads", H);
    fixture_int(&fixture, "unidirectional", 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(B, S, W), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(W, 3 * W), NULL);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(3 * W), biases);
    fill(&fixture.inputs[0], 9);
    for (int i = 0; i < 3 * W; i++)
        ((float *)fixture.inputs[1].data)[i % W * 3 * W + i] = 1;
    for (int i = 0; i < 3; i++) {
        fixture_input(&expected, i, DTYPE_FLOAT, DIMS(B, S, W), fixture.inputs[0].data);
        for (int k = 0; k < B * S * W; k++)
            ((float *)expected.inputs[i].data)[k] += biases[i * W + k % W];
    }
    fixture_run(&expected);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[1].shape.rank, 5);
    assert_int_equal(fixture.outputs[1].shape.dims[0], 2);
    expect_output(&fixture, 0, DIMS(B, S, W), expected.outputs[0].data, 1e-5);
    fixture_end(&fixture);
    fixture_end(&expected);
    fixture_start(&fixture, MICROSOFT, "Attention", 1, 2, 1); /* columns that are no three widths */
    fixture_int(&fixture, "num_heads", H);
    fixture_count_up(&fixture, 0, DIMS(B, S, W));
    fixture_count_up(&fixture, 1, DIMS(W, 7));
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations),    cmocka_unit_test(matrix_products), cmocka_unit_test(convolutions),
        cmocka_unit_test(normalizations), cmocka_unit_test(multi_head),      cmocka_unit_test(packed_heads),
        cmocka_unit_test(projected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
