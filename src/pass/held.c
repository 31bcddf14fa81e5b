#include "pass/held.h"

#include <string.h>

#include "graph/match.h"
#include "op/emit.h"
#include "op/settings.h"

/* A word and a number of its own. */
struct entry {
    const char *name;
    int number;
};

static int look_up(const struct entry *entries, const char *name, int otherwise)
{
    for (; entries->name; entries++) {
        if (strcmp(entries->name, name) == 0)
            return entries->number;
    }
    return otherwise;
}

/* How surely a factor made by this operator is a gate; -1: as its operand is. */
static int gate_rank(const struct node *node)
{
    static const struct entry ranks[] = {{"Softmax", 3},
                                         {"Sigmoid", 3},
                                         {"HardSigmoid", 3},
                                         {"Hardmax", 3},
                                         {"LogSoftmax", 2},
                                         {"Erf", 2},
                                         {"Tanh", 2},
                                         {"Clip", 2},
                                         {"Softplus", 2},
                                         {"Exp", 2},
                                         {"Log", 2},
                                         {"Cos", 2},
                                         {"Sqrt", 2},
                                         {"Reciprocal", 2},
                                         {"Pow", 2},
                                         {"ReduceL1", 1},
                                         {"ReduceL2", 1},
                                         {"ReduceSumSquare", 1},
                                         {"ReduceLogSumExp", 1},
                                         {"LpNormalization", 1},
                                         {"Relu", 0},
                                         {"LeakyRelu", 0},
                                         {"PRelu", 0},
                                         {"Elu", 0},
                                         {"Selu", 0},
                                         {"Celu", 0},
                                         {"Gelu", 0},
                                         {"Swish", 0},
                                         {"HardSwish", 0},
                                         {"Mish", 0},
                                         {"LayerNormalization", 0},
                                         {"RMSNormalization", 0},
                                         {"GroupNormalization", 0},
                                         {"InstanceNormalization", 0},
                                         {"MaxPool", 0},
                                         {"Attention", 0},
                                         {NULL, 0}};
    if (strcmp(node->op_type, "Div") == 0 && node->inputs[0]->constant)
        return 2;
    return look_up(ranks, node->op_type, -1);
}

/* Nodes looked at behind one factor: gates are near. */
#define MOST_STEPS 64

/* The rank of the weakest operand that is no constant. */
static int rank_of(const struct value *value, int *steps)
{
    const struct node *node = value->producer;
    if (!node || --*steps < 0)
        return 0;
    int rank = gate_rank(node);
    if (rank >= 0)
        return rank;
    int inputs = strcmp(node->op_type, "Div") == 0 ? 1 : node->input_count;
    for (int i = 0; i < inputs && rank != 0; i++) {
        const struct value *operand = node->inputs[i];
        if (!operand || operand->constant || !dtype_is_float(operand->dtype))
            continue;
        int own = rank_of(operand, steps);
        rank = rank < 0 || own < rank ? own : rank;
    }
    return rank < 0 ? 0 : rank;
}

static int factor_rank(const struct node *node, int input)
{
    int steps = MOST_STEPS;
    return rank_of(node->inputs[input], &steps);
}

static bool is_listed(const struct node *node, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(node->op_type, *names) == 0)
            return true;
    }
    return false;
}

/* The first input that is always a constant beside the data, 0: none; of DeformConv the mask too. */
static bool is_coefficient(const struct node *node, int input)
{
    static const struct entry coefficients[] = {{"Div", 1},
                                                {"GridSample", 1},
                                                {"RoiAlign", 1},
                                                {"MaxRoiPool", 1},
                                                {"PRelu", 1},
                                                {"LayerNormalization", 1},
                                                {"RMSNormalization", 1},
                                                {"GroupNormalization", 1},
                                                {"InstanceNormalization", 1},
                                                {"BatchNormalization", 1},
                                                {"RotaryEmbedding", 1},
                                                {"DeformConv", 2},
                                                {NULL, 0}};
    if (strcmp(node->op_type, "Attention") == 0)
        return input != 2;
    if (strcmp(node->op_type, "DeformConv") == 0 && input == 4)
        return true;
    return input > 0 && look_up(coefficients, node->op_type, 0) == input && !node->inputs[0]->constant;
}

double held_factor(const struct node *node, int input, const bool *reached)
{
    static const char *const products[] = {"Mul", "MatMul", "Gemm", "Conv", "ConvTranspose", NULL};
    if (is_coefficient(node, input))
        return 0;
    if (input > 1 || !is_listed(node, products) || node->inputs[0]->constant || node->inputs[1]->constant)
        return 1;
    int own = factor_rank(node, input), other = factor_rank(node, 1 - input);
    if (own != other)
        return own < other;
    return reached[1 - input] ? 0.5 : 1;
}

