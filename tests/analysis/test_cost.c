/* What is counted as a parameter. */
#include <stdlib.h>

#include "head_fixture.h"

#include "analysis/cost.h"
#include "op/registry.h"

static void statistics_are_no_parameters(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct form form;
    begin(&form, &error);
    struct builder *b = &form.builder;
    const int64_t channels = 5;
    struct value *shared[5] = {convolve(b, add_image(b->graph, 3, SIDE, SIDE, &error), channels, 3, 1)};
    for (int i = 1; i < 5; i++)
        shared[i] = random_constant(b->graph, 1, &channels, b->seed++, &error);
    struct value *y = emit(b->graph, "BatchNormalization", shared, 5, NO_ATTRIBUTES, &error);
    shared[0] = y; /* again with the same tensors: nothing new */
    y = emit(b->graph, "BatchNormalization", shared, 5, NO_ATTRIBUTES, &error);
    assert_int_equal(graph_add_output(b->graph, y, &error), 0);
    bool *counted = calloc((size_t)b->graph->value_count, sizeof *counted);
    int64_t parameters = 0;
    size_t bytes = 0;
    for (const struct node *node = b->graph->first; node; node = node->next)
        parameters += cost_parameters(node, counted, &bytes);
    assert_int_equal(parameters, channels * 3 * 3 * 3 + channels + 2 * channels);
    assert_int_equal(bytes, (size_t)(parameters + 2 * channels) * sizeof(float));
    free(counted);
    end(&form);
}

/* Long sums of integers are multiplied in two parts; the model has one product. */
static void parts_of_a_product_count_once(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    const int64_t channels = 300;
    const struct shape shape = {.rank = 4, .dims = {7, channels, 1, 1}};
    struct form form;
    begin(&form, &error);
    struct builder *b = &form.builder;
    struct value *parts[3], *image = add_image(b->graph, channels, SIDE, SIDE, &error);
    struct value *weights = emit_filled(b->graph, DTYPE_UINT8, &shape, 3, &error);
    assert_int_equal(
        emit_many(b->graph, "DynamicQuantizeLinear", EMIT_INPUTS(image), EMIT_NO_ATTRIBUTES, parts, 3, &error), 0);
    struct value *y =
        emit(b->graph, "ConvInteger", EMIT_INPUTS(parts[0], weights, parts[2]), EMIT_NO_ATTRIBUTES, &error);
    assert_int_equal(graph_add_output(b->graph, y, &error), 0);
    struct pipeline_request request = {.no_fusion = true};
    struct graph *lowered = pipeline_run(&form.model, &request, &error);
    assert_non_null(lowered);
    int64_t macs = 0;
    int products = 0;
    for (const struct node *node = lowered->first; node; node = node->next) {
        products += node_has(node, OPERATOR_PRODUCT);
        macs += cost_is_repeated(node) ? 0 : cost_macs(node);
    }
    assert_int_equal(products, 2);
    assert_int_equal(macs, 7 * channels * SIDE * SIDE);
    graph_destroy(lowered);
    end(&form);
}

/* Four weights of two bits in a byte, sixteen of a row a block. */
static void packed_weights_are_parameters(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    const struct shape codes = {.rank = 3, .dims = {6, 2, 4}}, scales = {.rank = 1, .dims = {12}};
    struct form form;
    begin(&form, &error);
    struct graph *graph = form.builder.graph;
    struct value *image = add_image(graph, 2, SIDE, 32, &error);
    struct value *weights = emit_filled(graph, DTYPE_UINT8, &codes, 0, &error);
    struct node *node = graph_add_node(graph, "com.microsoft", "MatMulNBits", "product", 3, 1, &error);
    assert_non_null(node);
    assert_int_equal(node_set_int(node, "K", 32, &error) | node_set_int(node, "N", 6, &error) |
                         node_set_int(node, "bits", 2, &error) | node_set_int(node, "block_size", 16, &error),
                     0);
    assert_int_equal(operator_resolve(node, 1, &error), 0);
    struct value *inputs[] = {image, weights, emit_filled(graph, DTYPE_FLOAT, &scales, 1, &error)};
    for (int i = 0; i < 3; i++)
        assert_int_equal(node_set_input(node, i, inputs[i], &error), 0);
    bool counted[64] = {0};
    size_t bytes = 0;
    assert_int_equal(cost_parameters(node, counted, &bytes), 6 * 32 + 12);
    end(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(packed_weights_are_parameters),
                                       cmocka_unit_test(statistics_are_no_parameters),
                                       cmocka_unit_test(parts_of_a_product_count_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
