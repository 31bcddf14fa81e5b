/* What passes its elements on goes (eliminate_identities), chains of views and of transposes become one (merge_views).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "op/registry.h"
#include "op/settings.h"
#include "pass/passes.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct value *x; /* float [2,3,4], an input */
    struct error error;
};

static void start(struct test *test)
{
    *test = (struct test){.error = ERROR_INITIALISER};
    test->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_PORTABLE}, &test->error);
    assert_non_null(test->context);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    assert_non_null(test->graph);
    test->x = graph_add_value(test->graph, "x", &test->error);
    assert_int_equal(graph_add_input(test->graph, test->x, &test->error), 0);
    test->x->dtype = DTYPE_FLOAT;
    test->x->shape = (struct shape){.rank = 3, .dims = {2, 3, 4}};
}

static void end(struct test *test)
{
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

/* Two nodes read the result, and one of them is the output: what is replaced is no output itself. */
static void finish(struct test *test, struct value *result)
{
    assert_non_null(result);
    struct value *output = emit(test->graph, "Relu", EMIT_INPUTS(result), EMIT_NO_ATTRIBUTES, &test->error);
    assert_int_equal(graph_set_outputs(test->graph, &output, 1, &test->error), 0);
}

static struct value *ints(struct test *test, int count, const int64_t *list)
{
    return emit_int_list(test->graph, list, count, &test->error);
}

static struct value *ratio(struct test *test)
{
    return emit_scalar(test->graph, DTYPE_FLOAT, 0.5, &test->error);
}

static struct value *training(struct test *test)
{
    struct shape one = {.rank = 0};
    return emit_filled(test->graph, DTYPE_BOOL, &one, 1, &test->error);
}

/* Makes a case of the table below of x. */
typedef struct value *make_case(struct test *test);

#define CASE(name_, op_type_, inputs_, attributes_)                                                                    \
    static struct value *name_(struct test *test)                                                                      \
    {                                                                                                                  \
        struct value *x = test->x;                                                                                     \
        return emit(test->graph, op_type_, inputs_, attributes_, &test->error);                                        \
    }
#define LIST(...) ints(test, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

CASE(identity, "Identity", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES)
CASE(cast, "Cast", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_FLOAT)))
CASE(cast_like, "CastLike", EMIT_INPUTS(x, x), EMIT_NO_ATTRIBUTES)
CASE(reshape, "Reshape", EMIT_INPUTS(x, LIST(2, -1, 4)), EMIT_NO_ATTRIBUTES)
CASE(expand, "Expand", EMIT_INPUTS(x, LIST(3, 1)), EMIT_NO_ATTRIBUTES)
CASE(tile, "Tile", EMIT_INPUTS(x, LIST(1, 1, 1)), EMIT_NO_ATTRIBUTES)
CASE(dropout, "Dropout", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES)
CASE(trained_dropout, "Dropout", EMIT_INPUTS(x, ratio(test), training(test)), EMIT_NO_ATTRIBUTES)
CASE(still, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", ((int64_t[]){0, 1, 2}), 3)))
CASE(no_padding, "Pad", EMIT_INPUTS(x, LIST(0, 0, 0, 0, 0, 0)), EMIT_NO_ATTRIBUTES)
CASE(shift, "Pad", EMIT_INPUTS(x, LIST(0, 0, 1, 0, 0, -1)), EMIT_NO_ATTRIBUTES)
CASE(all, "Slice", EMIT_INPUTS(x, LIST(0), LIST(100), LIST(1), LIST(1)), EMIT_NO_ATTRIBUTES)
CASE(backwards, "Slice", EMIT_INPUTS(x, LIST(-1), LIST(-100), LIST(1), LIST(-1)), EMIT_NO_ATTRIBUTES)
CASE(one_part, "Concat", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)))
CASE(one_term, "Sum", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES)
CASE(two_terms, "Max", EMIT_INPUTS(x, x), EMIT_NO_ATTRIBUTES)
CASE(function, "Relu", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES)

