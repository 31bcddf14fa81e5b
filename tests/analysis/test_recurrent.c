/* What the analyses make of a recurrent network behind a convolution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/random_weights.h"
#include "analysis/receptive_field.h"
#include "network_fixture.h"

#define D(...) ((const int64_t[]){__VA_ARGS__})

struct fixture {
    struct context *context;
    struct graph *graph;
    struct value *x, *map, *y; /* [1,2,4,9], [1,6,1,9], [9,1,1,5] */
    struct error error;
};

static void start(struct fixture *fixture)
{
    struct error *error = &fixture->error;
    *fixture = (struct fixture){.error = ERROR_INITIALISER};
    fixture->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, error);
    struct graph *graph = fixture->graph = graph_create(fixture->context, NULL, "test", error);
    fixture->x = add_image(graph, 2, 4, 9, error);
    fixture->map = emit(graph, "Conv", EMIT_INPUTS(fixture->x, random_constant(graph, 4, D(6, 2, 4, 1), 1, error)),
                        EMIT_NO_ATTRIBUTES, error);
    struct value *rows = emit(graph, "Squeeze", EMIT_INPUTS(fixture->map, emit_int_list(graph, D(2), 1, error)),
                              EMIT_NO_ATTRIBUTES, error);
    struct value *steps =
        emit(graph, "Transpose", EMIT_INPUTS(rows), EMIT_ATTRIBUTES(EMIT_INTS("perm", D(2, 0, 1), 3)), error);
    fixture->y = emit(graph, "LSTM",
                      EMIT_INPUTS(steps, random_constant(graph, 3, D(1, 20, 6), 2, error),
                                  random_constant(graph, 3, D(1, 20, 5), 3, error)),
                      EMIT_NO_ATTRIBUTES, error);
    assert_non_null(fixture->y);
    assert_int_equal(graph_add_output(graph, fixture->y, error), 0);
}

static void finish(struct fixture *fixture)
{
    graph_destroy(fixture->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Both matrices of the cell lose what they learned, and no number. */
static void test_random_weights(void **state)
{
    struct fixture fixture;
    float before[2][120];
    int changed;
    (void)state;
    start(&fixture);
    const struct node *lstm = fixture.y->producer;
    for (int i = 0; i < 2; i++) {
        const struct tensor *tensor = constant_data(lstm->inputs[1 + i]->constant, &fixture.error);
        memcpy(before[i], tensor->data, tensor_bytes(tensor));
    }
    assert_int_equal(random_weights(fixture.graph, 7, &changed, &fixture.error), 0);
    assert_int_equal(changed, 2);
    for (int i = 0; i < 2; i++) {
        struct tensor *tensor = node_own_constant(fixture.y->producer, 1 + i, &fixture.error);
        size_t count = (size_t)shape_count(&tensor->shape);
        assert_memory_not_equal(tensor->data, before[i], count * sizeof(float));
        qsort(tensor->data, count, sizeof(float), compare);
        qsort(before[i], count, sizeof(float), compare);
        assert_memory_equal(tensor->data, before[i], count * sizeof(float));
    }
    finish(&fixture);
}

/* Every step reads the whole line, through the states. */
static void test_field(void **state)
{
    struct fixture fixture;
    struct reads reads;
    (void)state;
    start(&fixture);
    const struct interval unit[] = {{3, 3}, {0, 0}, {0, 0}, {0, 4}};
    const struct interval cell[] = {{0, 0}, {0, 5}, {0, 0}, {3, 3}};
    assert_int_equal(receptive_field_reads(fixture.graph, fixture.y, unit, fixture.x, &reads, &fixture.error), 0);
    assert_true(reads.global);
    assert_false(reads.local);
    assert_int_equal(receptive_field_reads(fixture.graph, fixture.map, cell, fixture.x, &reads, &fixture.error), 0);
    assert_false(reads.global);
    assert_int_equal(reads.axes[3].low, 3);
    assert_int_equal(reads.axes[3].high, 3);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_weights), cmocka_unit_test(test_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
