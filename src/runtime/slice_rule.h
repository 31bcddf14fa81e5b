/* What a node can do slice by slice: told by its rules of confinement (operator_confine) and of shapes. */
#ifndef FOVEA_RUNTIME_SLICE_RULE_H
#define FOVEA_RUNTIME_SLICE_RULE_H

#include "graph/graph.h"

/* Nodes with more inputs are not asked. */
#define SLICE_MOST_INPUTS 64

/* Axis 0 of a value cut into `slices` equal parts. Whether each part of the node's result is made of the same part of
 * some inputs (*cut: their bits) and of nothing of the others that depends on the part. The node can then be computed
 * as it stands on parts of these inputs; what is made of the parts one after the other is the result. */
bool slice_rule(const struct node *node, int64_t slices, uint64_t *cut);

/* The value's shape with axis 0 divided by `parts`, which divides it. */
struct shape slice_shape(const struct value *value, int64_t parts);

#endif
