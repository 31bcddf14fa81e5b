/* What the files of the guide on GroupNorm's number of groups share. */
#ifndef FOVEA_GUIDE_GROUPS_H
#define FOVEA_GUIDE_GROUPS_H

#include "guide/edit.h"
#include "structure/group_normalization.h"

/* ---- the derived law ---- */

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

/* ---- the blocks of a network ---- */

/* Gains of one number of groups; of images: means, and standard deviations over them. */
struct group_gain {
    int64_t groups;
    double gain, spread;
    double norm_gain; /* of L2 norms instead of means per element */
};

struct group_block {
    const struct group_site *site;
    int index; /* of the site in the network's list */
    struct group_layer layer;
    struct group_gain *curve; /* measured, by rising number of groups, the present one among them; NULL: none */
    int curve_count;
    int64_t target;
    double gain_now, gain_then;
};

struct group_blocks {
    struct group_block *list; /* in the audit's arena; sites in the network's */
    int count;
    int left;               /* GroupNorms behind no weight layer, or not measured while others are */
    int64_t images;         /* measured on; 0: by the law */
    const char *unmeasured; /* why there are images and nothing is measured; NULL: there is no such case */
    struct group_law law;
};

/* Fills the curves of the blocks, and their targets by them. Blocks that the score does not depend on stay without. 1:
 * it is not planned. */
int groups_measure(struct audit *audit, struct group_blocks *blocks, struct error *error);
/* One divisor of C after the other, rising; 0 behind the last. */
int64_t group_next_divisor(int64_t channels, int64_t after);

int groups_rewrite(struct edit *edit, const struct finding *finding, struct error *error);

#endif
