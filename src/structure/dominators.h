/* Which node every path from the graph's inputs to a node must pass: where branches part. */
#ifndef FOVEA_STRUCTURE_DOMINATORS_H
#define FOVEA_STRUCTURE_DOMINATORS_H

#include "graph/graph.h"

struct dominators {
    struct memory *memory;
    struct node **nodes; /* in the graph's order, which is topological */
    int *immediate;      /* by place in `nodes`: place of the immediate dominator; -1: the inputs */
    int *depth, *jump;   /* by place + 1: dominators above, and one far up: common ones are found in logarithmic time */
    int count;
};

/* Cooper, Harvey, Kennedy 2001, on a graph without cycles: one sweep. Sets node->mark to the node's place; it must stay
 * so while the other functions are used. Nodes that depend on no input count as constants. Released by
 * dominators_release. */
int dominators_find(struct dominators *dominators, struct graph *graph, struct error *error);
void dominators_release(struct dominators *dominators);

/* The nearest node that all paths to both pass, or one of them itself; NULL: the inputs. A NULL node stands for them.
 */
struct node *dominators_common(const struct dominators *dominators, const struct node *a, const struct node *b);

#endif
