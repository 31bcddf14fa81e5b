/* What the files of the guide on GroupNorm's number of groups share. */
#ifndef FOVEA_GUIDE_GROUPS_H
#define FOVEA_GUIDE_GROUPS_H

#include "guide/edit.h"
#include "guide/groups_law.h"

/* ---- the blocks of a network ---- */

/* Gains of one number of groups; of images: means, standard deviations over them, intervals. */
struct group_gain {
    int64_t groups;
    double gain, spread;
    double half;      /* of the 95 % interval of the gain, to each side; NAN of one image */
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
    const char *weights;    /* that were measured, in words; NULL: nothing was */
    const char *unmeasured; /* why there are images and nothing is measured; NULL: there is no such case */
    struct group_law law;
};

/* Fills the curves of the blocks, and their targets by them. Blocks that the score does not depend on stay without. 1:
 * it is not planned. `groups`: all of the network. */
int groups_measure(struct audit *audit, struct group_blocks *blocks, const struct group_list *groups,
                   struct error *error);

int groups_rewrite(struct edit *edit, const struct finding *finding, struct error *error);

#endif
