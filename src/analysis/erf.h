/* Effective receptive fields: the input gradient of one unit (Kim et al., arXiv 2108.13576). Y = channel mean of the
 * target at one unit (or one logit); G = mean over the input channels of dY/dx; ReLU(G) per image; mean over images. */
#ifndef FOVEA_ANALYSIS_ERF_H
#define FOVEA_ANALYSIS_ERF_H

#include "analysis/probe.h"

/* Adds ReLU(channel mean) of the first `images` images of a run of a PROBE_IMAGE to map[height * width]. */
void erf_accumulate(const struct probe *probe, const float *gradient, int64_t images, double *map);

/* Numbers about a map [height, width]. Distances are between pixel centres, in pixels. */
#define ERF_RADII 7
struct erf_metrics {
    double sum, min, max;
    int64_t argmax[2];
    double centre_value; /* at the pixel next to `centre` */
    double centre_of_mass[2];
    double radii[ERF_RADII], mass_within[ERF_RADII]; /* share of the sum within so many pixels of `centre` */
    double border_share;                             /* share of the outermost rows and columns */
};
void erf_measure(const double *map, int64_t height, int64_t width, const double centre[2], struct erf_metrics *metrics);

#endif
