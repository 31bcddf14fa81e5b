/* Constant folding computes what is cheap and leaves the rest to the run: products, loops in loops, pairs of boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "op/registry.h"
#include "pass/passes.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct error error;
};

static void start(struct test *test)
{
    memset(test, 0, sizeof *test);
    struct context_options options = {.threads = 1, .cpu = CPU_PORTABLE};
    test->context = context_create(&options, &test->error);
    assert_non_null(test->context);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    assert_non_null(test->graph);
}

static void end(struct test *test)
{
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

/* A node without inference, as a file gives it. */
static struct node *add_node(struct graph *graph, const char *op_type, int outputs, int count,
                             struct value *const *inputs)
{
    struct node *node = graph_add_node(graph, "", op_type, op_type, count, outputs, NULL);
    assert_non_null(node);
    assert_int_equal(operator_resolve(node, 13, NULL), 0);
    assert_non_null(node->definition);
    for (int i = 0; i < count; i++)
        assert_int_equal(node_set_input(node, i, inputs[i], NULL), 0);
    for (int i = 0; i < outputs; i++)
        assert_int_equal(node_set_output(node, i, graph_add_value(graph, NULL, NULL), NULL), 0);
    return node;
}

static struct value *apply(struct graph *graph, const char *op_type, struct value *a, struct value *b)
{
    return add_node(graph, op_type, 1, b ? 2 : 1, (struct value *[]){a, b})->outputs[0];
}

static struct value *integers(struct graph *graph, int rank, int count, const int64_t *elements)
{
    struct value *value = emit_filled(graph, DTYPE_INT64, &(struct shape){.rank = rank, .dims = {count}}, 0, NULL);
    assert_non_null(value);
    memcpy(value->constant->tensor.data, elements, (size_t)count * sizeof *elements);
    return value;
}

static struct value *filled(struct graph *graph, int rank, const int64_t *dims)
{
    return apply(graph, "ConstantOfShape", integers(graph, 1, rank, dims), NULL);
}

static void fold(struct test *test)
{
    if (pass_capture(test->graph, &test->error) || pass_infer_and_fold(test->graph, &test->error))
        fail_msg("%s", test->error.message);
}

static int count_nodes(const struct graph *graph, const char *op_type)
{
    int count = 0;
    for (const struct node *node = graph->first; node; node = node->next)
        count += strcmp(node->op_type, op_type) == 0;
    return count;
}

/* Asking for a size costs nothing, however large what has it is. */
static void sizes_of_large_inputs_fold(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *images = graph_add_value(test.graph, "images", NULL);
    images->dtype = DTYPE_FLOAT;
    images->shape = (struct shape){.rank = 4, .dims = {64, 3, 1024, 1024}};
    assert_int_equal(graph_add_input(test.graph, images, NULL), 0);
    struct value *size = apply(test.graph, "Shape", images, NULL);
    assert_int_equal(graph_add_output(test.graph, apply(test.graph, "Add", size, size), NULL), 0);
    fold(&test);
    assert_int_equal(test.graph->node_count, 0);
    assert_true(tensor_number(&test.graph->outputs[0]->constant->tensor, 0) == 128);
    end(&test);
}

/* `count` squares of a matrix, and how large the last one is. */
static void products(struct test *test, int64_t side, int count)
{
    struct value *matrix = filled(test->graph, 2, (int64_t[]){side, side});
    for (int i = 0; i < count; i++)
        matrix = apply(test->graph, "MatMul", matrix, matrix);
    struct value *size = apply(test->graph, "Shape", matrix, NULL);
    assert_int_equal(graph_add_output(test->graph, apply(test->graph, "Add", size, size), NULL), 0);
    fold(test);
}

static void cheap_products_fold(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    products(&test, 16, 20);
    assert_int_equal(test.graph->node_count, 0);
    end(&test);
}

static void dear_products_stay(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    products(&test, 3000, 200);
    assert_int_equal(count_nodes(test.graph, "MatMul"), 200);
    assert_int_equal(test.graph->node_count, 200); /* what their sizes give is known all the same */
    assert_non_null(test.graph->outputs[0]->constant);
    end(&test);
}

/* Many results that would each be cheap: their sum is not. */
static void many_results_stay(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    for (int i = 0; i < 200; i++) {
        struct value *plane = filled(test.graph, 2, (int64_t[]){1000, 1000});
        assert_int_equal(graph_add_output(test.graph, apply(test.graph, "Neg", plane, NULL), NULL), 0);
    }
    fold(&test);
    assert_true(count_nodes(test.graph, "ConstantOfShape") > 100);
    assert_true(test.graph->node_count < 400);
    end(&test);
}

/* Loop(rounds) in Loop(rounds) in ...: x + 1 in the innermost. */
static struct value *loop_in_loop(struct graph *graph, int64_t rounds, int depth, struct value *x)
{
    struct value *inputs[] = {integers(graph, 0, 1, &rounds), emit_scalar(graph, DTYPE_BOOL, 1, NULL), x};
    struct node *node = add_node(graph, "Loop", 1, 3, inputs);
    struct attribute *attribute = node_add_attribute(node, "body", NULL);
    attribute->type = ATTRIBUTE_GRAPH;
    attribute->graph = graph_create(graph->context, graph, "body", NULL);
    struct graph *body = attribute->graph;
    struct value *formal[3];
    for (int i = 0; i < 3; i++) {
        formal[i] = graph_add_value(body, NULL, NULL);
        assert_int_equal(graph_add_input(body, formal[i], NULL), 0);
    }
    assert_int_equal(graph_add_output(body, apply(body, "Identity", formal[1], NULL), NULL), 0);
    struct value *next = depth > 1 ? loop_in_loop(body, rounds, depth - 1, formal[2])
                                   : apply(body, "Add", formal[2], emit_scalar(body, DTYPE_FLOAT, 1, NULL));
    assert_int_equal(graph_add_output(body, next, NULL), 0);
    return node->outputs[0];
}

