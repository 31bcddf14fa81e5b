/* What analyses choose a unit, a class or a region of a value for. */
#ifndef FOVEA_OP_UNIT_SCORE_H
#define FOVEA_OP_UNIT_SCORE_H

#include "fovea/samples.h"
#include "graph/graph.h"
#include "op/class_scores.h"

struct unit_score {
    struct class_scores classes;
    enum fovea_score kind;
    enum fovea_place place;
    int64_t unit; /* for FOVEA_PLACE_UNIT */
};

/* Appends the node that scores every image of `value`. `classes` is int64 [images]: the class, or -1 - n for the n-th
 * prediction, -1 for the strongest at the place. Makes seed: d(score)/d(value), of the value's shape;
 * score: float [images]; classes: int64 [images] as used (-1 for FOVEA_SCORE_MEAN); units: int64 [images], -1: several.
 */
struct unit_score_outputs {
    struct value *seed, *score, *classes, *units;
};
int emit_unit_score(struct graph *graph, struct value *value, const struct unit_score *score, struct value *classes,
                    struct unit_score_outputs *outputs, struct error *error);

/* The score that a node of this kind computes; false for other nodes. */
bool unit_score_of_node(const struct node *node, struct unit_score *score);

#endif
