/* A network as few blocks: what is drawn of it. Residual blocks, layers that read all in front of them, and ways that
 * part and join again are one block each; so are plain layers in a row, blocks in a row that are alike, and layers that
 * share their weights. Graphs with bound shapes and folded constants, nothing fused. */
#ifndef FOVEA_STRUCTURE_OUTLINE_H
#define FOVEA_STRUCTURE_OUTLINE_H

#include "fovea/inspect.h"
#include "graph/graph.h"

/* More are joined with their neighbours. */
#define OUTLINE_MOST_BLOCKS 48
#define OUTLINE_MOST_LINES 6 /* of one way */

/* Blocks in topological order; `layers` of a block are places in the graph's list of nodes. Texts and lists live in
 * `arena`, sums of weights and products are left to the caller. Uses node->mark. */
int outline_find(struct graph *graph, struct arena *arena, struct fovea_outline *outline, struct error *error);
/* Flags the blocks whose weights come last before `scores`. Nodes may have been added to the end of the graph since. */
int outline_mark_head(struct graph *graph, const struct value *scores, struct fovea_outline *outline,
                      struct error *error);

#endif
