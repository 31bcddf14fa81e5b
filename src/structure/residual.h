/* Residual blocks: two ways from one value that an Add brings together again. */
#ifndef FOVEA_STRUCTURE_RESIDUAL_H
#define FOVEA_STRUCTURE_RESIDUAL_H

#include "graph/graph.h"

/* The nodes between a block's entry and an operand of its sum, in the graph's order; the entry is not among them, nor
 * what makes gates that others are multiplied by. */
struct path {
    struct node **nodes;
    int count, weights; /* how many; how many of them are convolutions or products with constant weights */
    struct value *end;  /* the operand */
};

struct residual_block {
    struct node *sum;     /* the Add */
    struct value *entry;  /* what both ways start from */
    struct path branch;   /* the way with more weights */
    struct path shortcut; /* the other: empty for an identity, one weight for a projection */
    bool tie;             /* both have as many weights: which is the branch is not decidable */
    bool parallel;        /* the shortcut is a BatchNormalization, as in RepVGG: none is the branch */
};

struct residual_list {
    struct residual_block *blocks; /* in the graph's order, in its arena */
    int count;
};

/* Adds of two maps or token rows of one shape, whose shortcut holds one weight at most, and none if there are blocks on
 * the branch. The graph's shapes must be bound, constants folded. Uses node->mark. */
int residual_find(struct graph *graph, struct residual_list *list, struct error *error);

#endif
