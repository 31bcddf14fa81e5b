/* Atrous spatial pyramid pooling: parallel convolutions of different dilations that read one map, concatenated or
 * added. Dilations one behind the other (multigrid backbones, context modules) are none. */
#ifndef FOVEA_STRUCTURE_ASPP_H
#define FOVEA_STRUCTURE_ASPP_H

#include "structure/aspp_input.h"
#include "structure/network.h"

#define ASPP_MOST_BRANCHES 16

struct aspp_branch {
    struct node *convolution; /* the dilated one: dense or depthwise */
    int64_t rate[2];          /* of the map, y, x: its dilations times the blocks of space to batch */
    struct aspp_input input;
};

struct aspp {
    struct value *input;                             /* map that the dilated convolutions read */
    struct node *join;                               /* Concat, or the last Add */
    struct aspp_branch branches[ASPP_MOST_BRANCHES]; /* the dilated ones, by ascending rate */
    int count;
    int undilated;   /* branches like them without dilation, as rates of 1 are written */
    int64_t size[2]; /* of the input: cells y, x */
};
struct aspp_list {
    struct aspp *list; /* in the graph's order, in its arena */
    int count;
    int regrouped; /* convolutions of joined branches behind views that are not understood */
};
int aspp_find(const struct network *network, struct aspp_list *found, struct error *error);

#endif
