#include "analysis/uniform_norm.h"

#include <math.h>

#include "graph/match.h"

#define UNIFORM 1e-6 /* largest difference between weights, relative */

static bool is_uniform(const struct value *weights)
{
    const struct tensor *tensor = weights && weights->constant ? constant_data(weights->constant, NULL) : NULL;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int64_t i = 0; tensor && i < shape_count(&tensor->shape); i++) {
        low = fmin(low, tensor_number(tensor, i));
        high = fmax(high, tensor_number(tensor, i));
    }
    return tensor && high - low <= UNIFORM * fmax(fabs(low), fabs(high));
}

/* The operand beside a constant in a node of this kind; `value` itself where there is no such node. */
static const struct value *without_constant(const struct value *value, const char *op_type, bool *uniform)
{
    const struct node *node = match_producer(value, op_type);
    for (int i = 0; node && i < 2; i++) {
        if (node->inputs[i]->constant) {
            *uniform = is_uniform(node->inputs[i]);
            return node->inputs[1 - i];
        }
    }
    *uniform = true;
    return value;
}

struct value *uniform_norm_input(const struct value *value)
{
    bool uniform, ignored;
    const struct node *norm = match_producer(value, "LayerNormalization");
    if (norm)
        return is_uniform(norm->inputs[1]) ? norm->inputs[0] : NULL;
    const struct value *scaled = without_constant(value, "Add", &ignored);
    const struct value *quotient = without_constant(scaled, "Mul", &uniform);
    const struct node *divide = match_producer(quotient, "Div");
    const struct node *root = divide ? match_producer(divide->inputs[1], "Sqrt") : NULL;
    const struct node *difference = divide ? match_producer(divide->inputs[0], "Sub") : NULL;
    const struct node *mean = difference ? match_producer(difference->inputs[1], "ReduceMean") : NULL;
    return uniform && root && mean && mean->inputs[0] == difference->inputs[0] ? mean->inputs[0] : NULL;
}
