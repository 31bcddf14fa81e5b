#include "op/unroll.h"

bool unroll_can(const struct graph *body, int64_t rounds)
{
    for (const struct node *node = body->first; node; node = node->next) {
        if (node_subgraph(node, 0))
            return false;
    }
    return rounds <= UNROLLED_MOST_NODES / (body->node_count + 1);
}
