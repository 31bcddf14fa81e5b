#include "analysis/random_weights.h"

#include "base/random.h"
#include "graph/operator.h"

#define WEIGHT_STREAM 0x77656967 /* apart from other uses of the seed */

static bool is_weight(const struct node *node, int input)
{
    const struct value *value = node->inputs[input];
    return value && node_role(node, input) == ROLE_WEIGHT && value->constant && value->shape.rank >= 2 &&
           dtype_is_float(value->dtype);
}

int random_weights(struct graph *graph, uint64_t seed, int *changed, struct error *error)
{
    struct random random = {.seed = seed, .stream = WEIGHT_STREAM};
    *changed = 0;
    for (struct node *node = graph->first; node; node = node->next) {
        bool any = false;
        for (int input = 0; input < node->input_count; input++) {
            struct tensor *weights = is_weight(node, input) ? node_own_constant(node, input, error) : NULL;
            if (is_weight(node, input) && !weights)
                return -1;
            for (int64_t i = weights ? shape_count(&weights->shape) - 1 : 0; i > 0; i--) {
                int64_t j = random_below(&random, (uint32_t)i + 1);
                double kept = tensor_number(weights, i);
                tensor_set_number(weights, i, tensor_number(weights, j));
                tensor_set_number(weights, j, kept);
            }
            any |= weights != NULL;
        }
        *changed += any;
    }
    return 0;
}
