#include "train/slot.h"

#include <string.h>

#include "fovea/rewrite.h"
#include "graph/operator.h"

static const struct slot slots[] = {
    [ROLE_WEIGHT] = {SLOT_TRAINED, PARAMETER_WEIGHT, "weight"},
    [ROLE_SCALE] = {SLOT_TRAINED, PARAMETER_SCALE, "scale"},
    [ROLE_SHIFT] = {SLOT_TRAINED, PARAMETER_SHIFT, "shift"},
    [ROLE_MEAN] = {SLOT_STATISTICS, PARAMETER_OTHER, "mean"},
    [ROLE_VARIANCE] = {SLOT_STATISTICS, PARAMETER_OTHER, "variance"},
    [ROLE_SLOPE] = {SLOT_TRAINED, PARAMETER_OTHER, "slope"},
    [ROLE_TERM] = {SLOT_ELEMENTWISE, PARAMETER_SHIFT, "shift"},
    [ROLE_FACTOR] = {SLOT_ELEMENTWISE, PARAMETER_OTHER, "scale"},
    [ROLE_DIVISOR] = {SLOT_ELEMENTWISE, PARAMETER_OTHER, "scale"},
};
static const struct slot bias = {SLOT_TRAINED, PARAMETER_SHIFT, "bias"}; /* a product's shift */
static const struct slot view = {SLOT_VIEW, PARAMETER_OTHER, "value"};

const struct slot *slot_of(const struct node *node, int input)
{
    size_t role = node_role(node, input);
    if (node->domain[0])
        return NULL;
    if (role == ROLE_DATA)
        return node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_MOVES | OPERATOR_QUANTIZES) ? &view : NULL;
    if (role == ROLE_SHIFT && node_has(node, OPERATOR_PRODUCT))
        return &bias;
    return role < sizeof slots / sizeof slots[0] && slots[role].name ? &slots[role] : NULL;
}

bool slot_is_ours(const char *name)
{
    return strstr(name, FOVEA_ADDED_NAME) != NULL;
}

static int mark_of(const struct node *node, const bool *held)
{
    bool random = node_has(node, OPERATOR_RANDOM);
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
