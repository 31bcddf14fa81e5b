/* Packed weights from file to file and through a run; results of half types. */
#include "../onnx/onnx_fixture.h"

#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

static const char *path, *saved_path;
static struct context *context;
static struct model *model;
static struct error error;

/* A ValueInfoProto with one dimension. */
static struct message typed_value(const char *name, enum dtype dtype, int64_t size)
{
    struct message value = {0}, type = {0}, tensor = {0}, shape = {0}, dimension = {0};
    put_int(&dimension, 1, size);
    put_message(&shape, 1, &dimension);
    put_int(&tensor, 1, dtype);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    return value;
}

static struct message typed_tensor(const char *name, enum dtype dtype, int64_t size, const void *bytes, size_t length)
{
    struct message tensor = {0};
    if (size >= 0)
        put_int(&tensor, 1, size);
    put_int(&tensor, 2, dtype);
    put_text(&tensor, 8, name);
    put_data(&tensor, 9, bytes, length);
    return tensor;
}

static void load(const char *from)
{
    context = make_context();
    error = (struct error)ERROR_INITIALISER;
    model = model_load(context, from, &error);
    assert_string_equal(error.message, "");
    operators_resolve(model->graph, &error);
}

static void finish(void)
{
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

static void run(const float *x, size_t bytes, const float *expected, size_t length)
{
    struct graph *graph = pipeline_run(model, &(struct pipeline_request){0}, &error);
    assert_string_equal(error.message, "");
    struct session *session = session_create(graph, &error);
    assert_non_null(session);
    memcpy(session_input(session, 0)->data, x, bytes);
    assert_int_equal(session_run(session, &error), 0);
    session_round_results(session);
    assert_memory_equal(session_output(session, 0)->data, expected, length);
    session_destroy(session);
    graph_destroy(graph);
}

/* y = x * x in bfloat16: a result of it, where float holds 1.0201. */
static void results_are_rounded(void **state)
{
    (void)state;
    struct message graph = {0}, node = make_node("Mul", "x", "x", "y"), value;
    put_message(&graph, 1, &node);
    value = typed_value("x", DTYPE_BFLOAT16, 1);
    put_message(&graph, 11, &value);
    value = typed_value("y", DTYPE_BFLOAT16, 1);
    put_message(&graph, 12, &value);
    write_model(path, &graph);
    load(path);
    const float x = 1.0234375f, y = 1.046875f; /* 1.04742... */
    run(&x, sizeof x, &y, sizeof y);
    finish();
}

/* y = x + dequantised w of int4, scale 0.5. */
static void write_packed(const unsigned char *packed, int count)
{
    const float scale = 0.5f;
    struct message graph = {0}, node, value;
    struct message tensor = typed_tensor("w", DTYPE_INT4, count, packed, ((size_t)count + 1) / 2);
    put_message(&graph, 5, &tensor);
    tensor = typed_tensor("s", DTYPE_FLOAT, -1, &scale, sizeof scale);
    put_message(&graph, 5, &tensor);
    node = make_node("DequantizeLinear", "w", "s", "d");
    put_message(&graph, 1, &node);
    node = make_node("Add", "x", "d", "y");
    put_message(&graph, 1, &node);
    value = make_value("x", count);
    put_message(&graph, 11, &value);
    value = make_value("y", count);
    put_message(&graph, 12, &value);
    write_model(path, &graph);
}

static struct value *weights(void)
{
    struct value *value = graph_find_value(model->graph, "w");
    assert_non_null(value);
    return value;
}

/* Packed anew where they are edited, as many bytes as before. */
static void weights_stay_packed(void **state)
{
    (void)state;
    const float x[5] = {0}, expected[5] = {0.5f, -1, 3.5f, -4, 1.5f}, edited[5] = {0.5f, -1, 3.5f, -4, -1};
    size_t before, after;
    write_packed((const unsigned char[]){0xe1, 0x87, 0x03}, 5); /* 1 -2 7 -8 3 */
    load(path);
    run(x, sizeof x, expected, sizeof expected);
    struct tensor tensor;
    assert_int_equal(tensor_copy(context->memory, constant_data(weights()->constant, &error), &tensor, &error), 0);
    assert_int_equal(((const int32_t *)tensor.data)[3], -8);
    ((int32_t *)tensor.data)[4] = -2;
    struct constant *constant = constant_create(context->memory, &tensor, &error);
    assert_int_equal(graph_set_constant(model->graph, weights(), constant, &error), 0);
    assert_int_equal(model_save(model, saved_path, &error), 0);
    finish();
    free(read_bytes(path, &before));
    free(read_bytes(saved_path, &after));
    assert_int_equal(before, after);
    load(saved_path);
    assert_int_equal(weights()->constant->payload.length, 3);
    run(x, sizeof x, edited, sizeof edited);
    finish();
}

/* What takes more room widened than in the file is not held beside the floats made of it. */
static void widened_weights_are_given_back(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    static unsigned char packed[COUNT / 2];
    memset(packed, 0x2f, sizeof packed); /* -1 2 -1 2 ... */
    write_packed(packed, COUNT);
    load(path);
    static float x[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++)
        expected[i] = i % 2 ? 1 : -0.5f;
    for (int i = 0; i < 2; i++) {
        run(x, sizeof x, expected, sizeof expected);
        assert_null(weights()->constant->tensor.data);
    }
    finish();
}

int main(void)
{
    path = temporary_path("model.onnx");
    saved_path = temporary_path("saved.onnx");
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_are_rounded), cmocka_unit_test(weights_stay_packed),
                                       cmocka_unit_test(widened_weights_are_given_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
