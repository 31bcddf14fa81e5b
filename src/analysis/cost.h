/* What a bound graph costs: multiply-accumulates and parameters. */
#ifndef FOVEA_ANALYSIS_COST_H
#define FOVEA_ANALYSIS_COST_H

#include "graph/operator.h"

/* Multiply-accumulates of one execution of the node; 0 for operators without products or of unknown size. */
int64_t cost_macs(const struct node *node);
/* Of one execution of the graph. */
int64_t cost_macs_forward(const struct graph *graph);
/* Of all that makes these values (NULL ones are none), each node once; node->mark is used. */
double cost_macs_to(struct graph *graph, const struct value *const *values, int count);
/* Whether a node in front multiplies with another part of the same weights: products of integers are computed in parts
 * (op/integer_product.c), of which the model has one. */
bool cost_is_repeated(const struct node *node);
/* Elements of the float constants of rank 1 and more, and weights packed in bytes, that the node reads and whose ids
 * are not yet set in `counted` [graph->value_count]: shared weights count once, BatchNormalization's statistics not at
 * all, as in PyTorch. Adds the bytes at run time, those of statistics too, to *bytes. */
int64_t cost_parameters(const struct node *node, bool *counted, size_t *bytes);

#endif
