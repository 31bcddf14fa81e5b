/* Nodes whose sizes are known while they run: weights that the last run packed, and blocks that it left, serve the next
 * one whatever its size. */
#include "base/cpu.h"
#include "graph_test.h"

enum { ROWS = 40, DEPTH = 64, COLUMNS = 48 };

static float weight_at(int64_t i)
{
    return (float)(i * 7 % 23) / 23 - 0.5f;
}

static struct value *input(struct graph *graph, enum dtype dtype, int rank, int64_t rows, int64_t columns)
{
    struct value *value = graph_add_value(graph, NULL, NULL);
    value->dtype = dtype;
    value->shape = (struct shape){.rank = rank, .dims = {rows, columns}};
    assert_int_equal(graph_add_input(graph, value, NULL), 0);
    return value;
}

static struct value *apply(struct graph *graph, const char *op_type, const char *attribute, int64_t setting,
                           struct value *a, struct value *b)
{
    struct node *node = graph_add_node(graph, "", op_type, op_type, 2, 1, NULL);
    assert_int_equal(operator_resolve(node, 18, NULL), 0);
    assert_int_equal(node_set_int(node, attribute, setting, NULL), 0);
    assert_int_equal(node_read_settings(node, NULL), 0);
    assert_int_equal(node_set_input(node, 0, a, NULL) || node_set_input(node, 1, b, NULL), 0);
    assert_int_equal(node_set_output(node, 0, graph_add_value(graph, NULL, NULL), NULL), 0);
    return node->outputs[0];
}

static struct value *weights(struct graph *graph, bool transposed)
{
    const struct shape shape = {2, {transposed ? COLUMNS : DEPTH, transposed ? DEPTH : COLUMNS}};
    struct tensor tensor = {.dtype = DTYPE_FLOAT, .shape = shape};
    assert_int_equal(tensor_allocate(graph->context->memory, &tensor, NULL), 0);
    for (int64_t i = 0; i < DEPTH * COLUMNS; i++)
        ((float *)tensor.data)[i] = weight_at(transposed ? i : i % COLUMNS * DEPTH + i / COLUMNS);
    struct value *value = graph_add_constant(graph, constant_create(graph->context->memory, &tensor, NULL), NULL);
    assert_non_null(value);
    return value;
}

/* The first `rows` rows of x, which counts from `first`, times the weights. */
static void run(struct test *test, int rows, int first)
{
    float *x = session_input(test->session, 0)->data;
    uint8_t *keep = session_input(test->session, 1)->data;
    for (int i = 0; i < ROWS * DEPTH; i++)
        x[i] = (float)((i + first) % 31) / 31;
    for (int i = 0; i < ROWS; i++)
        keep[i] = i < rows;
    assert_int_equal(session_run(test->session, &test->error), 0);
    const struct tensor *y = session_output(test->session, 0);
    assert_int_equal(shape_count(&y->shape), rows * COLUMNS);
    for (int i = 0; i < rows * COLUMNS; i++) {
        double sum = 0;
        for (int k = 0; k < DEPTH; k++)
            sum += (double)x[i / COLUMNS * DEPTH + k] * (double)weight_at(i % COLUMNS * DEPTH + k);
        assert_float_equal(((const float *)y->data)[i], sum, 1e-4);
    }
}

static void products_of_any_rows(bool transposed)
{
    struct test test = {0};
    struct context_options options = {.threads = 1, .cpu = cpu_detect()};
    test.context = context_create(&options, &test.error);
    test.graph = graph_create(test.context, NULL, "test", &test.error);
    assert_non_null(test.graph);
    struct value *x = input(test.graph, DTYPE_FLOAT, 2, ROWS, DEPTH), *keep = input(test.graph, DTYPE_BOOL, 1, ROWS, 0);
    struct value *rows = apply(test.graph, "Compress", "axis", 0, x, keep);
    output(test.graph, apply(test.graph, "Gemm", "transB", transposed, rows, weights(test.graph, transposed)));
    assert_int_equal(prepare(&test), 0);
    const int counts[] = {33, 33, 12, 1, 0, 40, 2, 39};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run(&test, counts[i], (int)i);
    end(&test);
}

static void gemm(void **state)
{
    (void)state;
    products_of_any_rows(false);
    products_of_any_rows(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gemm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
