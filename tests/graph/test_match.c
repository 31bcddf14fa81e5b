/* What recognisers ask of a graph. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "graph/match.h"
#include "graph/operator.h"

/* The graph's room has no operators: those that are asked of, by what matters here. */
static const struct operator_definition sum = {.domain = "", .name = "Add", .traits = OPERATOR_SUM | OPERATOR_COMMUTES};
static const struct operator_definition difference = {.domain = "", .name = "Sub", .traits = OPERATOR_SUM};
static const struct operator_definition product = {
    .domain = "", .name = "Mul", .traits = OPERATOR_MULTIPLIES | OPERATOR_COMMUTES};
static const struct operator_definition quotient = {.domain = "", .name = "Div", .traits = OPERATOR_MULTIPLIES};
static const struct operator_definition power = {.domain = "", .name = "Pow", .traits = OPERATOR_FUNCTION};
static const struct operator_definition identity = {
    .domain = "", .name = "Identity", .traits = OPERATOR_VIEW | OPERATOR_KEEPS};

struct test {
    struct error error;
    struct context *context;
    struct graph *graph;
    struct value *x, *y; /* inputs */
};

static void start(struct test *test)
{
    *test = (struct test){.error = ERROR_INITIALISER};
    test->context = context_create(&(struct context_options){.threads = 1}, &test->error);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    test->x = graph_add_value(test->graph, "x", &test->error);
    test->y = graph_add_value(test->graph, "y", &test->error);
    assert_non_null(test->y);
}

