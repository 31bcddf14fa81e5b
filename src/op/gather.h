/* Indices into axes, as Gather, Scatter and their relatives take them. */
#ifndef FOVEA_OP_GATHER_H
#define FOVEA_OP_GATHER_H

#include "graph/operator.h"

/* Element `position` of the indices into an axis of `size`, negative ones counted from the end; -1 and an error when it
 * is outside. */
int gather_index(const struct tensor *indices, int64_t position, int64_t size, int64_t *index, struct error *error);
/* Indices are integers. */
int gather_check_indices(const struct tensor *indices, struct error *error);

/* The gradient of Gather's data, which had `shape`. */
struct value *emit_gather_gradient(struct graph *graph, struct value *gradient, struct value *indices, int axis,
                                   const struct shape *shape, struct error *error);

#endif
