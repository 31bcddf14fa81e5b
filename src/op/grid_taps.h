/* Where a sample of GridSample reads: a few cells of the map with weights, and how the weights change with the place.
 */
#ifndef FOVEA_OP_GRID_TAPS_H
#define FOVEA_OP_GRID_TAPS_H

#include "graph/settings.h"

#define GRID_AXES 3
#define GRID_AXIS_TAPS 4
#define GRID_TAPS 64

enum grid_mode { GRID_LINEAR, GRID_NEAREST, GRID_CUBIC };
enum grid_padding { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION };

/* Of GridSample and its gradients. */
struct grid_sample_settings {
    enum grid_word { GRID_WORD_LINEAR, GRID_WORD_NEAREST, GRID_WORD_CUBIC, GRID_WORD_BILINEAR, GRID_WORD_BICUBIC } mode;
    enum grid_padding padding_mode;
    bool align_corners;
};

struct grid_sampling {
    enum grid_mode mode;
    enum grid_padding padding;
    bool align_corners;
    int axes;                                  /* 1 to 3, the map's spatial axes */
    int64_t images, channels, size[GRID_AXES]; /* of the map; size of axis 0 first */
    int64_t plane, points;                     /* cells of a channel; samples of an image */
};

/* From the settings and the shapes of the map [N,C,D...] and the grid [N,o...,axes]. */
int grid_sampling_read(const struct grid_sample_settings *settings, const struct shape *map, const struct shape *grid,
                       struct grid_sampling *sampling, struct error *error);

struct grid_taps {
    int count;
    int64_t at[GRID_TAPS]; /* cells of a channel */
    float weight[GRID_TAPS];
    float slope[GRID_AXES][GRID_TAPS]; /* d weight / d grid number, in the grid's order: last axis first */
};
/* `place` is the sample's numbers in the grid. Slopes only where `slopes`. */
void grid_taps_at(const struct grid_sampling *sampling, const float *place, bool slopes, struct grid_taps *taps);

#endif
