/* Transpose on small tensors, against values worked out by index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "op/emit.h"
#include "op/evaluate.h"

static void test_transpose_by_index(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 2}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct value *x = graph_add_value(graph, "x", &error);
    const int64_t dims[3] = {2, 3, 4}, perm[3] = {2, 0, 1};
    x->dtype = DTYPE_INT64;
    assert_int_equal(shape_set(&x->shape, 3, dims, &error), 0);
    struct value *y = emit(graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, 3)), &error);
    assert_non_null(y);
    int64_t elements[24];
    for (int i = 0; i < 24; i++)
        elements[i] = i;
    const struct tensor input = {DTYPE_INT64, x->shape, elements}, *inputs[1] = {&input};
    struct tensor output;
    assert_int_equal(evaluate_node(context, y->producer, inputs, &output, &error), 0);
    for (int64_t a = 0; a < 4; a++) {
        for (int64_t b = 0; b < 2; b++) {
            for (int64_t c = 0; c < 3; c++)
                assert_int_equal(tensor_int(&output, (a * 2 + b) * 3 + c), (b * 3 + c) * 4 + a);
        }
    }
    tensor_release(context->memory, &output);
    const int64_t twice[3] = {0, 0, 1};
    assert_null(emit(graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", twice, 3)), &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transpose_by_index)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
