/* Readers of values: each input knows its place among them, however many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "graph/graph.h"

enum { NODES = 40, INPUTS = 3, VALUES = 4, MANY = 1000000 };

struct fixture {
    struct error error;
    struct context *context;
    struct graph *graph;
    struct value *values[VALUES];
};

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.error = ERROR_INITIALISER};
    struct error *error = &fixture->error;
    fixture->context = context_create(&(struct context_options){.threads = 1}, error);
    fixture->graph = graph_create(fixture->context, NULL, "test", error);
    for (int i = 0; i < VALUES; i++) {
        fixture->values[i] = graph_add_value(fixture->graph, NULL, error);
        assert_int_equal(graph_add_input(fixture->graph, fixture->values[i], error), 0);
    }
}

static void end(struct fixture *fixture)
{
    graph_destroy(fixture->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

static void expect_places(const struct fixture *fixture)
{
    size_t listed = 0, read = 0;
    for (int i = 0; i < VALUES; i++) {
        const struct value *value = fixture->values[i];
        for (size_t k = 0; k < value->use_count; k++) {
            const struct use *use = &value->uses[k];
            assert_ptr_equal(use->node->inputs[use->input], value);
            assert_int_equal(use->node->places[use->input], k);
        }
        listed += value->use_count;
    }
    for (const struct node *node = fixture->graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++)
            read += node->inputs[i] != NULL;
    }
    assert_int_equal(listed, read);
}

static void test_any_order(void **state)
{
    (void)state;
    struct fixture fixture;
    struct random random = {.seed = 5};
    struct node *nodes[NODES];
    start(&fixture);
    for (int i = 0; i < NODES; i++)
        nodes[i] = graph_add_node(fixture.graph, "", "Sum", "", INPUTS, 1, &fixture.error);
    for (int round = 0; round < 2000; round++) {
        struct node *node = nodes[(int)(random_uniform(&random) * NODES)];
        int input = (int)(random_uniform(&random) * node->input_count), which = (int)(random_uniform(&random) * 6);
        struct value *value = which < VALUES ? fixture.values[which] : NULL;
        assert_int_equal(which == VALUES + 1 ? node_add_input(node, fixture.values[0], &fixture.error)
                                             : node_set_input(node, input, value, &fixture.error),
                         0);
    }
    expect_places(&fixture);
    assert_int_equal(value_replace(fixture.values[1], fixture.values[2], &fixture.error), 0);
    assert_int_equal(fixture.values[1]->use_count, 0);
    for (int i = 0; i < NODES; i += 3)
        graph_remove_node(fixture.graph, nodes[i]);
    expect_places(&fixture);
    end(&fixture);
}

/* From the last to the first: a search through all readers for each would not end within the test's time. */
static void test_many_readers(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    struct node *node = graph_add_node(fixture.graph, "", "Sum", "", 0, 1, &fixture.error);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(node_add_input(node, fixture.values[0], &fixture.error), 0);
    for (int i = MANY - 1; i >= 0; i--)
        assert_int_equal(node_set_input(node, i, NULL, &fixture.error), 0);
    assert_int_equal(fixture.values[0]->use_count, 0);
    end(&fixture);
}

/* An attribute that was a graph becomes a number: what read values of the graph around is gone. */
static void test_replaced_graph(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    struct error *error = &fixture.error;
    struct node *holder = graph_add_node(fixture.graph, "", "Loop", "", 0, 0, error);
    struct attribute *attribute = node_add_attribute(holder, "body", error);
    attribute->type = ATTRIBUTE_GRAPH;
    attribute->graph = graph_create(fixture.context, fixture.graph, "body", error);
    struct node *reader = graph_add_node(attribute->graph, "", "Relu", "", 1, 0, error);
    assert_int_equal(node_set_input(reader, 0, fixture.values[0], error), 0);
    assert_int_equal(fixture.values[0]->use_count, 1);
    assert_int_equal(node_set_int(holder, "body", 3, error), 0);
    assert_int_equal(fixture.values[0]->use_count, 0);
    assert_int_equal(graph_verify(fixture.graph, error), 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_order), cmocka_unit_test(test_many_readers),
                                       cmocka_unit_test(test_replaced_graph)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
