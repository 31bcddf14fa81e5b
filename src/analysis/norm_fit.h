/* How well a layer normalisation can stand for the values that it would normalise. */
#ifndef FOVEA_ANALYSIS_NORM_FIT_H
#define FOVEA_ANALYSIS_NORM_FIT_H

#include "analysis/image_set.h"

struct norm_fit {
    int64_t channels, places; /* places: of all images */
    double *gamma, *beta;     /* [channels], in the arena */
    double r_squared;         /* 1 - residual / variance, over all channels; 0 where nothing varies */
};

/* fit->channels is set by the caller. Per channel the least squares of x on (x - mean) / sqrt(variance + epsilon), mean
 * and variance over the channels of each place, over all places of all images. `value`: a name of the graph with bound
 * shapes, its axis 0 the batch, `channel_axis` its channels. */
int norm_fit_measure(const struct model *model, const struct image_set *images, const char *value, int channel_axis,
                     double epsilon, struct arena *arena, struct norm_fit *fit, struct error *error);

#endif
