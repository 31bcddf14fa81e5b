/* What is worth knowing of nodes before they run. */
#ifndef FOVEA_OP_REMARK_H
#define FOVEA_OP_REMARK_H

#include "graph/operator.h"

/* Of a node whose operator is known; false: there is nothing to say. */
bool node_remark(const struct node *node, struct operator_remark *remark);
/* The first node of the graph or its subgraphs whose result depends on chance or on the rest of the batch, and how many
 * there are; NULL: none. */
const struct node *graph_unsteady(const struct graph *graph, struct operator_remark *remark, int *count);

#endif
