/* Reverse-mode differentiation as a graph transform: gradients are appended nodes of the same graph. */
#ifndef FOVEA_PASS_DIFFERENTIATE_H
#define FOVEA_PASS_DIFFERENTIATE_H

#include "graph/graph.h"

/* Where differentiation starts: d(scalar)/d(value) = gradient, of the value's shape. */
struct gradient_seed {
    struct value *value;
    struct value *gradient;
};

/* Appends nodes for d(scalar)/d(wrt[i]) and returns them in gradients[i] (NULL where the scalar does not depend on it).
 * ERROR_UNSUPPORTED naming all nodes on the way that have no gradient. */
int differentiate(struct graph *graph, const struct gradient_seed *seeds, int seed_count, struct value *const *wrt,
                  int wrt_count, struct value **gradients, struct error *error);

#endif
