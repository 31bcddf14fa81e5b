/* New beginnings: another number of classes, weights drawn anew. */
#ifndef FOVEA_TRAIN_HEAD_H
#define FOVEA_TRAIN_HEAD_H

#include "graph/graph.h"
#include "pass/pipeline.h"

/* Gives the model's classifier, the last product with constant weights in front of the logits, `classes` outputs:
 * weights uniform within 1 / sqrt(inputs), biases zero; outputs that held the old number are declared anew.
 * ERROR_UNSUPPORTED where there is no such product. */
int head_replace(struct model *model, const struct shape_binding *bindings, int binding_count, int64_t classes,
                 uint64_t seed, struct error *error);

/* Draws the trainable constants anew whose name matches `pattern`: weights He-normal, scales 1, the rest 0. Returns how
 * many, -1 on errors. */
int weights_reinitialise(struct model *model, const struct shape_binding *bindings, int binding_count,
                         const char *pattern, uint64_t seed, struct error *error);

#endif
