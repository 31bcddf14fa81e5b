/* Where a graph normalises groups of channels, whatever the exporter made of GroupNormalization, and the block around:
 * weight -> normalisation -> activation. Graphs with bound shapes and folded constants in which nothing is fused. */
#ifndef FOVEA_STRUCTURE_GROUP_NORMALIZATION_H
#define FOVEA_STRUCTURE_GROUP_NORMALIZATION_H

#include "graph/graph.h"

enum group_form {
    GROUP_OPERATOR,   /* GroupNormalization */
    GROUP_INSTANCE,   /* InstanceNormalization of [N, G, ...] between two Reshapes */
    GROUP_LAYER,      /* LayerNormalization of [N, G, ...] over all axes behind G, between two Reshapes */
    GROUP_DECOMPOSED, /* the same by means, differences and roots */
    GROUP_FORMS
};

#define GROUP_FRONT 3  /* nodes of the weight layer: the product, a bias, a cast */
#define GROUP_BEHIND 8 /* of an activation in parts */

struct group_site {
    enum group_form form;
    int64_t channels, groups;
    int64_t positions; /* of the map; 1 for rows of features */
    float epsilon;
    struct value *x;            /* [N, C, ...], what is normalised */
    struct node *first, *core;  /* the Reshape in front (or the operator); what has the statistics */
    struct node *reshaped_back; /* the Reshape behind; NULL for the operator */
    struct value *own_scale;    /* of core: per channel, or per group (then of G elements); NULL: 1 */
    struct value *own_bias;     /* ...; NULL: 0 */
    struct node *own_affine[2]; /* GROUP_DECOMPOSED: Mul by ones, Add of zeros in front of the Reshape back; or NULL */
    struct node *scale_node;    /* Mul with one constant per channel (or one for all) behind; NULL: none */
    struct node *shift_node;    /* Add of one; NULL: none */
    struct value *scale, *bias; /* their constants */
    struct value *result;       /* of the normalisation with all that scales and shifts */
    struct node *front[GROUP_FRONT]; /* the weight layer up to x, in order; front_count 0: something else makes x */
    int front_count;
    struct value *input;               /* of the weight layer; NULL: none */
    struct node *behind[GROUP_BEHIND]; /* the activation of the result, of several nodes where it is taken apart */
    int behind_count;
    struct value *output; /* of the activation, or `result` */
};

struct group_list {
    struct group_site *sites; /* in the graph's order, in its arena */
    int count;
};
int group_normalization_find(struct graph *graph, struct group_list *list, struct error *error);

/* scale[c], bias[c] of all that the site multiplies and adds; [channels] each. */
int group_site_affine(const struct group_site *site, double *scale, double *bias, struct error *error);

/* Features per position that the weight layer reads and makes, and the positions of its input for one of its output
 * (stride^2; below 1 where it is transposed). False: there is no weight layer. */
struct group_widths {
    double inputs, outputs, shrink;
};
bool group_site_widths(const struct group_site *site, struct group_widths *widths);

#endif
