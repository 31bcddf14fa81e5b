/* What the scores of a network are made of. All work on a graph with bound shapes that is not lowered yet (the `select`
 * call of the pipeline), and change its nodes' marks. */
#ifndef FOVEA_ANALYSIS_TARGET_LAYERS_H
#define FOVEA_ANALYSIS_TARGET_LAYERS_H

#include "analysis/unit_grid.h"

/* The first output, walked back over Softmax, LogSoftmax, Sigmoid, ArgMax and casts to what they are made of. */
struct value *target_logits(const struct graph *graph);
/* A map before the resizes behind which it stands; else the value itself. */
struct value *target_unresized(struct value *value);

/* The features that `scores` are made of: of a map, the input of its last product; else the last map or last tokens on
 * the way to them, of a vector's the last that every way passes, if there are any. *value NULL: there are none. */
int target_features(struct graph *graph, struct field_sweep *sweep, struct value *scores, struct value **value,
                    struct error *error);

/* Where a class activation map of `scores` (target_logits, or any value) is taken, last in the list, and the
 * contributions to them (analysis/contribution.h): the features that they are made of; for a head that reads prefix
 * tokens only (the others' gradients are zero there) what the last attention makes its queries, keys and values of:
 * methods of Extended-CAM; in front of that the same of every attention that reads tokens of its shape, in order: what
 * the class token is made of comes from all of them. Returns how many, 0: there are none, or -1. */
#define TARGET_MOST_LAYERS 64
int target_layers(struct graph *graph, const struct value *image, struct value *scores,
                  struct value *list[TARGET_MOST_LAYERS], struct error *error);

#endif
