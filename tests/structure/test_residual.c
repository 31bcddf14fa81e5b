/* Residual blocks of long graphs: each is found, in time and memory that follow the number of nodes, and sums of what
 * lies far apart do not keep the search going. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "op/emit.h"
#include "structure/dominators.h"
#include "structure/residual.h"

struct test {
    struct context *context;
    struct graph *graph;
    struct value *x, *weight;
    int notes;
};

static void count_note(void *user, const char *text)
{
    (void)text;
    ++*(int *)user;
}

static void start(struct test *test)
{
    memset(test, 0, sizeof *test);
    test->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_PORTABLE}, NULL);
    assert_non_null(test->context);
    test->context->report_note = count_note;
    test->context->note_user = &test->notes;
    test->graph = graph_create(test->context, NULL, "test", NULL);
    assert_non_null(test->graph);
    test->x = graph_add_value(test->graph, "x", NULL);
    test->x->dtype = DTYPE_FLOAT;
    test->x->shape = (struct shape){.rank = 4, .dims = {1, 2, 4, 4}};
    assert_int_equal(graph_add_input(test->graph, test->x, NULL), 0);
    test->weight = emit_filled(test->graph, DTYPE_FLOAT, &(struct shape){.rank = 4, .dims = {2, 2, 1, 1}}, 1, NULL);
    assert_non_null(test->weight);
}

static void end(struct test *test)
{
    graph_destroy(test->graph);
    assert_int_equal(context_destroy(test->context), 0);
}

static struct value *apply(struct test *test, const char *op_type, struct value *a, struct value *b)
{
    struct value *made = emit(test->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, NULL);
    assert_non_null(made);
    return made;
}

static int find(struct test *test)
{
    struct residual_list list;
    assert_int_equal(residual_find(test->graph, &list, NULL), 0);
    return list.count;
}

/* v + conv(v), again and again. */
static void test_long_chain(void **state)
{
    (void)state;
    enum { BLOCKS = 4000 };
    struct test test;
    start(&test);
    struct value *value = test.x;
    for (int i = 0; i < BLOCKS; i++)
        value = apply(&test, "Add", value, apply(&test, "Conv", value, test.weight));
    assert_int_equal(find(&test), BLOCKS);
    assert_int_equal(test.notes, 0);
    end(&test);
}

/* x + conv(all that came before): ways as long as the graph. Bytes that the search leaves in the arena. */
static size_t bytes_of_long_ways(int sums, int *notes)
{
    struct test test;
    start(&test);
    struct value *value = test.x;
    for (int i = 0; i < sums; i++)
        value = apply(&test, "Add", test.x, apply(&test, "Conv", value, test.weight));
    size_t before = memory_in_use(test.context->memory);
    int found = find(&test);
    assert_true(found > 0 && found <= sums);
    *notes = test.notes;
    size_t bytes = memory_in_use(test.context->memory) - before;
    end(&test);
    return bytes;
}

static void test_long_ways(void **state)
{
    (void)state;
    int notes;
    bytes_of_long_ways(500, &notes);
    assert_int_equal(notes, 0);
    assert_true(bytes_of_long_ways(8000, &notes) < (size_t)100 << 20);
    assert_int_equal(notes, 1); /* what is not looked for is said */
    assert_true(bytes_of_long_ways(16000, &notes) < (size_t)100 << 20);
    assert_int_equal(notes, 1);
}

static const struct node *naive_common(const struct dominators *dominators, int a, int b)
{
    while (a != b) {
        int *later = a > b ? &a : &b;
        *later = dominators->immediate[*later];
    }
    return a < 0 ? NULL : dominators->nodes[a];
}

/* Chains whose nodes read one of the last few values, too, or any one. */
static void test_dominators(void **state)
{
    (void)state;
    enum { NODES = 600 };
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct test test;
        struct value *values[NODES + 1];
        struct random random = {.seed = seed};
        start(&test);
        values[0] = test.x;
        for (int i = 0; i < NODES; i++) {
            uint32_t back = random_below(&random, 100) == 0 ? (uint32_t)i + 1 : (uint32_t)(i < 5 ? i + 1 : 5);
            values[i + 1] = apply(&test, "Add", values[i], values[i - (int)random_below(&random, back)]);
        }
        struct dominators dominators;
        assert_int_equal(dominators_find(&dominators, test.graph, NULL), 0);
        for (int i = 0; i < 5000; i++) {
            const struct node *a = dominators.nodes[random_below(&random, NODES)];
            const struct node *b = dominators.nodes[random_below(&random, NODES)];
            assert_ptr_equal(dominators_common(&dominators, a, b), naive_common(&dominators, a->mark, b->mark));
        }
        dominators_release(&dominators);
        end(&test);
    }
}

/* Lists of outputs and of a node's inputs that grow one by one take memory by their length. */
static size_t bytes_of_lists(int length)
{
    struct test test;
    start(&test);
    struct value *value = apply(&test, "Relu", test.x, NULL);
    for (int i = 0; i < length; i++) {
        assert_int_equal(graph_add_output(test.graph, value, NULL), 0);
        assert_int_equal(node_add_input(value->producer, test.x, NULL), 0);
    }
    assert_ptr_equal(test.graph->outputs[length - 1], value);
    assert_ptr_equal(value->producer->inputs[length], test.x);
    size_t bytes = memory_in_use(test.context->memory);
    end(&test);
    return bytes;
}

static void test_lists_grow(void **state)
{
    (void)state;
    assert_true(bytes_of_lists(40000) < 5 * bytes_of_lists(10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_long_ways),
        cmocka_unit_test(test_dominators),
        cmocka_unit_test(test_lists_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
