/* A value seen as a grid of units with channels: what analyses choose a unit, a class or a region of. */
#ifndef FOVEA_OP_UNIT_SCORE_H
#define FOVEA_OP_UNIT_SCORE_H

#include "graph/graph.h"

/* Element (image, unit, channel) lies at first + image * image_step + unit * unit_step + channel * channel_step. */
struct unit_view {
    int64_t images, units, channels;
    int64_t first, image_step, unit_step, channel_step;
};

static inline int64_t unit_view_at(const struct unit_view *view, int64_t image, int64_t unit, int64_t channel)
{
    return view->first + image * view->image_step + unit * view->unit_step + channel * view->channel_step;
}

/* What of a unit's channels is scored: their mean, one of them (a class), or one of them minus their mean. */
enum score_kind { SCORE_MEAN, SCORE_CLASS, SCORE_MARGIN };
/* Which units are scored: a given one; those whose largest channel is the class (its region), each with the same
 * weight; the one where the class is largest. */
enum score_place { SCORE_AT_UNIT, SCORE_AT_REGION, SCORE_AT_BEST };

struct unit_score {
    struct unit_view view;
    enum score_kind kind;
    enum score_place place;
    int64_t unit; /* for SCORE_AT_UNIT */
};

/* Appends the node that scores every image of `value`. `classes` is int64 [images]: the class, or -1 - n for the n-th
 * prediction, -1 for the largest channel at the place. Makes seed: d(score)/d(value), of the value's shape;
 * score: float [images]; classes: int64 [images] as used (-1 for SCORE_MEAN); units: int64 [images], -1: several. */
struct unit_score_outputs {
    struct value *seed, *score, *classes, *units;
};
int emit_unit_score(struct graph *graph, struct value *value, const struct unit_score *score, struct value *classes,
                    struct unit_score_outputs *outputs, struct error *error);

/* The score that a node of this kind computes; false for other nodes. */
bool unit_score_of_node(const struct node *node, struct unit_score *score);

#endif