static void end(struct test *test)
{
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

static struct value *apply(struct test *test, const struct operator_definition *definition, struct value *a,
                           struct value *b)
{
    struct node *node = graph_add_node(test->graph, "", definition->name, "", b ? 2 : 1, 1, &test->error);
    struct value *result = graph_add_value(test->graph, NULL, &test->error);
    assert_int_equal(node_set_operator(node, definition, &test->error), 0);
    assert_int_equal(node_set_input(node, 0, a, &test->error) || (b && node_set_input(node, 1, b, &test->error)), 0);
    assert_int_equal(node_set_output(node, 0, result, &test->error), 0);
    return result;
}

/* A constant of `count` elements, all but the last `number`. */
static struct value *constant(struct test *test, enum dtype dtype, int64_t count, double number, double last)
{
    struct memory *memory = test->context->memory;
    struct tensor tensor = {dtype, {1, {count}}, NULL};
    assert_int_equal(tensor_allocate(memory, &tensor, &test->error), 0);
    for (int64_t i = 0; i < count; i++)
        tensor_set_number(&tensor, i, i + 1 < count ? number : last);
    struct constant *made = constant_create(memory, &tensor, &test->error);
    struct value *value = graph_add_constant(test->graph, made, &test->error);
    assert_non_null(value);
    value->dtype = dtype;
    value->shape = (struct shape){1, {count}};
    return value;
}

static struct value *number(struct test *test, double value)
{
    return constant(test, DTYPE_FLOAT, 1, value, value);
}

static void test_numbers(void **state)
{
    (void)state;
    struct test test;
    double found;
    start(&test);
    assert_true(match_number(number(&test, 2.5), &found) && found == 2.5);
    assert_false(match_number(constant(&test, DTYPE_FLOAT, 2, 1, 1), &found));
    assert_false(match_number(test.x, &found) || match_number(NULL, &found));
    assert_true(match_near(number(&test, 1.00005), 1) && !match_near(number(&test, 1.001), 1));
    assert_true(match_near(number(&test, -3), -3) && !match_near(NULL, 1));
    assert_true(match_all_equal(constant(&test, DTYPE_FLOAT, 3, 1, 1), 1));
    assert_false(match_all_equal(constant(&test, DTYPE_FLOAT, 3, 1, 2), 1) || match_all_equal(NULL, 1));
    end(&test);
}

/* Where the order of operands counts, the number has to come second. */
static void test_operands(void **state)
{
    (void)state;
    static const struct {
        const struct operator_definition *definition;
        bool either;
    } cases[] = {{&sum, true}, {&difference, false}, {&product, true}, {&quotient, false}, {&power, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test test;
        start(&test);
        const struct operator_definition *definition = cases[i].definition;
        struct value *behind = apply(&test, definition, test.x, number(&test, 3));
        struct value *before = apply(&test, definition, number(&test, 3), test.x);
        assert_ptr_equal(match_with_number(behind, definition->name, 3), test.x);
        assert_ptr_equal(match_with_number(before, definition->name, 3), cases[i].either ? test.x : NULL);
        assert_null(match_with_number(behind, definition->name, 4));
        assert_null(match_with_number(behind, "Max", 3));
        assert_ptr_equal(match_other(behind->producer, test.x), behind->producer->inputs[1]);
        assert_null(match_other(behind->producer, test.y));
        assert_true(!match_other(behind->producer, NULL) && !match_other(NULL, test.x));
        end(&test);
    }
    assert_null(match_with_number(NULL, "Add", 1));
    assert_null(match_back(NULL, OPERATOR_VIEW));
}

static void test_names(void **state)
{
    (void)state;
    struct test test;
    start(&test);
    struct value *y = apply(&test, &identity, test.x, NULL);
    assert_true(match_operator(y->producer, "Identity") && !match_operator(y->producer, "Add"));
    assert_ptr_equal(match_producer(y, "Identity"), y->producer);
    y->producer->domain = "com.example";
    assert_false(match_operator(y->producer, "Identity") || match_operator(NULL, "Identity"));
    assert_null(match_producer(test.x, "Identity"));
    end(&test);
}

/* 2 x / 4 * (x y) * 3, squares by themselves and by powers, and too many factors. */
static void test_products(void **state)
{
    (void)state;
    struct test test;
    struct match_product found;
    start(&test);
    struct value *half = apply(&test, &quotient, apply(&test, &product, number(&test, 2), test.x), number(&test, 4));
    struct value *all =
        apply(&test, &product, half, apply(&test, &product, apply(&test, &product, test.x, test.y), number(&test, 3)));
    assert_true(match_product(all, &found));
    assert_true(found.count == 3 && fabs(found.number - 1.5) < 1e-12);
    assert_true(found.factors[0] == test.x && found.factors[1] == test.x && found.factors[2] == test.y);
    assert_false(match_product(apply(&test, &product, all, all), &found));
    assert_true(match_product(test.x, &found) && found.count == 1 && found.number == 1);
    assert_ptr_equal(match_squared(apply(&test, &product, test.x, test.x)), test.x);
    assert_ptr_equal(match_squared(apply(&test, &power, test.x, number(&test, 2))), test.x);
    assert_null(match_squared(apply(&test, &product, test.x, test.y)));
    assert_null(match_squared(NULL));
    end(&test);
}

static void test_lists(void **state)
{
    (void)state;
    struct test test;
    int64_t list[2];
    const int64_t given[2] = {7, 8}, many[3] = {1, 2, 3};
    start(&test);
    struct value *result = apply(&test, &sum, test.x, constant(&test, DTYPE_INT64, 2, 4, 5));
    const struct node *node = result->producer;
    assert_int_equal(match_ints(node, (struct ints){given, 2}, 1, list, 2), 2);
    assert_true(list[0] == 7 && list[1] == 8);
    assert_int_equal(match_ints(node, (struct ints){0}, 1, list, 2), 2);
    assert_true(list[0] == 4 && list[1] == 5);
    assert_int_equal(match_ints(node, (struct ints){0}, 1, list, 1), -1);
    assert_int_equal(match_ints(node, (struct ints){many, 3}, -1, list, 2), -1);
    assert_int_equal(match_ints(node, (struct ints){0}, 0, list, 2), -1);
    assert_int_equal(match_ints(node, (struct ints){0}, 2, list, 2), -1);
    const struct node *real = apply(&test, &sum, test.x, number(&test, 1))->producer;
    assert_int_equal(match_ints(real, (struct ints){0}, 1, list, 2), -1);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_operands),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
