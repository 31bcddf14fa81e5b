/* How uneven a map is from pixel to pixel: the checkerboards of strided layers (Kim et al., arXiv 2108.13576). */
#ifndef FOVEA_ANALYSIS_IMBALANCE_H
#define FOVEA_ANALYSIS_IMBALANCE_H

#include "fovea/erf.h"

/* (mean |d/drow| + mean |d/dcolumn|) / 2 by first (L1) and second (L2) differences of the map. They scale with the map:
 * of `scale` times the map they are `scale` times as large. Maps too small for a difference give 0. */
void imbalance_measure(const double *map, int64_t height, int64_t width, double imbalance[2]);

/* Mass by (y mod stride, x mod stride): per phase its mean over the pixels of that phase, and the largest mean over the
 * smallest, `ratio` (1: even; HUGE_VAL: a phase holds nothing; 0: the map is zero). Scale-free. Only the pixels of
 * whole periods count, so that every phase has as many. */
#define PHASE_LARGEST_STRIDE 64
/* False where the stride is below 2, above PHASE_LARGEST_STRIDE, or larger than the map. */
bool phase_imbalance_measure(const double *map, int64_t height, int64_t width, int64_t stride,
                             struct fovea_phases *phases);

#endif
