/* Sparse tensors compute as the dense ones they stand for: an initialiser and a Constant node. */
#include "../onnx/onnx_fixture.h"

#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

static const char *path;

/* Shape [4] with `value` at `place`. */
static struct message make_sparse(const char *name, float value, int64_t place)
{
    struct message sparse = {0}, values = {0}, indices = {0};
    put_int(&values, 1, 1);
    put_int(&values, 2, DTYPE_FLOAT);
    put_text(&values, 8, name);
    put_data(&values, 9, &value, sizeof value);
    put_int(&indices, 1, 1);
    put_int(&indices, 2, DTYPE_INT64);
    put_data(&indices, 9, &place, sizeof place);
    put_message(&sparse, 1, &values);
    put_message(&sparse, 2, &indices);
    put_int(&sparse, 3, 4);
    return sparse;
}

/* y = x + c, c = w + Constant */
static void write_sparse_model(void)
{
    struct message graph = {0}, sparse = make_sparse("w", 3.0f, 1), attribute = {0}, node, value;
    put_message(&graph, 15, &sparse);
    sparse = make_sparse("", -5.0f, 3);
    put_text(&attribute, 1, "sparse_value");
    put_message(&attribute, 22, &sparse);
    put_int(&attribute, 20, ATTRIBUTE_SPARSE_TENSOR);
    node = make_node("Constant", NULL, NULL, "k");
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    node = make_node("Add", "w", "k", "c");
    put_message(&graph, 1, &node);
    node = make_node("Add", "x", "c", "y");
    put_message(&graph, 1, &node);
    value = make_value("x", 4);
    put_message(&graph, 11, &value);
    value = make_value("y", 4);
    put_message(&graph, 12, &value);
    write_model(path, &graph);
}

static void test_sparse(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    write_sparse_model();
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(model->graph, &error);
    struct graph *graph = pipeline_run(model, &(struct pipeline_request){0}, &error);
    assert_string_equal(error.message, "");
    struct session *session = session_create(graph, &error);
    assert_non_null(session);
    const float x[4] = {1, 2, 3, 4}, expected[4] = {1, 5, 3, -1};
    memcpy(session_input(session, 0)->data, x, sizeof x);
    assert_int_equal(session_run(session, &error), 0);
    assert_memory_equal(session_output(session, 0)->data, expected, sizeof expected);
    session_destroy(session);
    graph_destroy(graph);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    path = temporary_path("model.onnx");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sparse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
