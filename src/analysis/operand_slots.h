/* A node's operands as receptive-field rules see them: types, shapes and small constants. */
#ifndef FOVEA_ANALYSIS_OPERAND_SLOTS_H
#define FOVEA_ANALYSIS_OPERAND_SLOTS_H

#include "graph/operator.h"

struct operand_slots {
    struct memory *memory;
    struct tensor *tensors;
    const struct tensor **inputs;
    struct tensor *outputs;
};

/* Room for any node of the graph. Released by operand_slots_release, also after a failure. */
int operand_slots_create(struct operand_slots *slots, const struct graph *graph, struct error *error);
void operand_slots_release(struct operand_slots *slots);
int operand_slots_fill(struct operand_slots *slots, const struct node *node, struct error *error);

#endif
