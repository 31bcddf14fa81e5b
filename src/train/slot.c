#include "train/slot.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"

static const struct slot slots[] = {
    {"Conv", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"Conv", 2, SLOT_TRAINED, PARAMETER_SHIFT, "bias"},
    {"ConvTranspose", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"ConvTranspose", 2, SLOT_TRAINED, PARAMETER_SHIFT, "bias"},
    {"DeformConv", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"DeformConv", 3, SLOT_TRAINED, PARAMETER_SHIFT, "bias"},
    {"Gemm", 0, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"Gemm", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"Gemm", 2, SLOT_TRAINED, PARAMETER_SHIFT, "bias"},
    {"MatMul", -1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"Einsum", -1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"QLinearConv", 3, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"QLinearConv", 8, SLOT_TRAINED, PARAMETER_SHIFT, "bias"},
    {"QLinearMatMul", 3, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"ConvInteger", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"MatMulInteger", 1, SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    {"BatchNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    {"BatchNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT, "shift"},
    {"BatchNormalization", 3, SLOT_STATISTICS, PARAMETER_OTHER, "mean"},
    {"BatchNormalization", 4, SLOT_STATISTICS, PARAMETER_OTHER, "variance"},
    {"InstanceNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    {"InstanceNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT, "shift"},
    {"LayerNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    {"LayerNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT, "shift"},
    {"GroupNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    {"GroupNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT, "shift"},
    {"RMSNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    {"PRelu", 1, SLOT_TRAINED, PARAMETER_OTHER, "slope"},
    {"Add", -1, SLOT_ELEMENTWISE, PARAMETER_SHIFT, "shift"},
    {"Sub", -1, SLOT_ELEMENTWISE, PARAMETER_SHIFT, "shift"},
    {"Mul", -1, SLOT_ELEMENTWISE, PARAMETER_OTHER, "scale"},
    {"Div", -1, SLOT_ELEMENTWISE, PARAMETER_OTHER, "scale"},
    {"QuantizeLinear", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"DequantizeLinear", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Identity", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Cast", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Transpose", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Reshape", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Flatten", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Squeeze", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Unsqueeze", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Expand", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Slice", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Gather", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Split", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Tile", 0, SLOT_VIEW, PARAMETER_OTHER, "value"},
    {"Concat", -1, SLOT_VIEW, PARAMETER_OTHER, "value"},
};

const struct slot *slot_of(const struct node *node, int input)
{
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        if (match_operator(node, slots[i].op_type) && (slots[i].input < 0 || slots[i].input == input))
            return &slots[i];
    }
    return NULL;
}

bool slot_is_ours(const char *name)
{
    return strstr(name, "/fovea/") != NULL;
}

static int mark_of(const struct node *node, const bool *held)
{
    bool random = node->definition && node->definition->flags & OPERATOR_RANDOM;
    int mark = (random ? 0 : SLOT_OF_CONSTANTS) | (node->domain[0] ? SLOT_BEHIND_WEIGHTS : 0);
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        const struct slot *slot = input ? slot_of(node, i) : NULL;
        int before = input && input->producer ? input->producer->mark : 0;
        if (before & SLOT_BEHIND_WEIGHTS || (slot && slot->use == SLOT_TRAINED && slot->kind == PARAMETER_WEIGHT))
            mark |= SLOT_BEHIND_WEIGHTS;
        if (input && !input->constant && !(held && held[input->id]) && !(before & SLOT_OF_CONSTANTS))
            mark &= ~SLOT_OF_CONSTANTS;
    }
    return mark;
}

void slots_mark(struct graph *graph, const bool *held)
{
    for (struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        node->mark = mark_of(node, held);
        for (int i = 0; (inner = node_subgraph(node, i)); i++)
            slots_mark(inner, NULL);
    }
}
