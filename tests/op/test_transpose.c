/* Transpose on small tensors, against values worked out by index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/number.h"
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

/* The places of four axes in the order of `perm`, for every order, element by element. */
static void check_order(struct context *context, struct graph *graph, enum dtype dtype, const int64_t dims[4],
                        const int64_t perm[4])
{
    struct error error = ERROR_INITIALISER;
    struct value *x = graph_add_value(graph, NULL, &error);
    x->dtype = dtype;
    assert_int_equal(shape_set(&x->shape, 4, dims, &error), 0);
    struct value *y = emit(graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, 4)), &error);
    assert_non_null(y);
    struct tensor input = {dtype, x->shape, NULL}, output;
    const struct tensor *inputs[1] = {&input};
    int64_t count = shape_count(&x->shape), at = 0, place[4] = {0}, elements[12000];
    assert_true(count * 8 <= (int64_t)sizeof elements);
    input.data = elements;
    for (int64_t i = 0; i < count; i++)
        tensor_set_number(&input, i, (double)i);
    assert_int_equal(evaluate_node(context, y->producer, inputs, &output, &error), 0);
    for (; at < count; at++) {
        int64_t from = 0, rest = at;
        for (int i = 3; i >= 0; i--) {
            place[perm[i]] = rest % dims[perm[i]];
            rest /= dims[perm[i]];
        }
        for (int i = 0; i < 4; i++)
            from = from * dims[i] + place[i];
        assert_true(tensor_number(&output, at) == (double)from);
    }
    tensor_release(context->memory, &output);
}

static void test_orders(void **state)
{
    static const int64_t shapes[][4] = {{3, 1, 20, 17}, {5, 33, 2, 9}, {1, 96, 7, 16}, {2, 3, 40, 40}, {1, 1, 1, 5}};
    (void)state;
    for (int item = 0; item < 3 * 3; item++) {
        struct error error = ERROR_INITIALISER;
        const struct context_options options = {.threads = 1 + item % 3,
                                                .cpu = (enum cpu_level)int64_min(item / 3, cpu_detect())};
        struct context *context = context_create(&options, &error);
        struct graph *graph = graph_create(context, NULL, "test", &error);
        for (int order = 0; order < 256; order++) {
            const int64_t perm[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
            if ((1 << perm[0] | 1 << perm[1] | 1 << perm[2] | 1 << perm[3]) != 15)
                continue;
            for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
                check_order(context, graph, DTYPE_FLOAT, shapes[i], perm);
                check_order(context, graph, DTYPE_INT64, shapes[i], perm);
            }
        }
        graph_destroy(graph);
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transpose_by_index), cmocka_unit_test(test_orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
