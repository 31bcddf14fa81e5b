/* Geometry of Resize and Upsample: which input cells, with which weights, make each output cell along one axis. The
 * operator is separable; every axis has its own table of taps. */
#ifndef FOVEA_OP_RESIZE_TAPS_H
#define FOVEA_OP_RESIZE_TAPS_H

#include "graph/operator.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };

enum resize_transform {
    RESIZE_HALF_PIXEL,
    RESIZE_HALF_PIXEL_SYMMETRIC,
    RESIZE_PYTORCH_HALF_PIXEL,
    RESIZE_ALIGN_CORNERS,
    RESIZE_ASYMMETRIC,
    RESIZE_TF_HALF_PIXEL_FOR_NN,
    RESIZE_TF_CROP_AND_RESIZE
};

/* SIMPLE is what opset 10 and Upsample do: down when enlarging, up when reducing. */
enum resize_rounding { RESIZE_ROUND_PREFER_FLOOR, RESIZE_ROUND_PREFER_CEIL, RESIZE_FLOOR, RESIZE_CEIL, RESIZE_SIMPLE };

struct resize_axis {
    int64_t input, output;
    double scale;      /* as given, or output / input */
    double start, end; /* region of interest in units of input - 1 */
    bool active;       /* false: copied cell by cell */
    /* The part that is made of the output, and what of the input is at hand for it; all, but in confined nodes. */
    int64_t made_first, made, held_first, held;
};

struct resize {
    enum resize_mode mode;
    enum resize_transform transform;
    enum resize_rounding rounding;
    double cubic_a;
    bool exclude_outside, antialias;
    bool whole_lengths; /* align_corners spans the cells that are made, not input * scale */
    float extrapolation;
    int rank;
    struct resize_axis axes[SHAPE_MAX_RANK];
};

/* The input cell (fractional, unclipped) that output cell `x` looks at. */
double resize_coordinate(const struct resize *resize, const struct resize_axis *axis, double x);
/* Whether that cell lies outside the input, where tf_crop_and_resize puts the extrapolation value. */
bool resize_outside(const struct resize *resize, const struct resize_axis *axis, int64_t x);
/* Taps of every output cell along the axis, at most `axis->input`. */
int64_t resize_tap_count(const struct resize *resize, const struct resize_axis *axis);
/* first[made]: first input cell, counted from the first at hand; weights[made * taps]: of it and its followers, zero
 * where outside. */
void resize_fill_taps(const struct resize *resize, const struct resize_axis *axis, int64_t *first, float *weights);
/* Unclipped interval of input cells that output cell `x` reads with a weight other than zero. */
struct interval resize_reach(const struct resize *resize, const struct resize_axis *axis, int64_t x);

#endif
