/* Effective receptive fields: the input gradient of one unit (Kim et al., arXiv 2108.13576). Y = channel mean of the
 * target at one unit (or one logit); G = mean over the input channels of dY/dx; ReLU(G) per image; mean over images. */
#ifndef FOVEA_ANALYSIS_ERF_H
#define FOVEA_ANALYSIS_ERF_H

#include "analysis/probe.h"
#include "fovea/erf.h"

/* Adds ReLU(channel mean) of the first `images` images of a run of a PROBE_IMAGE to map[height * width]. */
void erf_accumulate(const struct probe *probe, const float *gradient, int64_t images, double *map);

/* The numbers of `erf` about its map [height, width], given in double: sum, extremes, masses; by its `centre`. */
void erf_measure(const double *map, struct fovea_erf *erf);

#endif
