/* A network without what it has learned: for the sanity check of Adebayo et al. (NeurIPS 2018, arXiv 1810.03292). */
#ifndef FOVEA_ANALYSIS_RANDOM_WEIGHTS_H
#define FOVEA_ANALYSIS_RANDOM_WEIGHTS_H

#include "graph/graph.h"

/* Shuffles the elements of every constant weight of convolutions, products and recurrent networks in an execution
 * graph: their distribution stays, what they do goes. *changed counts the nodes. */
int random_weights(struct graph *graph, uint64_t seed, int *changed, struct error *error);

#endif
