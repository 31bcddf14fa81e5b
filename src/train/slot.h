/* What training makes of a node's input, by its role. */
#ifndef FOVEA_TRAIN_SLOT_H
#define FOVEA_TRAIN_SLOT_H

#include "graph/graph.h"

enum parameter_kind {
    PARAMETER_WEIGHT, /* of convolutions and products */
    PARAMETER_SCALE,  /* of normalisations */
    PARAMETER_SHIFT,  /* of normalisations, and biases */
    PARAMETER_OTHER   /* positions, tokens, layer scales, slopes, what a rewrite added */
};

enum slot_use {
    SLOT_TRAINED,
    SLOT_VIEW,        /* passes its elements on */
    SLOT_ELEMENTWISE, /* trained behind a weight: in front of the first it normalises the image */
    SLOT_STATISTICS   /* of BatchNormalization: moved, not trained */
};
struct slot {
    enum slot_use use;
    enum parameter_kind kind;
    const char *name; /* of what is read there: part of a new tensor's name */
};
/* NULL: training knows nothing of it. */
const struct slot *slot_of(const struct node *node, int input);

/* What a rewrite added: it says itself what of it trains. */
bool slot_is_ours(const char *name);

/* Marks (node->mark) of slots_mark. */
enum slot_mark {
    SLOT_BEHIND_WEIGHTS = 1, /* a weight lies on the way to the node */
    SLOT_OF_CONSTANTS = 2    /* it is computed of constants alone */
};
/* In inner graphs too. Foreign operators and functions count as weights. `held`, by id, are values that count as
 * constants beside those that are; NULL: none. Passes and checks overwrite marks: ask at once. */
void slots_mark(struct graph *graph, const bool *held);

#endif
