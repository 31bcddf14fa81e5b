/* Softmax, LogSoftmax and Hardmax as passes see them. */
#ifndef FOVEA_OP_SOFTMAX_H
#define FOVEA_OP_SOFTMAX_H

#include "graph/graph.h"

/* The attribute axis, or what the node's opset takes where it is left out. The node's operator must be known. */
int64_t softmax_axis(const struct node *node);

#endif
