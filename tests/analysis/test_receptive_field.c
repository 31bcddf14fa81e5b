/* Receptive fields of the ResNets, as published (Araujo et al., Distill 2019; He et al.'s layers counted by hand), and
 * of GroupNorm in the forms that exporters write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/unit_grid.h"
#include "network_fixture.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "pass/pipeline.h"

struct opened {
    struct context *context;
    struct model *model;
    struct graph *graph;
};

static struct opened open_network(const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct opened opened = {.context = context_create(&(struct context_options){.threads = 1}, &error)};
    opened.model = model_load(opened.context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(opened.model->graph, &error);
    opened.graph = pipeline_run(opened.model, &(struct pipeline_request){.no_fusion = true}, &error);
    assert_string_equal(error.message, "");
    return opened;
}

static void close_network(const struct opened *opened)
{
    graph_destroy(opened->graph);
    model_destroy(opened->model);
    assert_int_equal(context_destroy(opened->context), 0);
}

static void check_network(const char *path, int64_t size, double stride, double centre, bool global)
{
    struct error error = ERROR_INITIALISER;
    struct opened opened = open_network(path);
    struct graph *graph = opened.graph;
    const struct value *last = NULL;
    for (const struct node *node = graph->first; node; node = node->next) {
        if (strcmp(node->op_type, "GlobalAveragePool") == 0)
            last = node->inputs[0];
    }
    assert_non_null(last);
    struct fovea_receptive_field field;
    struct field_sweep sweep;
    assert_int_equal(field_sweep_create_lawful(&sweep, graph, graph->inputs[0], &error), 0);
    assert_int_equal(receptive_field_of_value(&sweep, last, &field, &error), 0);
    field_sweep_release(&sweep);
    assert_int_equal(field.axes, 2);
    assert_true(field.local);
    assert_int_equal(field.global, global);
    assert_false(field.varies);
    for (int axis = 0; axis < 2; axis++) {
        assert_int_equal(field.size[axis], size);
        assert_true(field.stride[axis] == stride);
        assert_true(field.centre[axis] == centre);
    }
    close_network(&opened);
}

static void test_resnets(void **state)
{
    (void)state;
    check_network("tests/fixtures/receptive_field/resnet18.onnx", 435, 32, 0, false);
    check_network("tests/fixtures/receptive_field/resnet34.onnx", 899, 32, 0, false);
    check_network("tests/fixtures/receptive_field/resnet50.onnx", 427, 32, 0, false);
    check_network("tests/fixtures/receptive_field/resnet101.onnx", 971, 32, 0, false);
    check_network("tests/fixtures/receptive_field/resnet152.onnx", 1451, 32, 0, false);
}

/* The statistics are of whole maps, but each cell keeps its place through the Reshapes around them. */
static void test_group_normalization(void **state)
{
    (void)state;
    static const char *const forms[] = {"gn_operator_21",  "gn_instance",  "gn_decomposed",   "gn_layernorm",
                                        "gn_layernorm_14", "gn_one_group", "in_every_channel"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", forms[i]);
        check_network(path, 23, 4, 0, true);
    }
}

static void expect_equal_fields(const struct fovea_receptive_field *a, const struct fovea_receptive_field *b)
{
    assert_int_equal(a->axes, b->axes);
    assert_int_equal(a->local, b->local);
    assert_int_equal(a->varies, b->varies);
    assert_int_equal(a->global, b->global);
    for (int axis = 0; axis < 2; axis++) {
        assert_int_equal(a->size[axis], b->size[axis]);
        assert_true(a->stride[axis] == b->stride[axis] && a->centre[axis] == b->centre[axis]);
    }
}

/* Without laws, and nothing that was met before. */
static void forget(struct field_sweep *sweep)
{
    field_laws_release(&sweep->laws);
    field_memory_release(&sweep->met);
    sweep->laws = (struct field_laws){0};
    sweep->met = (struct field_memory){.memory = sweep->memory};
    sweep->visits = INT64_MAX;
}

/* Laws found in one walk and what earlier sweeps met tell of every value what following it back through the whole graph
 * tells; returns for how many following was needed all the same. */
