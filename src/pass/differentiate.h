/* Reverse-mode differentiation as a graph transform: gradients are appended nodes of the same graph. */
#ifndef FOVEA_PASS_DIFFERENTIATE_H
#define FOVEA_PASS_DIFFERENTIATE_H

#include "graph/graph.h"

/* Where differentiation starts: d(scalar)/d(value) = gradient, of the value's shape. */
struct gradient_seed {
    struct value *value;
    struct value *gradient;
};

/* Told of what a node adds that does not depend on the wrt values, as biases are: d(scalar)/d(summand) at this node. */
typedef int summand_each(void *user, struct value *summand, struct value *gradient, struct error *error);

struct differentiation {
    const struct gradient_seed *seeds;
    int seed_count;
    struct value *const *wrt;
    int wrt_count;
    bool held; /* gates, attention weights and statistics count as constants: pass/held.h */
    /* Per wrt value, or NULL: what its gradient is multiplied by before it goes on to what the value is made of. */
    struct value *const *masks;
    summand_each *summand; /* or NULL */
    void *user;
    struct value **gradients; /* to fill: [wrt_count] */
};

/* As differentiate, which is its plain case. */
int differentiate_as(struct graph *graph, const struct differentiation *request, struct error *error);

/* Appends nodes for d(scalar)/d(wrt[i]) and returns them in gradients[i] (NULL where the scalar does not depend on it).
 * ERROR_UNSUPPORTED naming all nodes on the way that have no gradient. */
int differentiate(struct graph *graph, const struct gradient_seed *seeds, int seed_count, struct value *const *wrt,
                  int wrt_count, struct value **gradients, struct error *error);

#endif