/* Clip that lets 0 through. */
static bool clips_around_zero(const struct node *node)
{
    const struct clip_settings *settings = node->settings;
    double bounds[2] = {(double)settings->min, (double)settings->max};
    for (int i = 1; i < node->input_count && i < 3; i++) {
        if (node->inputs[i] && !match_number(node->inputs[i], &bounds[i - 1]))
            return false;
    }
    return bounds[0] <= 0 && bounds[1] >= 0;
}

static bool is_gated(const struct node *node)
{
    static const char *const gated[] = {"Gelu",
                                        "Swish",
                                        "HardSwish",
                                        "Mish",
                                        "Elu",
                                        "Selu",
                                        "Celu",
                                        "Tanh",
                                        "Atan",
                                        "Softsign",
                                        "Erf",
                                        "Sin",
                                        "Sinh",
                                        "Asinh",
                                        "Shrink",
                                        "Sqrt",
                                        "LRN",
                                        "LpNormalization",
                                        "ThresholdedRelu",
                                        NULL};
    double exponent;
    if (strcmp(node->op_type, "Clip") == 0)
        return clips_around_zero(node);
    if (strcmp(node->op_type, "Pow") == 0)
        return match_number(node->inputs[1], &exponent) && exponent > 0;
    return is_listed(node, gated);
}

/* Functions that are not 0 at 0: their value and slope there. */
static bool starts_elsewhere(const struct node *node, double *start, double *slope)
{
    static const struct {
        const char *name;
        double start, slope;
    } functions[] = {{"Sigmoid", 0.5, 0.25}, {"Softplus", 0.69314718055994531, 0.5}, {"Exp", 1, 1}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        *start = functions[i].start;
        *slope = functions[i].slope;
        if (strcmp(node->op_type, functions[i].name) == 0)
            return true;
    }
    const struct activation_settings *settings = match_settings(node, "HardSigmoid");
    *start = settings ? (double)settings->beta : 0;
    *slope = settings ? (double)settings->alpha : 0;
    return *start > 0 && *start < 1;
}

double held_start(const struct node *node)
{
    double start, slope;
    return starts_elsewhere(node, &start, &slope) ? start : 0;
}

#define NEAR_ZERO 1e-3 /* |x| below which (f(x) - f(0)) / x is mostly rounding and f'(0) as good */

/* (f(x) - f(0)) / x, near 0 the slope there. */
static struct value *gate_of(struct graph *graph, const struct node *node, double start, double slope, bool starts,
                             struct error *error)
{
    struct value *x = node->inputs[0], *y = node->outputs[0];
    struct value *size = emit(graph, "Abs", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, error);
    struct value *bound = emit_scalar(graph, x->dtype, starts ? NEAR_ZERO : 0, error);
    struct value *far =
        size && bound ? emit(graph, "Greater", EMIT_INPUTS(size, bound), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *one = emit_scalar(graph, x->dtype, 1, error), *at_zero = emit_scalar(graph, x->dtype, slope, error);
    struct value *from = emit_scalar(graph, x->dtype, start, error);
    struct value *divisor =
        far && one ? emit(graph, "Where", EMIT_INPUTS(far, x, one), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *rise = starts && from ? emit(graph, "Sub", EMIT_INPUTS(y, from), EMIT_NO_ATTRIBUTES, error) : y;
    struct value *gate =
        divisor && rise ? emit(graph, "Div", EMIT_INPUTS(rise, divisor), EMIT_NO_ATTRIBUTES, error) : NULL;
    if (!gate || !at_zero)
        return NULL;
    return starts ? emit(graph, "Where", EMIT_INPUTS(far, gate, at_zero), EMIT_NO_ATTRIBUTES, error) : gate;
}

int held_gradient(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *dy = context->output_gradients[0];
    double start, slope;
    bool starts = starts_elsewhere(context->node, &start, &slope);
    if (!(starts || is_gated(context->node)) || !context->wanted[0] || !dy)
        return 0;
    struct value *gate = gate_of(graph, context->node, start, slope, starts, error);
    context->input_gradients[0] = gate ? emit(graph, "Mul", EMIT_INPUTS(dy, gate), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->input_gradients[0] ? 1 : -1;
}

bool held_is_summand(const struct node *node, int input)
{
    static const char *const sums[] = {"Add", "Sub", "Sum", "Mean", "Max", "Min", "Concat", NULL};
    static const struct entry biases[] = {{"Conv", 2},
                                          {"ConvTranspose", 2},
                                          {"Gemm", 2},
                                          {"DeformConv", 3},
                                          {"LayerNormalization", 2},
                                          {"GroupNormalization", 2},
                                          {"InstanceNormalization", 2},
                                          {"BatchNormalization", 2},
                                          {"ScatterElements", 2},
                                          {"ScatterND", 2},
                                          {NULL, 0}};
    if (strcmp(node->op_type, "Where") == 0)
        return input > 0;
    bool mean = strcmp(node->op_type, "BatchNormalization") == 0 && input == 3;
    bool scatter = strncmp(node->op_type, "Scatter", 7) == 0 && input == 0;
    return is_listed(node, sums) || mean || scatter || (input > 0 && look_up(biases, node->op_type, 0) == input);
}