static void loops_fold_while_they_are_short(void **state)
{
    (void)state;
    for (int dear = 0; dear < 2; dear++) {
        struct test test;
        start(&test);
        struct value *one = emit_scalar(test.graph, DTYPE_FLOAT, 1, NULL);
        struct value *sum = loop_in_loop(test.graph, dear ? 100000 : 5, 3, one);
        assert_int_equal(graph_add_output(test.graph, sum, NULL), 0);
        fold(&test);
        assert_int_equal(test.graph->node_count, dear ? 1 : 0);
        if (!dear)
            assert_true(tensor_number(&test.graph->outputs[0]->constant->tensor, 0) == 126);
        end(&test);
    }
}

/* A body without nodes that stacks an outer constant: copies take time and memory as well. */
static void copies_of_rounds_stay(void **state)
{
    (void)state;
    for (int dear = 0; dear < 2; dear++) {
        struct test test;
        start(&test);
        const int64_t rounds = dear ? 100000 : 10;
        struct value *inputs[] = {integers(test.graph, 0, 1, &rounds), emit_scalar(test.graph, DTYPE_BOOL, 1, NULL)};
        struct value *outer = filled(test.graph, 1, (int64_t[]){100000});
        struct node *node = add_node(test.graph, "Loop", 1, 2, inputs);
        struct attribute *attribute = node_add_attribute(node, "body", NULL);
        attribute->type = ATTRIBUTE_GRAPH;
        attribute->graph = graph_create(test.context, test.graph, "body", NULL);
        for (int i = 0; i < 2; i++)
            assert_int_equal(graph_add_input(attribute->graph, graph_add_value(attribute->graph, NULL, NULL), NULL), 0);
        assert_int_equal(graph_add_output(attribute->graph, attribute->graph->inputs[1], NULL), 0);
        assert_int_equal(graph_add_output(attribute->graph, outer, NULL), 0);
        assert_int_equal(graph_add_output(test.graph, node->outputs[0], NULL), 0);
        fold(&test);
        assert_int_equal(test.graph->node_count, dear ? 1 : 0);
        assert_true(memory_peak(test.context->memory) < (size_t)512 << 20);
        end(&test);
    }
}

/* Regions that are each the whole of a large map. */
static void large_regions_stay(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *inputs[] = {filled(test.graph, 4, (int64_t[]){1, 1, 2000, 2000}),
                              filled(test.graph, 2, (int64_t[]){20000, 5})};
    struct node *node = add_node(test.graph, "MaxRoiPool", 1, 2, inputs);
    assert_int_equal(node_set_ints(node, "pooled_shape", (int64_t[]){7, 7}, 2, NULL), 0);
    assert_int_equal(graph_add_output(test.graph, node->outputs[0], NULL), 0);
    fold(&test);
    assert_int_equal(count_nodes(test.graph, "MaxRoiPool"), 1);
    end(&test);
}

static void pairs_of_boxes_stay(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    const int64_t most = 100000;
    struct value *inputs[] = {filled(test.graph, 3, (int64_t[]){1, most, 4}),
                              filled(test.graph, 3, (int64_t[]){1, 1, most}), integers(test.graph, 0, 1, &most)};
    struct node *node = add_node(test.graph, "NonMaxSuppression", 1, 3, inputs);
    assert_int_equal(graph_add_output(test.graph, node->outputs[0], NULL), 0);
    fold(&test);
    assert_int_equal(count_nodes(test.graph, "NonMaxSuppression"), 1);
    end(&test);
}

/* What a detector hands on that found nothing: no images, of which there is nothing to compute. */
static void empty_batches_pass(void **state)
{
    (void)state;
    static const char *const names[] = {"Conv", "MaxPool", "InstanceNormalization", "GlobalAveragePool"};
    struct test test;
    start(&test);
    struct graph *graph = test.graph;
    struct value *channels = filled(graph, 1, (int64_t[]){4});
    struct value *map = filled(graph, 4, (int64_t[]){0, 3, 8, 8});
    map = apply(graph, names[0], map, filled(graph, 4, (int64_t[]){4, 3, 3, 3}));
    struct node *pool = add_node(graph, names[1], 1, 1, &map);
    assert_int_equal(node_set_ints(pool, "kernel_shape", (int64_t[]){2, 2}, 2, NULL), 0);
    map = add_node(graph, names[2], 1, 3, (struct value *[]){pool->outputs[0], channels, channels})->outputs[0];
    map = apply(graph, names[3], map, NULL);
    assert_int_equal(graph_add_output(graph, map, NULL), 0);
    fold(&test);
    assert_int_equal(graph->node_count, 0);
    const struct shape expected = {.rank = 4, .dims = {0, 4, 1, 1}};
    assert_true(shape_equal(&map->shape, &expected));
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_large_inputs_fold),
        cmocka_unit_test(cheap_products_fold),
        cmocka_unit_test(dear_products_stay),
        cmocka_unit_test(many_results_stay),
        cmocka_unit_test(loops_fold_while_they_are_short),
        cmocka_unit_test(copies_of_rounds_stay),
        cmocka_unit_test(large_regions_stay),
        cmocka_unit_test(pairs_of_boxes_stay),
        cmocka_unit_test(empty_batches_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
