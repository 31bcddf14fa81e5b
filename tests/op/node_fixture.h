/* One node in a graph of its own: for tests of shape rules, values and refusals. */
#ifndef FOVEA_TESTS_NODE_FIXTURE_H
#define FOVEA_TESTS_NODE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "op/evaluate.h"
#include "op/infer.h"
#include "op/registry.h"

#define FIXTURE_INPUTS 9
#define FIXTURE_OUTPUTS 5

struct fixture {
    struct context *context;
    struct graph *graph;
    struct node *node;
    struct tensor inputs[FIXTURE_INPUTS];
    const struct tensor *pointers[FIXTURE_INPUTS];
    struct tensor outputs[FIXTURE_OUTPUTS];
    struct error error;
};

#define DIMS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), ((int64_t[]){__VA_ARGS__})
#define SCALAR_DIMS 0, NULL
#define FLOATS(...) ((const float[]){__VA_ARGS__})
#define INTS(...) ((const int64_t[]){__VA_ARGS__}), (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* A test may have its cases run at other levels and with other numbers of threads. */
static int fixture_threads = 2, fixture_level = -1; /* -1: the highest */

static inline void fixture_start(struct fixture *fixture, const char *domain, const char *op_type, int opset,
                                 int inputs, int outputs)
{
    memset(fixture, 0, sizeof *fixture);
    struct context_options options = {.threads = fixture_threads, .cpu = cpu_detect(), .seed = 7};
    if (fixture_level >= 0)
        options.cpu = (enum cpu_level)fixture_level;
    fixture->context = context_create(&options, &fixture->error);
    assert_non_null(fixture->context);
    fixture->graph = graph_create(fixture->context, NULL, "test", &fixture->error);
    assert_non_null(fixture->graph);
    fixture->node = graph_add_node(fixture->graph, domain, op_type, "node", inputs, outputs, &fixture->error);
    assert_non_null(fixture->node);
    assert_int_equal(operator_resolve(fixture->node, opset, &fixture->error), 0);
    assert_non_null(fixture->node->definition);
    for (int i = 0; i < outputs; i++)
        assert_int_equal(
            node_set_output(fixture->node, i, graph_add_value(fixture->graph, NULL, &fixture->error), &fixture->error),
            0);
}

/* Input `index` of any storage type, its elements given as floats (NULL: all zero). */
static inline void fixture_input(struct fixture *fixture, int index, enum dtype dtype, int rank, const int64_t *dims,
                                 const float *elements)
{
    struct tensor *tensor = &fixture->inputs[index];
    tensor->dtype = dtype;
    assert_int_equal(shape_set(&tensor->shape, rank, dims, &fixture->error), 0);
    assert_int_equal(tensor_allocate(fixture->context->memory, tensor, &fixture->error), 0);
    int64_t count = elements ? shape_count(&tensor->shape) : 0;
    for (int64_t i = 0; i < count; i++) {
        switch (dtype_storage(dtype)) {
        case DTYPE_FLOAT:
            ((float *)tensor->data)[i] = elements[i];
            break;
        case DTYPE_DOUBLE:
            ((double *)tensor->data)[i] = (double)elements[i];
            break;
        case DTYPE_INT32:
            ((int32_t *)tensor->data)[i] = (int32_t)elements[i];
            break;
        case DTYPE_INT64:
            ((int64_t *)tensor->data)[i] = (int64_t)elements[i];
            break;
        default:
            ((uint8_t *)tensor->data)[i] = (uint8_t)elements[i];
            break;
        }
    }
    struct value *value = graph_add_value(fixture->graph, NULL, &fixture->error);
    assert_non_null(value);
    value->dtype = dtype;
    value->shape = tensor->shape;
    assert_int_equal(node_set_input(fixture->node, index, value, &fixture->error), 0);
    fixture->pointers[index] = tensor;
}

/* 1, 2, 3, ... */
static inline void fixture_count_up(struct fixture *fixture, int index, int rank, const int64_t *dims)
{
    fixture_input(fixture, index, DTYPE_FLOAT, rank, dims, NULL);
    int64_t count = shape_count(&fixture->inputs[index].shape);
    for (int64_t i = 0; i < count; i++)
        ((float *)fixture->inputs[index].data)[i] = (float)(i + 1);
}

static inline void fixture_ints(struct fixture *fixture, const char *name, const int64_t *values, int count)
{
    assert_int_equal(node_set_ints(fixture->node, name, values, count, &fixture->error), 0);
}

static inline void fixture_int(struct fixture *fixture, const char *name, int64_t value)
{
    assert_int_equal(node_set_int(fixture->node, name, value, &fixture->error), 0);
}

static inline void fixture_float(struct fixture *fixture, const char *name, float value)
{
    assert_int_equal(node_set_float(fixture->node, name, value, &fixture->error), 0);
}

static inline void fixture_string(struct fixture *fixture, const char *name, const char *value)
{
    assert_int_equal(node_set_string(fixture->node, name, value, &fixture->error), 0);
}

static inline int fixture_evaluate(struct fixture *fixture)
{
    return evaluate_node(fixture->context, fixture->node, fixture->pointers, fixture->outputs, &fixture->error);
}

static inline void fixture_run(struct fixture *fixture)
{
    if (fixture_evaluate(fixture))
        fail_msg("%s", fixture->error.message);
}

static inline void fixture_end(struct fixture *fixture)
{
    for (int i = 0; i < FIXTURE_INPUTS; i++)
        tensor_release(fixture->context->memory, &fixture->inputs[i]);
    for (int i = 0; i < FIXTURE_OUTPUTS; i++)
        tensor_release(fixture->context->memory, &fixture->outputs[i]);
    graph_destroy(fixture->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

/* Runs, compares output `index` with the numbers and its shape, leaves the fixture open. */
static inline void expect_output(struct fixture *fixture, int index, int rank, const int64_t *dims, const float *values,
                                 double tolerance)
{
    const struct tensor *output = &fixture->outputs[index];
    struct shape shape = {0};
    char text[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    assert_int_equal(shape_set(&shape, rank, dims, NULL), 0);
    if (!shape_equal(&shape, &output->shape))
        fail_msg("output %d is %s, expected %s", index, shape_text(&output->shape, text), shape_text(&shape, expected));
    for (int64_t i = 0; values && i < shape_count(&shape); i++) {
        double got = tensor_number(output, i), wanted = (double)values[i];
        bool same = got == wanted || (isnan(got) && isnan(wanted)) || fabs(got - wanted) <= tolerance;
        if (!same)
            fail_msg("output %d [%d] is %.9g, expected %.9g", index, (int)i, got, wanted);
    }
}

/* The node is refused before anything is computed, as the user's fault, with a message; closes the fixture. */
static inline void expect_refusal(struct fixture *fixture)
{
    assert_int_equal(fixture_evaluate(fixture), -1);
    assert_true(fixture->error.kind == ERROR_INPUT || fixture->error.kind == ERROR_UNSUPPORTED ||
                fixture->error.kind == ERROR_LIMIT || fixture->error.kind == ERROR_MEMORY);
    assert_true(strlen(fixture->error.message) > 0);
    fixture_end(fixture);
}

#endif
