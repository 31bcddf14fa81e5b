/* Maps and tokens whose units see places of the image of their own. */
#ifndef FOVEA_ANALYSIS_SPATIAL_GRID_H
#define FOVEA_ANALYSIS_SPATIAL_GRID_H

#include "analysis/unit_grid.h"

/* The grid of such a value; UNITS_NONE of others: what is behind a global pool has no places, nor have the sides of a
 * detector's boxes. `sweep`: of the image. */
int spatial_grid_find(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid,
                      struct error *error);

#endif
