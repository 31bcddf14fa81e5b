/* Graphs made by hand, node by node as a file gives them, and run: what the tests of control flow share. */
#ifndef FOVEA_TESTS_RUNTIME_GRAPH_TEST_H
#define FOVEA_TESTS_RUNTIME_GRAPH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "op/registry.h"
#include "pass/differentiate.h"
#include "pass/passes.h"
#include "runtime/session.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct session *session;
    struct error error;
};

/* cap: of the memory; 0: none. */
static inline void begin(struct test *test, size_t cap)
{
    memset(test, 0, sizeof *test);
    struct context_options options = {.threads = 1, .cpu = CPU_PORTABLE, .max_memory = cap};
    test->context = context_create(&options, &test->error);
    assert_non_null(test->context);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    assert_non_null(test->graph);
}

static inline void end(struct test *test)
{
    session_destroy(test->session);
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

/* An input of a body, of a type that the operator tells. */
static inline struct value *formal(struct graph *graph)
{
    struct value *value = graph_add_value(graph, NULL, NULL);
    assert_int_equal(graph_add_input(graph, value, NULL), 0);
    return value;
}

static inline struct graph *add_body(struct node *node, const char *name)
{
    struct attribute *attribute = node_add_attribute(node, name, NULL);
    assert_non_null(attribute);
    attribute->type = ATTRIBUTE_GRAPH;
    attribute->graph = graph_create(node->graph->context, node->graph, name, NULL);
    assert_non_null(attribute->graph);
    assert_int_equal(node_read_settings(node, NULL), 0);
    return attribute->graph;
}

static inline void output(struct graph *graph, struct value *value)
{
    assert_int_equal(graph_add_output(graph, value, NULL), 0);
}

static inline int prepare(struct test *test)
{
    struct error *error = &test->error;
    if (pass_capture(test->graph, error) || graph_sort(test->graph, error) || pass_infer_and_fold(test->graph, error) ||
        graph_verify(test->graph, error) || pass_prune(test->graph, error) || graph_verify(test->graph, error))
        return -1;
    test->session = session_create(test->graph, error);
    return test->session ? 0 : -1;
}

#endif
