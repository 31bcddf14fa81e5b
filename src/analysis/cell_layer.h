/* The layer behind one cell of a detector. */
#ifndef FOVEA_ANALYSIS_CELL_LAYER_H
#define FOVEA_ANALYSIS_CELL_LAYER_H

#include "analysis/unit_grid.h"

/* The last map [N,C,H,W] or [N,H,W,C] of which unit `unit` of `target` reads several places: what the head makes the
 * cell's score of. NULL in *layer: there is none. */
int cell_layer_find(struct graph *graph, const struct value *image, const struct value *target,
                    const struct unit_grid *grid, const int64_t unit[2], struct value **layer, struct error *error);

#endif
