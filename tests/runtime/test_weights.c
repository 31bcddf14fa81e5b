/* Weights that are only packed are not kept plain, whoever loads them; those that somebody reads plain are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "kernel/kernels.h"
#include "onnx/onnx.h"
#include "op/emit.h"
#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

struct test {
    struct context *context;
    struct model *model;
    struct graph *graph;
    struct session *session;
    struct value *weight; /* of the last convolution */
    struct error error;
};

static int set_up(void **state)
{
    struct test *test = calloc(1, sizeof *test);
    test->context = context_create(&(struct context_options){.threads = 2, .cpu = cpu_detect()}, &test->error);
    test->model = model_load(test->context, "models/fashion_mnist.onnx", &test->error);
    assert_non_null(test->model);
    operators_resolve(test->model->graph, &test->error);
    *state = test;
    return 0;
}

static int tear_down(void **state)
{
    struct test *test = *state;
    session_destroy(test->session);
    graph_destroy(test->graph);
    model_destroy(test->model);
    assert_int_equal(context_destroy(test->context), 0);
    free(test);
    return 0;
}

static void prepare(struct test *test)
{
    struct shape_binding binding = {.name = "", .shape = {4, {1, 1, 28, 28}}};
    struct pipeline_request request = {.bindings = &binding, .binding_count = 1, .keep_batch_normalization = true};
    test->graph = pipeline_run(test->model, &request, &test->error);
    assert_string_equal(test->error.message, "");
    for (struct node *node = test->graph->first; node; node = node->next) {
        if (node_has(node, OPERATOR_CONVOLUTION))
            test->weight = node->inputs[1];
    }
    assert_non_null(test->weight);
    assert_non_null(test->weight->constant);
    assert_null(test->weight->constant->tensor.data);
}

static void run(struct session *session, float *results)
{
    struct error error = {0};
    float *x = session_input(session, 0)->data;
    for (int i = 0; i < 28 * 28; i++)
        x[i] = (float)(i % 29) / 29;
    assert_int_equal(session_run(session, &error), 0);
    memcpy(results, session_output(session, 0)->data, 10 * sizeof *results);
}

static void test_only_packed(void **state)
{
    struct test *test = *state;
    float first[10], again[10];
    prepare(test);
    test->session = session_create(test->graph, &test->error);
    assert_non_null(test->session);
    const struct tensor *weight = &test->weight->constant->tensor;
    assert_true((weight->data == NULL) == (kernels_for(cpu_detect())->tile != NULL));
    run(test->session, first);
    /* What was loaded before stays: somebody else reads it. */
    const void *data = constant_data(test->weight->constant, &test->error)->data;
    struct session *second = session_create(test->graph, &test->error);
    assert_non_null(second);
    assert_ptr_equal(weight->data, data);
    run(second, again);
    assert_memory_equal(first, again, sizeof first);
    session_destroy(second);
}

static void test_read_plain(void **state)
{
    struct test *test = *state;
    float results[10];
    prepare(test);
    assert_int_equal(graph_add_output(test->graph, test->weight, &test->error), 0);
    test->session = session_create(test->graph, &test->error);
    assert_non_null(test->session);
    assert_non_null(session_output(test->session, 1)->data);
    assert_ptr_equal(session_output(test->session, 1)->data, test->weight->constant->tensor.data);
    run(test->session, results);
}

/* Packing the weights of a file that has become shorter since it was opened is an error, not a crash. */
static void test_unreadable(void **state)
{
    struct test *test = *state;
    prepare(test);
    test->weight->constant->payload.offset = (uint64_t)1 << 40;
    if (!kernels_for(cpu_detect())->tile)
        skip();
    assert_null(session_create(test->graph, &test->error));
    assert_non_null(strstr(test->error.message, "cannot be read"));
}

/* A product and the gradient of its input hold the weights that both read once. */
static void test_shared(void **state)
{
    struct test *test = *state;
    enum { ROWS = 6, DEPTH = 1200, COLUMNS = 208 };
    struct graph *graph = test->graph = graph_create(test->context, NULL, "test", &test->error);
    struct tensor w = {.dtype = DTYPE_FLOAT, .shape = {2, {DEPTH, COLUMNS}}};
    assert_int_equal(tensor_allocate(test->context->memory, &w, &test->error), 0);
    for (int i = 0; i < DEPTH * COLUMNS; i++)
        ((float *)w.data)[i] = (float)(i * 7919 % 101 - 50) / 64;
    struct value *x = graph_add_value(graph, "x", &test->error);
    x->dtype = DTYPE_FLOAT;
    x->shape = (struct shape){2, {ROWS, DEPTH}};
    assert_int_equal(graph_add_input(graph, x, &test->error), 0);
    struct value *weights = graph_add_constant(graph, constant_create(test->context->memory, &w, NULL), NULL);
    struct value *y = emit(graph, "MatMul", EMIT_INPUTS(x, weights), EMIT_NO_ATTRIBUTES, &test->error);
    struct value *dx = emit(graph, "MatrixProduct", EMIT_INPUTS(y, weights),
                            EMIT_ATTRIBUTES(EMIT_INT("transpose_b", 1)), &test->error);
    assert_int_equal(graph_add_output(graph, y, &test->error) || graph_add_output(graph, dx, &test->error), 0);
    size_t before = memory_in_use(test->context->memory);
    test->session = session_create(graph, &test->error);
    assert_non_null(test->session);
    assert_true(memory_in_use(test->context->memory) - before < sizeof(float) * DEPTH * COLUMNS * 3 / 2);
    for (int i = 0; i < ROWS * DEPTH; i++)
        ((float *)session_input(test->session, 0)->data)[i] = (float)(i % 13 - 6) / 8;
    assert_int_equal(session_run(test->session, &test->error), 0);
    const float *rows = session_output(test->session, 0)->data, *back = session_output(test->session, 1)->data;
    for (int i = 0; i < ROWS * DEPTH; i++) {
        double sum = 0;
        for (int j = 0; j < COLUMNS; j++)
            sum += (double)rows[i / DEPTH * COLUMNS + j] * (double)((float *)w.data)[i % DEPTH * COLUMNS + j];
        assert_true(fabs((double)back[i] - sum) < 1e-5 * DEPTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_shared, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_only_packed, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_read_plain, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
