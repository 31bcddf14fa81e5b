/* The way of the projected patches through a transformer's embedding, from the projection to where something else than
 * views and the projection's bias is done to them. Graphs with bound shapes and folded constants. */
#ifndef FOVEA_STRUCTURE_PATCH_CHAIN_H
#define FOVEA_STRUCTURE_PATCH_CHAIN_H

#include "structure/embedding.h"

#define PATCH_CHAIN_VALUES 16

struct patch_chain {
    struct value *values[PATCH_CHAIN_VALUES]; /* the projection's result and what views make of it */
    int channel_axis[PATCH_CHAIN_VALUES];
    int count;
    const struct value *bias; /* of the projection, where it is not all zeros; NULL: none */
    struct node *next;        /* the one node that reads the last value; NULL: there are several */
};

/* `embedding` must have a projection. Reads of shapes do not count. */
void patch_chain_follow(const struct patch_embedding *embedding, struct patch_chain *chain);
/* The last value whose channels are its last axis, else the last: its index. */
int patch_chain_place(const struct patch_chain *chain);
/* Whether the node normalises each place of `value` over its channels, the last axis. */
bool is_channel_normalization(const struct node *node, const struct value *value, int channel_axis);

#endif
