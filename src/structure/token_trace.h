/* Where tokens come from, one by one: back through what leaves each token its own (views, norms, biases, sums, dense
 * layers of rows) to the cells of a map that a convolution, pool or resize made. */
#ifndef FOVEA_STRUCTURE_TOKEN_TRACE_H
#define FOVEA_STRUCTURE_TOKEN_TRACE_H

#include "structure/token_places.h"

/* Places of the tokens on axis `axis` of `query`. 1; 0: they are not those of one
 * map, each of another cell, with others in front or behind only; -1. */
int token_trace_find(struct graph *graph, struct value *query, int axis, struct token_places *places,
                     struct error *error);

#endif
