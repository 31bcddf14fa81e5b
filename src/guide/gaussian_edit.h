/* Gaussian biases in a source graph: as subgraphs that tuning can change, or as constants. */
#ifndef FOVEA_GUIDE_GAUSSIAN_EDIT_H
#define FOVEA_GUIDE_GAUSSIAN_EDIT_H

#include "guide/edit.h"
#include "guide/gaussian_sites.h"

/* Constants that follow from the places of tokens alone: layers with the same places share them. */
enum gaussian_constant {
    GAUSSIAN_DISTANCES,
    GAUSSIAN_COLUMNS_FRONT, /* zeros, in front of the patches and behind them */
    GAUSSIAN_COLUMNS_BEHIND,
    GAUSSIAN_ROWS_FRONT,
    GAUSSIAN_ROWS_BEHIND,
    GAUSSIAN_CONSTANTS
};

/* One layer's, as it stands in the source graph. */
struct gaussian_layer {
    const struct gaussian_site *site;
    struct value *constants[GAUSSIAN_CONSTANTS];
    struct value *amplitude, *sigma; /* scalar initialisers; NULL where edit->fold */
    struct value *table;             /* edit->fold: the bias itself */
};

struct gaussian_layers {
    struct gaussian_layer *list; /* room for all sites */
    int count;
    bool zero_columns; /* of tokens without a place; else the row's log-mean-exp */
};

/* Adds the bias to the site's attention; a new layer. */
int gaussian_edit_add(struct edit *edit, struct gaussian_layers *layers, const struct gaussian_site *site,
                      const struct gaussian_bias *bias, struct error *error);
/* Gives all layers other numbers. */
int gaussian_edit_set(struct edit *edit, const struct gaussian_layers *layers, const struct gaussian_bias *bias,
                      struct error *error);
/* Stores a bias that the file computes as a constant; what computed it goes. */
int gaussian_edit_fold(struct edit *edit, const struct gaussian_site *site, struct error *error);

#endif
