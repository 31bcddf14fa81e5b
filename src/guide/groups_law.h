/* GroupNorm's gain of the gradient by its number of groups, as the law derives it. */
#ifndef FOVEA_GUIDE_GROUPS_LAW_H
#define FOVEA_GUIDE_GROUPS_LAW_H

#include "structure/group_normalization.h"

struct group_law {
    double kx;      /* energy of the spatial mean of the input over all of its energy */
    double kb;      /* of the gradient that the backward projection takes, at G = C */
    double minimum; /* elements of a group of a map, at least */
};

/* weight -> GroupNorm -> activation. Widths are features per position: kernel taps stand in both fans and cancel, and
 * so do the groups of a grouped convolution. */
struct group_layer {
    struct group_widths widths;
    int64_t channels, positions; /* that are normalised */
    bool activation;             /* that stops half of the gradient, as ReLU does */
};

/* Root of mean(dL/dx^2) / mean(dL/dout^2), means per element. */
double group_law_gain(const struct group_law *law, const struct group_layer *layer, int64_t groups);
/* Whether the groups of a divisor of C are large enough: `minimum` elements of a map, 4 features of a row. */
bool group_law_allows(const struct group_law *law, const struct group_layer *layer, int64_t groups);
/* The divisor of C with the smallest |log gain|; `otherwise` where none is allowed. */
int64_t group_law_choose(const struct group_law *law, const struct group_layer *layer, int64_t otherwise);
/* One divisor of C after the other, rising; 0 behind the last. */
int64_t group_next_divisor(int64_t channels, int64_t after);

#endif
