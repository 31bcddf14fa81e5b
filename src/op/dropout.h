/* Dropout as passes see it. */
#ifndef FOVEA_OP_DROPOUT_H
#define FOVEA_OP_DROPOUT_H

#include "graph/graph.h"

/* Whether a Dropout node can only ever be the identity: before opset 12, without training_mode, or
 * with the ratio 0. */
bool dropout_is_identity(const struct node *node);

#endif
