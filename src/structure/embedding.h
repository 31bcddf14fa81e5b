/* How a transformer makes tokens of an image: the projection of patches, the position embedding, tokens in front.
 * Graphs with bound shapes and folded constants. */
#ifndef FOVEA_STRUCTURE_EMBEDDING_H
#define FOVEA_STRUCTURE_EMBEDDING_H

#include "graph/graph.h"

struct patch_embedding {
    /* A convolution whose kernel is its stride, or the product of patches cut out by views; NULL: there is none. */
    struct node *projection;
    bool stem;        /* there is none because a convolution of another kind reads the image first */
    int64_t patch[2]; /* pixels y, x */
    int64_t grid[2];  /* patches y, x */
    /* Where a constant with one vector per place is added: the absolute position embedding. NULL: none. */
    struct node *position_node;
    int position_input;
    struct value *position; /* [1, prefix + patches, C], [1, C, h, w] or [1, h, w, C]; leading ones may be missing */
    int64_t prefix;         /* rows of it in front of the patches' */
    bool channels_first;    /* [C, h, w] */
    int64_t joined[2];      /* class and other tokens that are put in front of the patches, behind them */
};

/* `image`: the graph input (or the float tensor behind it). */
void patch_embedding_find(struct graph *graph, const struct value *image, struct patch_embedding *embedding);

#endif
