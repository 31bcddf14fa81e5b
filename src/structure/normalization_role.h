/* What each BatchNormalization of a residual network does there: the classes that weight decay on scales is decided by
 * (Kim et al., ACM TIST 2024, arXiv 2205.07260). */
#ifndef FOVEA_STRUCTURE_NORMALIZATION_ROLE_H
#define FOVEA_STRUCTURE_NORMALIZATION_ROLE_H

#include "structure/network.h"
#include "structure/residual.h"

enum normalization_role {
    NORMALIZATION_LAST,  /* the last one on a block's branch: near zero it makes the block an identity */
    NORMALIZATION_DOWN,  /* on a projection, or in front of it in a pre-activation block */
    NORMALIZATION_STEM,  /* its result becomes an identity stream; the one in front of the head */
    NORMALIZATION_OTHER, /* inside of a branch, or of no block */
    NORMALIZATION_ROLES
};

struct normalization_entry {
    struct node *node; /* BatchNormalization */
    enum normalization_role role;
};
struct normalization_roles {
    struct normalization_entry *entries; /* in the graph's order, in its arena */
    int count;
    int counts[NORMALIZATION_ROLES];
    int blocks, ties; /* residual blocks, and those whose branch is not decidable */
    int parallel;     /* blocks whose shortcut is a BatchNormalization (structure/residual.h) */
    int folded; /* convolutions of branches whose normalisation the export took in: what is left has other roles */
};
/* Changes node->mark. */
int normalization_roles_find(const struct network *network, struct normalization_roles *roles, struct error *error);

/* Convolutions of branches that the export seems to have folded normalisations into: their biased maps are activated at
 * once, and nothing is normalised behind. Pre-activation blocks keep their first normalisation when that happens, in
 * which the last one's role is not to be read. */
int normalization_count_folded(const struct residual_list *blocks);

#endif
