/* The layer behind one cell of a detector. */
#ifndef FOVEA_ANALYSIS_CELL_LAYER_H
#define FOVEA_ANALYSIS_CELL_LAYER_H

#include "analysis/target.h"

/* The map [N,C,H,W] or [N,H,W,C] that unit `unit` of the target is looked at on. That of which the product that makes
 * its class score reads one place gives the level; of that level the last map of which the unit reads several places is
 * taken, or where there is none the one that the product reads. NULL in *layer: there is none. */
int cell_layer_find(struct graph *graph, const struct value *image, const struct target *target, int64_t unit,
                    struct value **layer, struct error *error);

#endif
