/* Position embeddings and relative biases: found, measured, put in disorder. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/position_maps.h"
#include "network_fixture.h"

enum { GRID = 6, PATCH = 4, CHANNELS = 8, TOKENS = GRID * GRID, OFFSETS = 2 * GRID - 1 };

struct fixture {
    struct context *context;
    struct graph *graph;
    struct value *x, *positions, *bias;
    struct error error;
};

static double bias_of(int64_t dy, int64_t dx)
{
    return 3 * exp(-(double)(dy * dy + dx * dx) / (2 * 1.5 * 1.5));
}

/* Patches, positions, one attention with a relative bias and a mask that must not be taken for one. */
static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.error = ERROR_INITIALISER};
    struct error *error = &fixture->error;
    fixture->context = context_create(&(struct context_options){.threads = 1}, error);
    struct graph *graph = fixture->graph = graph_create(fixture->context, NULL, "test", error);
    fixture->x = add_image(graph, 3, GRID * PATCH, GRID * PATCH, error);
    const int64_t kernel[4] = {CHANNELS, 3, PATCH, PATCH}, strides[2] = {PATCH, PATCH}, order[3] = {0, 2, 1};
    const int64_t tokens[3] = {1, CHANNELS, TOKENS}, rows[2] = {TOKENS, CHANNELS}, keys[3] = {0, 2, 1};
    const struct shape square = {.rank = 4, .dims = {1, 1, TOKENS, TOKENS}};
    struct value *w = random_constant(graph, 4, kernel, 1, error);
    fixture->positions = random_constant(graph, 2, rows, 2, error);
    fixture->bias = emit_filled(graph, DTYPE_FLOAT, &square, 0, error);
    struct value *mask = emit_filled(graph, DTYPE_FLOAT, &square, 0, error);
    float *numbers = fixture->bias->constant->tensor.data;
    for (int64_t i = 0; i < (int64_t)TOKENS * TOKENS; i++) {
        int64_t q = i / TOKENS, k = i % TOKENS;
        numbers[i] = (float)bias_of(k / GRID - q / GRID, k % GRID - q % GRID);
        ((float *)mask->constant->tensor.data)[i] = q < TOKENS / 2 && k >= TOKENS / 2 ? -100 : 0;
    }
    struct value *y =
        emit(graph, "Conv", EMIT_INPUTS(fixture->x, w), EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2)), error);
    y = emit(graph, "Reshape", EMIT_INPUTS(y, emit_int_list(graph, tokens, 3, error)), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "Transpose", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 3)), error);
    y = emit(graph, "Add", EMIT_INPUTS(y, fixture->positions), EMIT_NO_ATTRIBUTES, error);
    struct value *t = emit(graph, "Transpose", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INTS("perm", keys, 3)), error);
    struct value *a = emit(graph, "MatMul", EMIT_INPUTS(y, t), EMIT_NO_ATTRIBUTES, error);
    a = emit(graph, "Add", EMIT_INPUTS(fixture->bias, a), EMIT_NO_ATTRIBUTES, error);
    a = emit(graph, "Add", EMIT_INPUTS(a, mask), EMIT_NO_ATTRIBUTES, error);
    a = emit(graph, "Softmax", EMIT_INPUTS(a), EMIT_ATTRIBUTES(EMIT_INT("axis", -1)), error);
    a = emit(graph, "MatMul", EMIT_INPUTS(a, y), EMIT_NO_ATTRIBUTES, error);
    assert_non_null(a);
    assert_int_equal(graph_add_output(graph, a, error), 0);
}

static void finish(struct fixture *fixture)
{
    graph_destroy(fixture->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

static void positions_are_found_and_measured(void **state)
{
    (void)state;
    struct fixture fixture;
    struct patch_embedding embedding;
    struct attention_list list;
    double similarity[TOKENS], map[OFFSETS * OFFSETS];
    int64_t window[2], prefix;
    start(&fixture);
    patch_embedding_find(fixture.graph, fixture.x, &embedding);
    assert_ptr_equal(embedding.position, fixture.positions);
    assert_int_equal(embedding.patch[0], PATCH);
    assert_int_equal(embedding.grid[1], GRID);
    assert_int_equal(embedding.prefix, 0);
    assert_int_equal(position_similarity(&embedding, similarity, &fixture.error), 0);
    const int centre = (GRID - 1) / 2 * GRID + (GRID - 1) / 2;
    const float *rows = fixture.positions->constant->tensor.data;
    double ab = 0, aa = 0, bb = 0;
    for (int c = 0; c < CHANNELS; c++) {
        double a = (double)rows[centre * CHANNELS + c], b = (double)rows[7 * CHANNELS + c];
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    assert_true(fabs(similarity[centre] - 1) < 1e-12 && fabs(similarity[7] - ab / sqrt(aa * bb)) < 1e-12);
    assert_int_equal(attention_find(fixture.graph, &list, &fixture.error), 0);
    assert_int_equal(list.count, 1);
    assert_ptr_equal(list.sites[0].bias, fixture.bias);
    assert_true(position_window(&list.sites[0], window, &prefix));
    assert_int_equal(window[0], GRID);
    assert_int_equal(prefix, 0);
    assert_int_equal(position_bias_map(&list.sites[0], window, prefix, map, &fixture.error), 0);
    for (int i = 0; i < OFFSETS * OFFSETS; i++)
        assert_true(fabs(map[i] - bias_of(i / OFFSETS - GRID + 1, i % OFFSETS - GRID + 1)) < 1e-6);
    finish(&fixture);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void check_permuted(const struct value *before, const struct value *after)
{
    int64_t count = shape_count(&before->shape);
    float *a = malloc((size_t)count * sizeof *a), *b = malloc((size_t)count * sizeof *b);
    assert_ptr_not_equal(before, after);
    memcpy(a, before->constant->tensor.data, (size_t)count * sizeof *a);
    memcpy(b, after->constant->tensor.data, (size_t)count * sizeof *b);
    assert_memory_not_equal(a, b, (size_t)count * sizeof *a);
    qsort(a, (size_t)count, sizeof *a, compare_floats);
    qsort(b, (size_t)count, sizeof *b, compare_floats);
    if (before->shape.rank == 2)
        assert_memory_equal(a, b, (size_t)count * sizeof *a);
    free(a);
    free(b);
}

static void disorder_keeps_the_numbers(void **state)
{
    (void)state;
    struct fixture fixture;
    struct patch_embedding embedding;
    struct attention_list list;
    int changed;
    start(&fixture);
    assert_int_equal(position_randomise(fixture.graph, fixture.x, 3, &changed, &fixture.error), 0);
    assert_int_equal(changed, 2);
    assert_int_equal(graph_verify(fixture.graph, &fixture.error), 0);
    patch_embedding_find(fixture.graph, fixture.x, &embedding);
    assert_int_equal(attention_find(fixture.graph, &list, &fixture.error), 0);
    check_permuted(fixture.positions, embedding.position);
    check_permuted(fixture.bias, list.sites[0].bias);
    /* All pairs of one offset still share one number. */
    const float *bias = list.sites[0].bias->constant->tensor.data;
    for (int64_t q = 0; q + GRID + 1 < TOKENS; q++) {
        if (q % GRID != GRID - 1)
            assert_true(bias[q * TOKENS + q + GRID + 1] == bias[GRID + 1] && bias[q * TOKENS + q] == bias[0]);
    }
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_found_and_measured),
        cmocka_unit_test(disorder_keeps_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
