/* What recognisers ask of the operator table: what moves elements, what stands beside constants, what has weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "graph/match.h"
#include "op/emit.h"
#include "op/registry.h"
#include "structure/head_activation.h"
#include "structure/network.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct value *x, *y, *weight;
    struct error error;
};

static struct value *add_input(struct test *test, const char *name)
{
    struct value *value = graph_add_value(test->graph, name, &test->error);
    value->dtype = DTYPE_FLOAT;
    value->shape = (struct shape){.rank = 4, .dims = {1, 2, 4, 4}};
    assert_int_equal(graph_add_input(test->graph, value, &test->error), 0);
    return value;
}

static void start(struct test *test)
{
    *test = (struct test){.error = ERROR_INITIALISER};
    test->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_PORTABLE}, &test->error);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    test->x = add_input(test, "x");
    test->y = add_input(test, "y");
    test->weight =
        emit_filled(test->graph, DTYPE_FLOAT, &(struct shape){.rank = 4, .dims = {2, 2, 1, 1}}, 1, &test->error);
}

static void end(struct test *test)
{
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

static struct value *one(struct test *test, const char *op_type, struct value *x)
{
    return emit(test->graph, op_type, EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, &test->error);
}

static struct value *two(struct test *test, const char *op_type, struct value *a, struct value *b)
{
    struct value *made = emit(test->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, &test->error);
    if (!made)
        fail_msg("%s: %s", op_type, test->error.message);
    return made;
}

static void test_moved(void **state)
{
    struct test test;
    const int64_t shape[2] = {2, 16}, indices[1] = {0};
    (void)state;
    start(&test);
    struct value *list = emit_int_list(test.graph, shape, 2, &test.error);
    struct value *places = emit_int_list(test.graph, indices, 1, &test.error);
    struct value *parts[2] = {test.x, test.y};
    struct value *joined = emit(test.graph, "Concat", parts, 2, EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), &test.error);
    assert_ptr_equal(match_moved(two(&test, "Reshape", test.x, list)->producer), test.x);
    assert_ptr_equal(match_moved(one(&test, "Transpose", test.x)->producer), test.x);
    assert_ptr_equal(match_moved(two(&test, "Gather", test.x, places)->producer), test.x);
    assert_ptr_equal(match_moved(one(&test, "Dropout", test.x)->producer), test.x);
    assert_null(match_moved(joined->producer));
    assert_null(match_moved(one(&test, "Relu", test.x)->producer));
    assert_null(match_moved(NULL));
    struct value *turned = one(&test, "Transpose", one(&test, "Identity", test.x));
    assert_ptr_equal(match_back(turned, OPERATOR_KEEPS | OPERATOR_PERMUTES), test.x);
    assert_ptr_equal(match_back(turned, OPERATOR_KEEPS), turned);
    end(&test);
}

static void test_beside_constants(void **state)
{
    static const char *const kinds[] = {"Add", "Sub", "Mul", "Div"};
    struct test test;
    (void)state;
    start(&test);
    struct value *number = emit_scalar(test.graph, DTYPE_FLOAT, 2, &test.error);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(match_beside_constant(two(&test, kinds[i], test.x, number)->producer), 0);
        assert_int_equal(match_beside_constant(two(&test, kinds[i], number, test.x)->producer), 1);
        assert_int_equal(match_beside_constant(two(&test, kinds[i], test.x, test.y)->producer), -1);
    }
    assert_int_equal(match_beside_constant(two(&test, "Pow", test.x, number)->producer), -1);
    assert_int_equal(match_beside_constant(NULL), -1);
    assert_true(match_stored(number) && match_stored(one(&test, "Identity", number)));
    assert_false(match_stored(test.x) || match_stored(one(&test, "Identity", test.x)) || match_stored(NULL));
    end(&test);
}

/* A layer's weights are what the table says is one: of another domain's Conv nothing is known. */
static void test_weights(void **state)
{
    struct test test;
    (void)state;
    start(&test);
    struct node *layer = two(&test, "Conv", test.x, test.weight)->producer;
    assert_ptr_equal(network_weights(layer), test.weight);
    assert_int_equal(network_channel_axis(layer->outputs[0]), 1);
    assert_null(network_weights(two(&test, "Conv", test.x, one(&test, "Identity", test.weight))->producer));
    assert_null(network_weights(two(&test, "Mul", test.x, test.weight)->producer));
    assert_null(network_weights(NULL));
    struct node *foreign = graph_add_node(test.graph, "other", "Conv", "", 2, 1, &test.error);
    assert_int_equal(operator_resolve(foreign, 1, &test.error), 0);
    assert_int_equal(node_set_input(foreign, 0, test.x, &test.error), 0);
    assert_int_equal(node_set_input(foreign, 1, test.weight, &test.error), 0);
    assert_null(network_weights(foreign));
    assert_int_equal(network_channel_axis(two(&test, "MatMul", test.x, test.y)), 3);
    end(&test);
}

static void test_probabilities(void **state)
{
    static const struct {
        const char *op_type;
        enum class_activation activation;
        bool makes;
    } cases[] = {{"Softmax", CLASS_SOFTMAX, true},
                 {"LogSoftmax", CLASS_SOFTMAX, true},
                 {"Sigmoid", CLASS_SIGMOID, true},
                 {"HardSigmoid", CLASS_SIGMOID, false},
                 {"Hardmax", CLASS_SOFTMAX, false}};
    struct test test;
    (void)state;
    start(&test);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct node *last;
        struct value *made = one(&test, cases[i].op_type, test.x), *output = one(&test, "Identity", made);
        assert_int_equal(makes_probabilities(made->producer), cases[i].makes);
        assert_ptr_equal(activation_walk_back(output, &last), cases[i].makes ? test.x : output);
        assert_ptr_equal(last, cases[i].makes ? made->producer : NULL);
        if (cases[i].makes)
            assert_int_equal(activation_of_node(last), cases[i].activation);
    }
    assert_int_equal(activation_of_node(NULL), CLASS_PLAIN);
    assert_int_equal(activation_of_word("binary"), CLASS_SIGMOID);
    assert_int_equal(activation_of_word("none"), CLASS_PLAIN);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moved), cmocka_unit_test(test_beside_constants),
                                       cmocka_unit_test(test_weights), cmocka_unit_test(test_probabilities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
