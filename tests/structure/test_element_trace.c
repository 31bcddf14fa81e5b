/* Elements are traced to the very ones they are copies of: held against what the operators compute of a tensor whose
 * elements say where they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "op/emit.h"
#include "pass/passes.h"
#include "structure/element_trace.h"

static struct value *number_places(struct graph *graph, const struct shape *shape)
{
    struct tensor tensor = {.dtype = DTYPE_FLOAT, .shape = *shape};
    assert_int_equal(tensor_allocate(graph->context->memory, &tensor, NULL), 0);
    for (int64_t i = 0; i < shape_count(shape); i++)
        tensor_set_number(&tensor, i, (double)i);
    return graph_add_constant(graph, constant_create(graph->context->memory, &tensor, NULL), NULL);
}

static void check_trace(const char *op_type, const struct shape *shape, const struct emit_attribute *attributes,
                        int count)
{
    struct context *context = context_create(&(struct context_options){.threads = 1}, NULL);
    struct graph *graph = graph_create(context, NULL, "test", NULL);
    struct value *x = graph_add_value(graph, "x", NULL), *places = number_places(graph, shape);
    struct element_tracer tracer;
    x->dtype = DTYPE_FLOAT;
    x->shape = *shape;
    assert_int_equal(graph_add_input(graph, x, NULL), 0);
    struct value *moved = emit(graph, op_type, EMIT_INPUTS(x), attributes, count, NULL);
    struct node *tail = graph->last;
    struct value *known = emit(graph, op_type, EMIT_INPUTS(places), attributes, count, NULL);
    assert_true(moved && known && pass_fold_new(graph, tail, NULL) == 0 && known->constant);
    const struct tensor *tensor = constant_data(known->constant, NULL);
    assert_int_equal(element_tracer_create(&tracer, graph, NULL), 0);
    for (int64_t i = 0; i < shape_count(&moved->shape); i++) {
        struct element element = element_at(moved, i), operand;
        bool one;
        assert_int_equal(element_operand(&tracer, &element, 0, &operand, &one, NULL), 0);
        assert_true(one && operand.value == x);
        assert_int_equal(element_flat(&operand), (int64_t)tensor_number(tensor, i));
    }
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

static void test_moves(void **state)
{
    (void)state;
    static const int64_t perm[] = {2, 0, 3, 1};
    const struct shape map = {.rank = 4, .dims = {2, 8, 4, 6}};
    const struct emit_attribute dcr[] = {EMIT_INT("blocksize", 2)};
    const struct emit_attribute crd[] = {EMIT_INT("blocksize", 2), EMIT_STRING("mode", "CRD")};
    const struct emit_attribute turn[] = {EMIT_INTS("perm", perm, 4)};
    check_trace("Transpose", &map, turn, 1);
    check_trace("SpaceToDepth", &map, dcr, 1);
    check_trace("DepthToSpace", &map, dcr, 1);
    check_trace("DepthToSpace", &map, crd, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
