/* Which layer belongs to a value that is scored, in networks of several branches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/probe.h"
#include "network_fixture.h"
#include "op/emit.h"

#define SIDE 16

static struct value *convolve(struct graph *graph, struct value *x, int64_t outputs, int64_t side, int64_t stride,
                              struct error *error)
{
    const int64_t kernel[4] = {outputs, x->shape.dims[1], side, side}, strides[2] = {stride, stride};
    const int64_t pads[4] = {side / 2, side / 2, side / 2, side / 2};
    struct value *w = random_constant(graph, 4, kernel, 1, error);
    return emit(graph, "Conv", EMIT_INPUTS(x, w),
                EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2), EMIT_INTS("pads", pads, 4)), error);
}

static struct value *in_shape(struct graph *graph, struct value *x, const int64_t *dims, int rank, struct error *error)
{
    struct value *list = emit_int_list(graph, dims, rank, error);
    return emit(graph, "Reshape", EMIT_INPUTS(x, list), EMIT_NO_ATTRIBUTES, error);
}

/* Two levels, each with boxes of 4 channels and a classifier; all anchors of both in one row [1,4,A] and [1,K,A]. */
struct levels {
    struct value *features[2], *classes[2], *sides, *scores;
};

static struct graph *make_levels(struct context *context, struct levels *levels, struct error *error)
{
    struct graph *graph = graph_create(context, NULL, "test", error);
    struct value *x = add_image(graph, 3, SIDE, SIDE, error), *rows[2], *boxes[2];
    for (int i = 0; i < 2; i++) {
        x = emit(graph, "Relu", EMIT_INPUTS(convolve(graph, x, 6, 3, 2, error)), EMIT_NO_ATTRIBUTES, error);
        const int64_t cells = x->shape.dims[2] * x->shape.dims[3], own[3] = {1, 5, cells}, four[3] = {1, 4, cells};
        levels->features[i] = x;
        levels->classes[i] = name_value(graph, convolve(graph, x, 5, 1, 1, error), i ? "second" : "first", error);
        rows[i] = in_shape(graph, levels->classes[i], own, 3, error);
        boxes[i] = in_shape(graph, convolve(graph, x, 4, 1, 1, error), four, 3, error);
    }
    struct value *all = emit(graph, "Concat", boxes, 2, EMIT_ATTRIBUTES(EMIT_INT("axis", 2)), error);
    const int64_t flat[4] = {1, 1, 4, all->shape.dims[2]};
    levels->sides = emit(graph, "Relu", EMIT_INPUTS(in_shape(graph, all, flat, 4, error)), EMIT_NO_ATTRIBUTES, error);
    levels->scores = emit(graph, "Concat", rows, 2, EMIT_ATTRIBUTES(EMIT_INT("axis", 2)), error);
    assert_int_equal(graph_add_output(graph, levels->sides, error) || graph_add_output(graph, levels->scores, error),
                     0);
    return graph;
}

static void test_the_layer_feeds_the_target(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct levels levels;
    struct model model = {.context = context, .path = "test", .graph = make_levels(context, &levels, &error)};
    for (int i = 0; i < 2; i++) {
        struct probe probe;
        const struct probe_request request = {.target = levels.classes[i]->name,
                                              .kind = FOVEA_SCORE_CLASS,
                                              .place = FOVEA_PLACE_AUTO,
                                              .source = PROBE_ACTIVATION,
                                              .unit = {-1, -1}};
        assert_int_equal(probe_create(&probe, &model, &request, &error), 0);
        assert_string_equal(probe.source, levels.features[i]->name);
        probe_destroy(&probe);
    }
    graph_destroy(model.graph);
    assert_int_equal(context_destroy(context), 0);
}

/* Neither the sides of boxes beside anchors nor the anchors of two levels in a row are places of the image. */
static void test_anchors_are_no_map(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct levels levels;
    struct model model = {.context = context, .path = "test", .graph = make_levels(context, &levels, &error)};
    struct probe probe;
    const struct probe_request request = {
        .kind = FOVEA_SCORE_MEAN, .source = PROBE_IMAGE, .place = FOVEA_PLACE_UNIT, .unit = {-1, -1}};
    assert_int_equal(probe_create(&probe, &model, &request, &error), 0);
    assert_int_equal(probe.target_grid.layout, UNITS_MAP);
    assert_string_not_equal(probe.target, levels.sides->name);
    assert_int_equal(probe.target_grid.height, SIDE / 4);
    probe_destroy(&probe);
    graph_destroy(model.graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_layer_feeds_the_target),
                                       cmocka_unit_test(test_anchors_are_no_map)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
