/* The outline of a graph: residual blocks, dense blocks and joined ways are blocks, what is alike in a row is one,
 * layers with the same weights beside each other are one, and a graph of ten thousand nodes stays small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "structure/outline.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct arena *arena;
    struct value *x;
    struct fovea_outline outline;
};

static void start(struct test *test)
{
    memset(test, 0, sizeof *test);
    test->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_PORTABLE}, NULL);
    assert_non_null(test->context);
    test->graph = graph_create(test->context, NULL, "test", NULL);
    test->arena = arena_create(test->context->memory, NULL);
    assert_non_null(test->arena);
    test->x = graph_add_value(test->graph, "x", NULL);
    test->x->dtype = DTYPE_FLOAT;
    test->x->shape = (struct shape){.rank = 4, .dims = {1, 2, 8, 8}};
    assert_int_equal(graph_add_input(test->graph, test->x, NULL), 0);
}

static void end(struct test *test)
{
    arena_destroy(test->arena);
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

static struct value *weight(struct test *test, int64_t channels)
{
    struct value *made =
        emit_filled(test->graph, DTYPE_FLOAT, &(struct shape){.rank = 4, .dims = {2, channels, 1, 1}}, 1, NULL);
    assert_non_null(made);
    return made;
}

static struct value *apply(struct test *test, const char *op_type, struct value *a, struct value *b)
{
    struct value *made = emit(test->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, NULL);
    assert_non_null(made);
    return made;
}

static struct value *convolve(struct test *test, struct value *x)
{
    return apply(test, "Conv", x, weight(test, x->shape.dims[1]));
}

static struct value *join(struct test *test, struct value **values, int count)
{
    const struct emit_attribute axis[] = {{.name = "axis", .type = ATTRIBUTE_INT, .i = 1}};
    struct value *made = emit(test->graph, "Concat", values, count, axis, 1, NULL);
    assert_non_null(made);
    return made;
}

static const struct fovea_outline *find(struct test *test, struct value *output)
{
    assert_int_equal(graph_add_output(test->graph, output, NULL), 0);
    assert_int_equal(outline_find(test->graph, test->arena, &test->outline, NULL), 0);
    const struct fovea_outline *outline = &test->outline;
    assert_int_equal(outline->blocks[0].kind, FOVEA_BLOCK_INPUT);
    assert_int_equal(outline->blocks[outline->block_count - 1].kind, FOVEA_BLOCK_OUTPUT);
    int layers = 0;
    for (int i = 0; i < outline->block_count; i++)
        layers += outline->blocks[i].layer_count;
    assert_int_equal(layers, test->graph->node_count); /* each in one block */
    for (int i = 0; i < outline->link_count; i++)
        assert_true(outline->links[i].from < outline->links[i].to);
    return outline;
}

static void test_residuals(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *value = convolve(&test, test.x);
    for (int i = 0; i < 5; i++)
        value = apply(&test, "Relu", apply(&test, "Add", value, convolve(&test, value)), NULL);
    const struct fovea_outline *outline = find(&test, value);
    assert_int_equal(outline->block_count, 4); /* input, convolution, five blocks, output */
    const struct fovea_block *block = &outline->blocks[2];
    assert_int_equal(block->kind, FOVEA_BLOCK_RESIDUAL);
    assert_int_equal(block->repeats, 5);
    assert_int_equal(block->layer_count, 15);
    assert_int_equal(block->parts[0].way_count, 2);
    assert_string_equal(block->parts[0].ways[0].lines[0], "1×1 conv, 2");
    assert_int_equal(block->parts[0].ways[1].count, 0);
    end(&test);
}

static void test_dense_and_ways(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *list[5] = {convolve(&test, test.x)}, *value = list[0];
    for (int i = 1; i < 5; i++) {
        list[i] = convolve(&test, value);
        value = join(&test, list, i + 1);
    }
    struct value *ways[3];
    value = convolve(&test, value);
    for (int i = 0; i < 3; i++)
        ways[i] = i == 0 ? convolve(&test, value) : convolve(&test, apply(&test, "Relu", convolve(&test, value), NULL));
    const struct fovea_outline *outline = find(&test, join(&test, ways, 3));
    assert_int_equal(outline->block_count, 6);
    assert_int_equal(outline->blocks[2].kind, FOVEA_BLOCK_DENSE);
    assert_int_equal(outline->blocks[4].kind, FOVEA_BLOCK_BRANCHES);
    assert_int_equal(outline->blocks[4].parts[0].way_count, 3);
    assert_int_equal(outline->blocks[4].parts[0].ways[0].times[0], 1);
    assert_int_equal(outline->blocks[4].parts[0].ways[1].times[0], 2); /* two that are alike share a line */
    end(&test);
}

/* One head on three levels. */
static void test_shared(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *head = weight(&test, 2), *value = test.x, *level = NULL;
    for (int i = 0; i < 3; i++) {
        assert_true(i == 0 || graph_add_output(test.graph, level, NULL) == 0);
        value = apply(&test, "Relu", convolve(&test, value), NULL);
        level = apply(&test, "Conv", value, head);
    }
    const struct fovea_outline *outline = find(&test, level);
    int shared = 0;
    for (int i = 0; i < outline->block_count; i++)
        shared += outline->blocks[i].alike == 3;
    assert_int_equal(shared, 1);
    end(&test);
}

/* Layers that are all different, with ways across: 10,000 nodes. */
static void test_large(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *before = convolve(&test, test.x), *value = before;
    while (test.graph->node_count < 10000) {
        struct value *next = convolve(&test, apply(&test, "Relu", value, NULL));
        struct value *pair[3] = {before, next, value};
        value = join(&test, pair, 2 + test.graph->node_count % 2);
        before = next;
    }
    const struct fovea_outline *outline = find(&test, value);
    assert_true(outline->block_count <= OUTLINE_MOST_BLOCKS + 2);
    assert_true(outline->joined > 0);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_residuals),
        cmocka_unit_test(test_dense_and_ways),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
