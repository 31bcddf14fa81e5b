/* Where the units of a value lie over the image: maps [N,C,H,W] and [N,H,W,C], tokens [N,L,C] and [L,N,C] with prefix
 * tokens, vectors [N,K], cells [N,L,K] of a detector. */
#ifndef FOVEA_ANALYSIS_UNIT_GRID_H
#define FOVEA_ANALYSIS_UNIT_GRID_H

#include "analysis/receptive_field.h"
#include "op/unit_score.h"

enum unit_layout {
    UNITS_NONE,   /* nothing that has units per image */
    UNITS_VECTOR, /* one unit: [N,K] */
    UNITS_MAP,    /* [N,C,H,W] */
    UNITS_MAP_CHANNELS_LAST,
    UNITS_TOKENS, /* behind `prefix` tokens a grid in rows */
    UNITS_CELLS   /* a row of units that are no grid */
};

struct unit_grid {
    enum unit_layout layout;
    int64_t height, width; /* 1 x 1 for a vector, 1 x L for cells */
    int64_t prefix;        /* tokens that are no patches (class, registers), in front */
    struct unit_view view; /* units row by row, without the prefix */
    int row_axis;          /* of the value: its rows or tokens; -1: none */
    bool of_transformer;   /* tokens, or channels last where the image has them first */
};

/* Tokens are told by what they read: patches read their own place of the image besides all the rest, prefix tokens do
 * not. The graph's shapes must be bound. Layout UNITS_NONE is no error. */
int unit_grid_of_value(const struct graph *graph, const struct value *value, const struct value *input,
                       struct unit_grid *grid, struct error *error);
/* The same where more is asked of the graph and the input. */
int unit_grid_find(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid, struct error *error);
/* More than one unit at places of the image. */
bool unit_grid_is_spatial(const struct unit_grid *grid);
/* The central unit: [H / 2, W / 2] of a map, ((H-1) / 2, (W-1) / 2) of tokens and of maps with channels last, the rules
 * of Kim et al. for CNN features (arXiv 2108.13576) and transformer tokens (arXiv 2305.04722). */
void unit_grid_centre(const struct unit_grid *grid, int64_t unit[2]);
/* The cells of one unit of image 0, all channels: an interval per axis of the value. */
void unit_grid_cells(const struct unit_grid *grid, const struct value *value, const int64_t unit[2],
                     struct interval cells[SHAPE_MAX_RANK]);
/* Appends what cuts the unit's cells out of the value, for all images, where units lie along axes of their own (maps,
 * tokens; else the value itself); `scores`, read from the value, is then of what is returned, where it is unit 0. */
struct value *unit_grid_cut(struct graph *graph, const struct unit_grid *grid, struct value *value,
                            const int64_t unit[2], struct class_scores *scores, struct error *error);
/* The theoretical field of the units of a map or of tokens. */
int receptive_field_of_units(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid,
                             struct fovea_receptive_field *field, bool *varies, struct error *error);

#endif
