/* Model-local functions are replaced by their bodies: attributes handed through, defaults, nesting, and limits. */
#include "../onnx/onnx_fixture.h"

#include "op/registry.h"
#include "pass/passes.h"
#include "runtime/session.h"

static const char *path;

static struct message opset(const char *domain, int64_t version)
{
    struct message message = {0};
    put_text(&message, 1, domain);
    put_int(&message, 2, version);
    return message;
}

static void put_float_attribute(struct message *node, unsigned field, const char *name, float value)
{
    struct message attribute = {0};
    put_text(&attribute, 1, name);
    put_varint(&attribute, 2 << 3 | 5);
    put(&attribute, &value, sizeof value);
    put_int(&attribute, 20, 1);
    put_message(node, field, &attribute);
}

static void put_reference(struct message *node, const char *name, const char *reference)
{
    struct message attribute = {0};
    put_text(&attribute, 1, name);
    put_int(&attribute, 20, 1);
    put_text(&attribute, 21, reference);
    put_message(node, 5, &attribute);
}

/* A call of a function in the domain "local" with the outputs `first` and, unless NULL, `second`. */
static struct message make_call(const char *name, const char *input, const char *first, const char *second)
{
    struct message node = make_node(name, input, NULL, first);
    if (second)
        put_text(&node, 2, second);
    put_text(&node, 7, "local");
    put_text(&node, 3, "call");
    return node;
}

/* Starts a FunctionProto with one input X. */
static struct message start_function(const char *name)
{
    struct message function = {0}, onnx = opset("", 17), local = opset("local", 1);
    put_text(&function, 1, name);
    put_text(&function, 4, "X");
    put_message(&function, 9, &onnx);
    put_message(&function, 9, &local);
    put_text(&function, 10, "local");
    return function;
}

/* Leak(X) -> (LeakyRelu(X; alpha), X) */
static struct message make_leak(void)
{
    struct message function = start_function("Leak"), node = make_node("LeakyRelu", "X", NULL, "Y");
    put_reference(&node, "alpha", "slope");
    put_text(&function, 6, "slope");
    put_text(&function, 5, "Y");
    put_text(&function, 5, "X");
    put_message(&function, 7, &node);
    return function;
}

/* Twice(X; steep = 0.5) -> Leak(Neg(Leak(X; steep)); 0.25), and the same once more */
static struct message make_twice(void)
{
    struct message function = start_function("Twice"), node = make_call("Leak", "X", "a", NULL);
    put_reference(&node, "slope", "steep");
    put_float_attribute(&function, 11, "steep", 0.5f);
    put_text(&function, 5, "c");
    put_text(&function, 5, "c");
    put_message(&function, 7, &node);
    node = make_node("Neg", "a", NULL, "b");
    put_message(&function, 7, &node);
    node = make_call("Leak", "b", "c", "unused");
    put_float_attribute(&node, 5, "slope", 0.25f);
    put_message(&function, 7, &node);
    return function;
}

/* Frees the functions. */
static void write_functions(struct message *graph, struct message *functions, int count)
{
    struct message model = {0}, onnx = opset("", 17), local = opset("local", 1);
    put_int(&model, 1, 8);
    put_message(&model, 8, &onnx);
    put_message(&model, 8, &local);
    put_message(&model, 7, graph);
    for (int i = 0; i < count; i++)
        put_message(&model, 25, &functions[i]);
    write_bytes(path, model.bytes, model.length);
    free(model.bytes);
}

static void check_run(struct context *context, struct graph *graph, float steep)
{
    struct error error = ERROR_INITIALISER;
    const float x[4] = {-2.0f, -0.5f, 0.0f, 3.0f};
    struct session *session = session_create(graph, &error);
    assert_string_equal(error.message, "");
    memcpy(session_input(session, 0)->data, x, sizeof x);
    assert_int_equal(session_run(session, &error), 0);
    assert_int_equal(graph->output_count, 3);
    const float *first = session_output(session, 0)->data, *second = session_output(session, 1)->data;
    const float *same = session_output(session, 2)->data;
    for (int i = 0; i < 4; i++) {
        float a = x[i] < 0 ? steep * x[i] : x[i], b = -a, c = b < 0 ? 0.25f * b : b;
        assert_float_equal(first[i], c, 1e-7);
        assert_float_equal(second[i], c, 1e-7);
        assert_float_equal(same[i], x[i], 0);
    }
    session_destroy(session);
    (void)context;
}

