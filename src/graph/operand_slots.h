/* A node's operands as receptive-field rules see them: types, shapes and small constants. */
#ifndef FOVEA_GRAPH_OPERAND_SLOTS_H
#define FOVEA_GRAPH_OPERAND_SLOTS_H

#include "graph/operator.h"

#define OPERAND_SLOTS_SMALL 4096 /* elements of constants that are indices or shapes, not weights */

struct operand_slots {
    struct memory *memory; /* NULL: in an arena */
    int64_t constants;     /* of at most so many elements are loaded */
    struct tensor *tensors;
    const struct tensor **inputs;
    struct tensor *outputs;
};

/* Room for any node of the graph. Released by operand_slots_release, also after a failure. */
int operand_slots_create(struct operand_slots *slots, const struct graph *graph, int64_t constants,
                         struct error *error);
void operand_slots_release(struct operand_slots *slots);
/* The same in the graph's arena, not to be released. */
int operand_slots_create_in_arena(struct operand_slots *slots, const struct graph *graph, int64_t constants,
                                  struct error *error);
int operand_slots_fill(const struct operand_slots *slots, const struct node *node, struct error *error);

#endif
