/* Integers that quantisation makes carry gradients through all that moves, chooses or adds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "op/emit.h"
#include "pass/differentiate.h"

struct test {
    struct error error;
    struct context *context;
    struct graph *graph;
    struct value *quantised, *indices; /* int8 [2,4]; int64 [2,4] of zeros */
};

typedef struct value *make_case(struct test *test);

#define LIST(...)                                                                                                      \
    emit_int_list(test->graph, ((int64_t[]){__VA_ARGS__}), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),         \
                  &test->error)
#define CASE(name_, op_type_, inputs_, attributes_)                                                                    \
    static struct value *name_(struct test *test)                                                                      \
    {                                                                                                                  \
        struct value *q = test->quantised;                                                                             \
        return emit(test->graph, op_type_, inputs_, attributes_, &test->error);                                        \
    }
#define AXIS(axis_) EMIT_ATTRIBUTES(EMIT_INT("axis", axis_))

static struct value *bounds(struct test *test)
{
    return emit_filled(test->graph, DTYPE_INT8, &test->quantised->shape, 3, &test->error);
}

CASE(reshaped, "Reshape", EMIT_INPUTS(q, LIST(4, 2)), EMIT_NO_ATTRIBUTES)
CASE(transposed, "Transpose", EMIT_INPUTS(q), EMIT_NO_ATTRIBUTES)
CASE(gathered, "Gather", EMIT_INPUTS(q, LIST(1, 1)), AXIS(1))
CASE(picked, "GatherElements", EMIT_INPUTS(q, test->indices), AXIS(1))
CASE(tiled, "Tile", EMIT_INPUTS(q, LIST(1, 2)), EMIT_NO_ATTRIBUTES)
CASE(padded, "Pad", EMIT_INPUTS(q, LIST(0, 1, 0, 1)), EMIT_NO_ATTRIBUTES)
CASE(joined, "Concat", EMIT_INPUTS(q, q), AXIS(0))
CASE(scattered, "ScatterElements", EMIT_INPUTS(q, test->indices, bounds(test)), AXIS(1))
CASE(reduced, "ReduceMax", EMIT_INPUTS(q, LIST(1)), EMIT_NO_ATTRIBUTES)
CASE(larger, "Max", EMIT_INPUTS(q, bounds(test)), EMIT_NO_ATTRIBUTES)
CASE(shifted, "Sub", EMIT_INPUTS(q, bounds(test)), EMIT_NO_ATTRIBUTES)
CASE(summed, "Add", EMIT_INPUTS(q, q), EMIT_NO_ATTRIBUTES)

static struct value *chosen(struct test *test)
{
    struct value *small = emit(test->graph, "Less", EMIT_INPUTS(test->quantised, bounds(test)), NULL, 0, &test->error);
    return emit(test->graph, "Where", EMIT_INPUTS(small, test->quantised, bounds(test)), NULL, 0, &test->error);
}

/* The first of two parts: nothing is known of the other. */
static struct value *part(struct test *test)
{
    struct value *parts[2];
    int failed =
        emit_many(test->graph, "Split", EMIT_INPUTS(test->quantised, LIST(1, 3)), AXIS(1), parts, 2, &test->error);
    return failed ? NULL : parts[0];
}

static struct value *largest(struct test *test)
{
    struct value *found[2];
    int failed = emit_many(test->graph, "TopK", EMIT_INPUTS(test->quantised, LIST(2)), AXIS(1), found, 2, &test->error);
    return failed ? NULL : found[0];
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        make_case *make;
    } cases[] = {
        {"Reshape", reshaped},  {"Transpose", transposed}, {"Gather", gathered}, {"GatherElements", picked},
        {"Tile", tiled},        {"Pad", padded},           {"Concat", joined},   {"ScatterElements", scattered},
        {"ReduceMax", reduced}, {"Max", larger},           {"Sub", shifted},     {"Add", summed},
        {"Where", chosen},      {"Split", part},           {"TopK", largest}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test test = {.error = ERROR_INITIALISER};
        struct error *error = &test.error;
        test.context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_PORTABLE}, error);
        test.graph = graph_create(test.context, NULL, "test", error);
        struct value *x = graph_add_value(test.graph, "x", error), *gradient = NULL;
        assert_int_equal(graph_add_input(test.graph, x, error), 0);
        x->dtype = DTYPE_FLOAT;
        x->shape = (struct shape){2, {2, 4}};
        struct value *step = emit_scalar(test.graph, DTYPE_FLOAT, 0.05, error);
        struct value *zero = emit_scalar(test.graph, DTYPE_INT8, 0, error);
        test.quantised = emit(test.graph, "QuantizeLinear", EMIT_INPUTS(x, step, zero), NULL, 0, error);
        test.indices = emit_filled(test.graph, DTYPE_INT64, &x->shape, 0, error);
        struct value *made = cases[i].make(&test);
        struct value *y =
            made ? emit(test.graph, "DequantizeLinear", EMIT_INPUTS(made, step, zero), NULL, 0, error) : NULL;
        struct value *one = y ? emit_filled(test.graph, DTYPE_FLOAT, &y->shape, 1, error) : NULL;
        const struct gradient_seed seed = {y, one};
        if (!one || differentiate(test.graph, &seed, 1, &x, 1, &gradient, error) || !gradient)
            fail_msg("%s: %s", cases[i].name, error->message);
        assert_true(gradient->dtype == DTYPE_FLOAT && shape_equal(&gradient->shape, &x->shape));
        graph_destroy(test.graph);
        assert_int_equal(context_destroy(test.context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_integers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
