/* Theoretical receptive fields: backward intervals through every operator's rule (field_sweep.h), measured. */
#ifndef FOVEA_ANALYSIS_RECEPTIVE_FIELD_H
#define FOVEA_ANALYSIS_RECEPTIVE_FIELD_H

#include "analysis/field_sweep.h"
#include "fovea/receptive_field.h"

/* One question (field_sweep.h): what `cells`, an interval per axis of `value`, read of `input`. */
int receptive_field_reads(const struct graph *graph, const struct value *value, const struct interval *cells,
                          const struct value *input, struct reads *reads, struct error *error);

/* The first spatial axis of a value: 2 as in NC[H]W, or 1 if moving along axis 1 moves through the rows of the input.
 */
int receptive_field_spatial_axis(struct field_sweep *sweep, const struct value *value, int *spatial,
                                 struct error *error);

/* Fields are found from two neighbouring units: size of the central one, stride (0 when there is one unit only), centre
 * of unit 0. Conventions: unit centres are at (low + high) / 2 of the unclipped interval, pixels counted from 0. */

/* The cells of a unit in the middle, of unit 0, and of the one before the middle along every axis (the middle itself
 * where there is none); `place` of the middle. */
struct three_units {
    int axes;
    int64_t place[2];
    struct interval middle[SHAPE_MAX_RANK], first[SHAPE_MAX_RANK], beside[SHAPE_MAX_RANK];
};
/* varies[2] (or NULL): whether size or stride depends on the unit (resizes, transposed convolutions), by axis. */
int receptive_field_measure(struct field_sweep *sweep, const struct value *value, const struct three_units *units,
                            struct fovea_receptive_field *field, bool *varies, struct error *error);
int receptive_field_of_value(struct field_sweep *sweep, const struct value *value, struct fovea_receptive_field *field,
                             struct error *error);

#endif
