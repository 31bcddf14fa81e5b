/* How uneven a map is from pixel to pixel: the checkerboards of strided layers (Kim et al., arXiv 2108.13576). */
#ifndef FOVEA_ANALYSIS_IMBALANCE_H
#define FOVEA_ANALYSIS_IMBALANCE_H

#include <stdbool.h>
#include <stdint.h>

/* (mean |d/drow| + mean |d/dcolumn|) / 2 by first (L1) and second (L2) differences of the map. They scale with the map:
 * of `scale` times the map they are `scale` times as large. Maps too small for a difference give 0. */
struct imbalance {
    double first, second;
};
struct imbalance imbalance_measure(const double *map, int64_t height, int64_t width);

/* Mass by (y mod stride, x mod stride): per phase its mean over the pixels of that phase, and the largest mean over the
 * smallest, `ratio` (1: even; HUGE_VAL: a phase holds nothing; 0: the map is zero). Scale-free. Only the pixels of
 * whole periods count, so that every phase has as many. */
#define PHASE_LARGEST_STRIDE 64
struct phase_imbalance {
    int64_t stride;
    double ratio;
    int64_t largest[2], smallest[2]; /* phases y, x */
};
/* False where the stride is below 2, above PHASE_LARGEST_STRIDE, or larger than the map. */
bool phase_imbalance_measure(const double *map, int64_t height, int64_t width, int64_t stride,
                             struct phase_imbalance *imbalance);

#endif
