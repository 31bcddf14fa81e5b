/* Behind what picks the best detections (TopK, Gather, NonMaxSuppression): the scores of all anchors. */
#ifndef FOVEA_STRUCTURE_DENSE_SCORES_H
#define FOVEA_STRUCTURE_DENSE_SCORES_H

#include "graph/graph.h"

/* The value of known shape that every way from `picked` back through picks, joins and views comes by, in front of all
 * picks; where each level has its own, these joined by a node that is appended. NULL: there is none, and nothing is
 * picked or the scores are as many as are found when the network runs. *activation: the Sigmoid or Softmax between it
 * and the picks, NULL: none is. */
int dense_scores_find(struct graph *graph, struct value *picked, struct value **dense, const struct node **activation,
                      struct error *error);

#endif
