/* What is counted as a parameter. */
#include <stdlib.h>

#include "head_fixture.h"

#include "analysis/cost.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statistics_are_no_parameters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
