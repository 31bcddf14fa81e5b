/* Where a network drops out, and where it should: Kim et al., How to Use Dropout Correctly on Residual Networks with
 * Batch Normalization, UAI 2023, arXiv 2302.06112. */
#ifndef FOVEA_STRUCTURE_DROPOUT_PLACE_H
#define FOVEA_STRUCTURE_DROPOUT_PLACE_H

#include "structure/network.h"

enum dropout_place {
    DROPOUT_RIGHT, /* behind a branch's last normalisation, in front of its last weight; or in front of the pool */
    DROPOUT_BEFORE_NORM,  /* in front of a normalisation of the branch, whose statistics then differ in training */
    DROPOUT_AFTER_WEIGHT, /* behind the branch's last weight */
    DROPOUT_ON_SHORTCUT,
    DROPOUT_AFTER_POOL, /* in the head, behind the global pool */
    DROPOUT_ELSEWHERE,  /* what the paper does not speak of */
    DROPOUT_PLACES
};

struct dropout_site {
    struct node *dropout;
    enum dropout_place place;
    struct node *target; /* the right place is in front of this node: a branch's last weight, the pool; NULL: none */
    double keep;         /* 1 - ratio; 0 where it is computed */
};
struct dropout_list {
    struct dropout_site *sites; /* in the graph's order, in its arena */
    int count;
    int branches;            /* residual branches with BatchNormalization, those of concatenating networks included, */
    int branches_with_place; /* that have a right place */
    int parallel;            /* blocks whose shortcut is a BatchNormalization (structure/residual.h) */
    int idle;                /* Dropouts of ratio 0, which are not among the sites */
    int folded;              /* as normalization_count_folded */
};
/* Changes node->mark. */
int dropout_list_find(const struct network *network, struct dropout_list *list, struct error *error);

#endif
