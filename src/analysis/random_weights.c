#include "analysis/random_weights.h"

#include "base/random.h"
#include "graph/operator.h"

#define WEIGHT_STREAM 0x77656967 /* apart from other uses of the seed */

/* The last input that holds a node's weights; -1: it has none. */
static int weight_input(const struct node *node)
{
    int input = node->input_count - 1;
    for (; input >= 0; input--) {
        const struct value *value = node->inputs[input];
        if (value && node_role(node, input) == ROLE_WEIGHT && value->constant && value->shape.rank >= 2 &&
            dtype_is_float(value->dtype))
            break;
    }
    return input;
}

int random_weights(struct graph *graph, uint64_t seed, int *changed, struct error *error)
{
    struct random random = {.seed = seed, .stream = WEIGHT_STREAM};
    *changed = 0;
    for (struct node *node = graph->first; node; node = node->next) {
        int input = weight_input(node);
        struct tensor *weights = input < 0 ? NULL : node_own_constant(node, input, error);
        if (input >= 0 && !weights)
            return -1;
        for (int64_t i = weights ? shape_count(&weights->shape) - 1 : 0; i > 0; i--) {
            int64_t j = random_below(&random, (uint32_t)i + 1);
            double kept = tensor_number(weights, i);
            tensor_set_number(weights, i, tensor_number(weights, j));
            tensor_set_number(weights, j, kept);
        }
        *changed += weights != NULL;
    }
    return 0;
}
