#include "pass/held.h"

#include "graph/match.h"
#include "op/emit.h"

/* Roles that count as constants beside the data: statistics, slopes, places, denominators, what steers. */
static bool is_coefficient(const struct node *node, int input)
{
    static const bool roles[] = {
        [ROLE_SCALE] = true,   [ROLE_VARIANCE] = true, [ROLE_SLOPE] = true, [ROLE_DIVISOR] = true,
        [ROLE_INDICES] = true, [ROLE_QUANTUM] = true,  [ROLE_MASK] = true,  [ROLE_CONTROL] = true};
    enum operand_role role = node_role(node, input);
    if (role == ROLE_KEY)
        return true;
    return (size_t)role < sizeof roles && roles[role] && !node->inputs[0]->constant;
}

/* Nodes looked at behind one factor: gates are near. */
#define MOST_STEPS 64

/* That of the weakest operand that is no constant. */
static enum gate_rank rank_of(const struct value *value, int *steps)
{
    const struct node *node = value->producer;
    if (!node || !node->definition || --*steps < 0)
        return GATE_NONE;
    enum gate_rank rank = node->definition->gate;
    if (rank != GATE_OF_OPERANDS)
        return rank;
    if (node->input_count > 1 && node_role(node, 1) == ROLE_DIVISOR && node->inputs[0]->constant)
        return GATE_FUNCTION;
    for (int i = 0; i < node->input_count && rank != GATE_NONE; i++) {
        const struct value *operand = node->inputs[i];
        if (!operand || operand->constant || !dtype_is_float(operand->dtype) || is_coefficient(node, i))
            continue;
        enum gate_rank own = rank_of(operand, steps);
        rank = rank == GATE_OF_OPERANDS || own < rank ? own : rank;
    }
    return rank == GATE_OF_OPERANDS ? GATE_NONE : rank;
}

static enum gate_rank factor_rank(const struct node *node, int input)
{
    int steps = MOST_STEPS;
    return rank_of(node->inputs[input], &steps);
}

double held_factor(const struct node *node, int input, const bool *reached)
{
    if (is_coefficient(node, input))
        return 0;
    if (input > 1 || !node_has(node, OPERATOR_PRODUCT | OPERATOR_MULTIPLIES) || node->inputs[0]->constant ||
        node->inputs[1]->constant || is_coefficient(node, 1 - input))
        return 1;
    enum gate_rank own = factor_rank(node, input), other = factor_rank(node, 1 - input);
    if (own != other)
        return own < other;
    return reached[1 - input] ? 0.5 : 1;
}

static bool starts(const struct node *node, double *start, double *slope)
{
    *start = *slope = 0;
    return node->definition && node->definition->start && node->definition->start(node, start, slope);
}

double held_start(const struct node *node)
{
    double start, slope;
    return starts(node, &start, &slope) ? start : 0;
}

#define NEAR_ZERO 1e-3 /* |x| below which (f(x) - f(0)) / x is mostly rounding and f'(0) as good */

/* (f(x) - f(0)) / x, near 0 the slope there. */
static struct value *gate_of(struct graph *graph, const struct node *node, double start, double slope,
                             struct error *error)
{
    struct value *x = node->inputs[0], *y = node->outputs[0];
    bool elsewhere = start != 0;
    struct value *size = emit(graph, "Abs", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, error);
    struct value *bound = emit_scalar(graph, x->dtype, elsewhere ? NEAR_ZERO : 0, error);
    struct value *far =
        size && bound ? emit(graph, "Greater", EMIT_INPUTS(size, bound), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *one = emit_scalar(graph, x->dtype, 1, error), *at_zero = emit_scalar(graph, x->dtype, slope, error);
    struct value *from = emit_scalar(graph, x->dtype, start, error);
    struct value *divisor =
        far && one ? emit(graph, "Where", EMIT_INPUTS(far, x, one), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *rise = elsewhere && from ? emit(graph, "Sub", EMIT_INPUTS(y, from), EMIT_NO_ATTRIBUTES, error) : y;
    struct value *gate =
        divisor && rise ? emit(graph, "Div", EMIT_INPUTS(rise, divisor), EMIT_NO_ATTRIBUTES, error) : NULL;
    if (!gate || !at_zero)
        return NULL;
    return elsewhere ? emit(graph, "Where", EMIT_INPUTS(far, gate, at_zero), EMIT_NO_ATTRIBUTES, error) : gate;
}

int held_gradient(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *dy = context->output_gradients[0];
    double start, slope;
    if (!starts(context->node, &start, &slope) || !context->wanted[0] || !dy)
        return 0;
    struct value *gate = gate_of(graph, context->node, start, slope, error);
    context->input_gradients[0] = gate ? emit(graph, "Mul", EMIT_INPUTS(dy, gate), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->input_gradients[0] ? 1 : -1;
}

bool held_is_summand(const struct node *node, int input)
{
    switch (node_role(node, input)) {
    case ROLE_TERM:
    case ROLE_SHIFT:
    case ROLE_MEAN:
    case ROLE_CHOICE:
        return true;
    case ROLE_DATA: /* beside another */
        return node_has(node, OPERATOR_MOVES) && node->input_count > 1;
    default:
        return false;
    }
}