static int check_laws(const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct opened opened = open_network(path);
    struct graph *graph = opened.graph;
    struct field_sweep plain, shared;
    assert_int_equal(field_sweep_create_lawful(&plain, graph, graph->inputs[0], &error), 0);
    assert_int_equal(field_sweep_create_lawful(&shared, graph, graph->inputs[0], &error), 0);
    int followed = 0;
    for (const struct node *node = graph->last; node; node = node->previous) {
        struct fovea_receptive_field field, expected;
        const struct value *value = node->outputs[0];
        forget(&plain);
        assert_int_equal(receptive_field_of_value(&plain, value, &expected, &error), 0);
        shared.visits = INT64_MAX;
        assert_int_equal(receptive_field_of_value(&shared, value, &field, &error), 0);
        expect_equal_fields(&field, &expected);
        followed += shared.visits < INT64_MAX;
    }
    field_sweep_release(&plain);
    field_sweep_release(&shared);
    close_network(&opened);
    return followed;
}

static void test_laws(void **state)
{
    (void)state;
    assert_int_equal(check_laws("tests/fixtures/receptive_field/resnet50.onnx"), 0);
    assert_true(check_laws("tests/fixtures/structures/gn_instance.onnx") > 0); /* Reshapes are followed */
    static const char *const others[] = {
        "feature_pyramid_bn", "deeplabv3_33", "lraspp",        "se_resnet_bn",    "maxvit",
        "mobilenet_v2_bn",    "swin_t",       "dropout_dense", "unet_bridge_sum", "strided_transposed"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", others[i]);
        check_laws(path);
    }
}

/* Blocks of attention without a prefix, their tokens a cut through the image that has no places. */
static struct graph *make_attentions(struct context *context, int blocks, struct error *error)
{
    struct graph *graph = graph_create(context, NULL, "test", error);
    struct value *x = add_image(graph, 3, 16, 16, error);
    const int64_t tokens[3] = {1, 12, 64}, square[2] = {64, 64}, swapped[3] = {0, 2, 1};
    struct value *w = random_constant(graph, 2, square, 1, error), *list = emit_int_list(graph, tokens, 3, error);
    x = emit(graph, "Reshape", EMIT_INPUTS(x, list), EMIT_NO_ATTRIBUTES, error);
    for (int i = 0; i < blocks; i++) {
        struct value *q = emit(graph, "MatMul", EMIT_INPUTS(x, w), EMIT_NO_ATTRIBUTES, error);
        struct value *k =
            emit(graph, "Transpose", EMIT_INPUTS(q), EMIT_ATTRIBUTES(EMIT_INTS("perm", swapped, 3)), error);
        struct value *scores = emit(graph, "MatMul", EMIT_INPUTS(q, k), EMIT_NO_ATTRIBUTES, error);
        scores = emit(graph, "Softmax", EMIT_INPUTS(scores), EMIT_NO_ATTRIBUTES, error);
        struct value *mixed = emit(graph, "MatMul", EMIT_INPUTS(scores, q), EMIT_NO_ATTRIBUTES, error);
        x = emit(graph, "Add", EMIT_INPUTS(x, mixed), EMIT_NO_ATTRIBUTES, error);
    }
    assert_int_equal(graph_add_output(graph, x, error), 0);
    return graph;
}

/* Asked of one layer after the other, the ways that they share are followed once. */
static void test_shared_ways(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    struct graph *graph = make_attentions(context, 500, &error);
    struct field_sweep sweep;
    assert_int_equal(field_sweep_create_lawful(&sweep, graph, graph->inputs[0], &error), 0);
    sweep.visits = graph->node_count * 1000;
    for (const struct node *node = graph->last; node; node = node->previous) {
        struct unit_grid grid;
        assert_int_equal(unit_grid_find(&sweep, node->outputs[0], &grid, &error), 0);
        assert_false(unit_grid_is_spatial(&grid));
    }
    field_sweep_release(&sweep);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

/* An image that comes without its batch is asked of where that has been put in front. */
static void test_input_within(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    const int64_t kernel[4] = {3, 3, 3, 3};
    struct value *image =
        emit(graph, "Relu", EMIT_INPUTS(add_image(graph, 3, 16, 16, &error)), EMIT_NO_ATTRIBUTES, &error);
    struct value *w = random_constant(graph, 4, kernel, 1, &error);
    struct value *made = emit(graph, "Conv", EMIT_INPUTS(image, w), EMIT_NO_ATTRIBUTES, &error);
    struct field_sweep sweep;
    struct fovea_receptive_field field;
    assert_int_equal(field_sweep_create_lawful(&sweep, graph, image, &error), 0);
    assert_int_equal(receptive_field_of_value(&sweep, made, &field, &error), 0);
    assert_true(field.local && !field.global);
    assert_int_equal(field.size[0], 3);
    field_sweep_release(&sweep);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resnets), cmocka_unit_test(test_group_normalization),
                                       cmocka_unit_test(test_laws), cmocka_unit_test(test_shared_ways),
                                       cmocka_unit_test(test_input_within)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
