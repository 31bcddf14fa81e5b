/* What analyses choose a unit, a class or a region of a value for. */
#ifndef FOVEA_OP_UNIT_SCORE_H
#define FOVEA_OP_UNIT_SCORE_H

#include "graph/graph.h"
#include "op/class_scores.h"

/* What of a unit is scored: the mean of its channels, a class, or a class minus the mean of all. */
enum score_kind { SCORE_MEAN, SCORE_CLASS, SCORE_MARGIN };
/* Which units are scored: a given one; those whose strongest class it is (its region), each with the same
 * weight; the one where the class is strongest. */
enum score_place { SCORE_AT_UNIT, SCORE_AT_REGION, SCORE_AT_BEST };

struct unit_score {
    struct class_scores classes;
    enum score_kind kind;
    enum score_place place;
    int64_t unit; /* for SCORE_AT_UNIT */
};

/* Appends the node that scores every image of `value`. `classes` is int64 [images]: the class, or -1 - n for the n-th
 * prediction, -1 for the strongest at the place. Makes seed: d(score)/d(value), of the value's shape;
 * score: float [images]; classes: int64 [images] as used (-1 for SCORE_MEAN); units: int64 [images], -1: several. */
struct unit_score_outputs {
    struct value *seed, *score, *classes, *units;
};
int emit_unit_score(struct graph *graph, struct value *value, const struct unit_score *score, struct value *classes,
                    struct unit_score_outputs *outputs, struct error *error);

/* The score that a node of this kind computes; false for other nodes. */
bool unit_score_of_node(const struct node *node, struct unit_score *score);

#endif