/* A graph x -> Twice -> (y, z), Leak(x) -> (., w). */
static struct message make_graph(const float *steep)
{
    struct message graph = {0}, value = make_value("x", 4), node = make_call("Twice", "x", "y", "z");
    if (steep)
        put_float_attribute(&node, 5, "steep", *steep);
    put_message(&graph, 11, &value);
    put_message(&graph, 1, &node);
    node = make_call("Leak", "x", "", "w");
    put_message(&graph, 1, &node);
    static const char *const names[] = {"y", "z", "w"};
    for (int i = 0; i < 3; i++) {
        value = make_value(names[i], 4);
        put_message(&graph, 12, &value);
    }
    return graph;
}

static void test_nested_functions(void **state)
{
    (void)state;
    const float given = 0.125f;
    for (int with_attribute = 0; with_attribute < 2; with_attribute++) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        struct message graph = make_graph(with_attribute ? &given : NULL);
        write_functions(&graph, (struct message[]){make_leak(), make_twice()}, 2);
        struct model *model = model_load(context, path, &error);
        assert_string_equal(error.message, "");
        operators_resolve(model->graph, &error);
        assert_int_equal(model->function_count, 2);
        struct graph *lowered = pipeline_run(model, &(struct pipeline_request){0}, &error);
        assert_string_equal(error.message, "");
        check_run(context, lowered, with_attribute ? given : 0.5f);
        graph_destroy(lowered);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

/* Operators of bodies are known; attributes that a call gives have no settings before there is one. */
static void test_bodies_are_resolved(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct message graph = make_graph(NULL);
    int operators = 0, open = 0;
    write_functions(&graph, (struct message[]){make_leak(), make_twice()}, 2);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(model_resolve(model, &error), 0);
    for (int i = 0; i < model->function_count; i++) {
        for (const struct node *node = model->functions[i].body->first; node; node = node->next) {
            bool reference = node->attribute_count > 0 && node->attributes[0].reference;
            operators += node->definition != NULL;
            assert_true(node->definition || reference || node->domain[0]);
            if (!node->definition || !node->definition->attributes)
                continue;
            open += reference;
            assert_true(reference == (node->settings == NULL));
            assert_int_equal(node_check_settings(node, &error), reference ? -1 : 0);
        }
    }
    assert_true(operators > 1 && open > 0);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

/* Runs the pipeline over one call of "F0" and returns its error. */
static struct error run_calls(struct message *functions, int count)
{
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct message graph = {0}, value = make_value("x", 4), node = make_call("F0", "x", "y", NULL);
    put_message(&graph, 11, &value);
    put_message(&graph, 1, &node);
    value = make_value("y", 4);
    put_message(&graph, 12, &value);
    write_functions(&graph, functions, count);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    struct graph *lowered = pipeline_run(model, &(struct pipeline_request){0}, &error);
    assert_null(lowered);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    return error;
}

static void test_recursion(void **state)
{
    (void)state;
    struct message function = start_function("F0"), node = make_call("F0", "X", "Y", NULL);
    put_text(&function, 5, "Y");
    put_message(&function, 7, &node);
    struct error error = run_calls(&function, 1);
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_non_null(strstr(error.message, "too deep (limit 64); does 'F0' call itself?"));
    assert_null(strchr(error.message, '\n'));
}

/* Thirty functions that each call the next one twice would be 2^30 nodes. */
static void test_explosion(void **state)
{
    (void)state;
    struct message functions[30];
    for (int i = 0; i < 30; i++) {
        char name[8], called[8];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(called, sizeof called, "F%d", i + 1);
        functions[i] = start_function(name);
        struct message node = make_call(called, "X", "m", NULL);
        put_text(&functions[i], 5, "Y");
        put_message(&functions[i], 7, &node);
        node = make_call(called, "m", "Y", NULL);
        put_message(&functions[i], 7, &node);
    }
    struct error error = run_calls(functions, 30);
    assert_int_equal(error.kind, ERROR_LIMIT);
}

static void test_stray_reference(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct message graph = {0}, value = make_value("x", 4), node = make_node("LeakyRelu", "x", NULL, "y");
    put_reference(&node, "alpha", "slope");
    put_message(&graph, 11, &value);
    put_message(&graph, 1, &node);
    value = make_value("y", 4);
    put_message(&graph, 12, &value);
    write_model(path, &graph);
    struct model *model = model_load(context, path, &error);
    assert_non_null(model);
    operators_resolve(model->graph, &error);
    assert_null(pipeline_run(model, &(struct pipeline_request){0}, &error));
    assert_non_null(strstr(error.message, "attribute 'alpha' refers to a function's attribute"));
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    path = temporary_path("model.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_functions), cmocka_unit_test(test_bodies_are_resolved),
        cmocka_unit_test(test_recursion),        cmocka_unit_test(test_explosion),
        cmocka_unit_test(test_stray_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