static void test_identities(void **state)
{
    static const struct {
        const char *name;
        make_case *make;
        bool goes;
    } cases[] = {{"Identity", identity, true},
                 {"Cast to the same type", cast, true},
                 {"CastLike", cast_like, true},
                 {"Reshape to the same shape", reshape, true},
                 {"Expand of nothing", expand, true},
                 {"Tile once", tile, true},
                 {"Dropout", dropout, true},
                 {"Dropout in training", trained_dropout, false},
                 {"Transpose that keeps the order", still, true},
                 {"Pad by nothing", no_padding, true},
                 {"Pad and crop", shift, false},
                 {"Slice of all", all, true},
                 {"Slice backwards", backwards, false},
                 {"Concat of one", one_part, true},
                 {"Sum of one", one_term, true},
                 {"Max of two", two_terms, false},
                 {"Relu", function, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test test;
        start(&test);
        finish(&test, cases[i].make(&test));
        assert_int_equal(pass_eliminate_identities(test.graph, &test.error), 0);
        const struct node *last = test.graph->outputs[0]->producer;
        if ((last->inputs[0] == test.x) != cases[i].goes)
            fail_msg("%s %s", cases[i].name, cases[i].goes ? "stays" : "goes");
        end(&test);
    }
}

/* An operator of another domain is none, whatever its name. */
static void test_foreign_name(void **state)
{
    struct test test;
    (void)state;
    start(&test);
    struct node *node = graph_add_node(test.graph, "com.example", "Identity", "n", 1, 1, &test.error);
    struct value *result = graph_add_value(test.graph, NULL, &test.error);
    assert_int_equal(node_set_input(node, 0, test.x, &test.error), 0);
    assert_int_equal(node_set_output(node, 0, result, &test.error), 0);
    assert_int_equal(operator_resolve(node, 1, &test.error), 0);
    result->dtype = test.x->dtype;
    result->shape = test.x->shape;
    finish(&test, result);
    assert_int_equal(pass_eliminate_identities(test.graph, &test.error), 0);
    assert_int_equal(pass_merge_views(test.graph, &test.error), 0);
    assert_ptr_equal(test.graph->outputs[0]->producer->inputs[0], result);
    end(&test);
}

static struct value *turn(struct test *test, struct value *value, int a, int b, int c)
{
    const int64_t perm[3] = {a, b, c};
    return emit(test->graph, "Transpose", EMIT_INPUTS(value), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, 3)),
                &test->error);
}

/* The node that makes what the output's node reads. */
static const struct node *made(const struct test *test)
{
    return test->graph->outputs[0]->producer->inputs[0]->producer;
}

static void test_views(void **state)
{
    struct test test;
    (void)state;
    start(&test);
    struct value *flat = emit(test.graph, "Flatten", EMIT_INPUTS(test.x), EMIT_NO_ATTRIBUTES, &test.error);
    struct value *wide = emit(test.graph, "Unsqueeze", EMIT_INPUTS(flat, ints(&test, 1, (int64_t[]){0})),
                              EMIT_NO_ATTRIBUTES, &test.error);
    finish(&test, emit(test.graph, "Reshape", EMIT_INPUTS(wide, ints(&test, 2, (int64_t[]){8, 3})), EMIT_NO_ATTRIBUTES,
                       &test.error));
    assert_int_equal(pass_merge_views(test.graph, &test.error), 0);
    assert_string_equal(made(&test)->op_type, "Reshape");
    assert_ptr_equal(made(&test)->inputs[0], test.x);
    assert_int_equal(made(&test)->outputs[0]->shape.dims[0], 8);
    end(&test);
}

static void test_transposes(void **state)
{
    struct test test;
    (void)state;
    start(&test);
    finish(&test, turn(&test, turn(&test, test.x, 1, 2, 0), 1, 0, 2));
    assert_int_equal(pass_merge_views(test.graph, &test.error), 0);
    const struct ints perm = ((const struct transpose_settings *)made(&test)->settings)->perm;
    assert_ptr_equal(made(&test)->inputs[0], test.x);
    assert_int_equal(perm.values[0], 2);
    assert_int_equal(perm.values[1], 1);
    assert_int_equal(perm.values[2], 0);
    end(&test);
    start(&test);
    finish(&test, turn(&test, turn(&test, test.x, 1, 2, 0), 2, 0, 1));
    assert_int_equal(pass_merge_views(test.graph, &test.error), 0);
    assert_ptr_equal(test.graph->outputs[0]->producer->inputs[0], test.x);
    end(&test);
}

static struct value *pick(struct test *test, struct value *value, double index)
{
    struct value *at = emit_scalar(test->graph, DTYPE_INT64, index, &test->error);
    return emit(test->graph, "Gather", EMIT_INPUTS(value, at), EMIT_NO_ATTRIBUTES, &test->error);
}

/* Along axis 0 of x turned round: picked along axis 2 of x, and turned then. Where another reads what is turned, all
 * stays. */
static void test_picks(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct test test;
        start(&test);
        struct value *turned = turn(&test, test.x, 2, 1, 0);
        struct value *first = pick(&test, turned, 1), *second = pick(&test, turned, 0);
        struct value *sum = emit(test.graph, "Add", EMIT_INPUTS(first, second), EMIT_NO_ATTRIBUTES, &test.error);
        finish(&test, sum);
        if (shared)
            assert_int_equal(graph_add_output(test.graph, turned, &test.error), 0);
        assert_int_equal(pass_merge_views(test.graph, &test.error), 0);
        assert_int_equal(graph_verify(test.graph, &test.error), 0);
        const struct node *node = first->producer;
        assert_string_equal(node->op_type, shared ? "Gather" : "Transpose");
        if (!shared) {
            const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
            assert_int_equal(perm.values[0], 1);
            assert_int_equal(perm.values[1], 0);
            assert_string_equal(node->inputs[0]->producer->op_type, "Gather");
            assert_ptr_equal(node->inputs[0]->producer->inputs[0], test.x);
            assert_int_equal(node_attribute(node->inputs[0]->producer, "axis")->i, 2);
        }
        end(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_identities), cmocka_unit_test(test_foreign_name),
                                       cmocka_unit_test(test_views), cmocka_unit_test(test_transposes),
                                       cmocka_unit_test(test_picks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
