/* Which inputs of a graph its result depends on at all, element by element along axes: rows that a class token's head
 * never reads teach nothing. */
#ifndef FOVEA_TRAIN_DEPENDENCE_H
#define FOVEA_TRAIN_DEPENDENCE_H

#include "graph/graph.h"

/* reads[id]: whether some element of `result` depends on some element of the value with this id; false is certain, true
 * may be too much: operators that are not known to keep axes apart read everything. The graph's shapes are known and
 * its nodes in order. `reads` has room for graph->value_count. */
int dependence_find(const struct graph *graph, const struct value *result, bool *reads, struct error *error);

#endif
