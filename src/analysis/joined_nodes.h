/* Which nodes of the file are joined in a node that runs. */
#ifndef FOVEA_ANALYSIS_JOINED_NODES_H
#define FOVEA_ANALYSIS_JOINED_NODES_H

#include "graph/graph.h"

#define JOINED_MOST 64

struct joined_nodes {
    const struct graph *source;
    struct memory *memory;
    bool *known; /* by id of the source's values: an executed node makes it, or it is known before running */
};

/* `graph` is executed in place of `source`. Ended by joined_nodes_release in every case. */
int joined_nodes_open(struct joined_nodes *joined, const struct graph *source, const struct graph *graph,
                      struct error *error);
void joined_nodes_release(struct joined_nodes *joined);
/* The nodes of the file between what `node` reads and what it makes, producers first; their number, 0 where the file
 * has nothing that it makes (gradients). */
int joined_nodes_of(const struct joined_nodes *joined, const struct node *node, const struct node *parts[JOINED_MOST]);

#endif
