/* When a body becomes copies in the graph around it, round by round (graph_copy_subgraph): for Loop and SequenceMap
 * where the number of rounds is known before running. */
#ifndef FOVEA_OP_UNROLL_H
#define FOVEA_OP_UNROLL_H

#include "graph/operator.h"

/* Nodes that the copies may have together; longer loops run. */
#define UNROLLED_MOST_NODES 16384

/* Whether so many copies are few enough, and no node of the body holds a graph, which would read values of the body by
 * itself. */
bool unroll_can(const struct graph *body, int64_t rounds);

#endif
