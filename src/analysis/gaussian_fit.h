/* The Gaussian that fits a map best. */
#ifndef FOVEA_ANALYSIS_GAUSSIAN_FIT_H
#define FOVEA_ANALYSIS_GAUSSIAN_FIT_H

#include <stdint.h>

#include "base/memory.h"
#include "fovea/erf.h"

/* Least squares (MINPACK's Levenberg-Marquardt) of
 *   amplitude / (2 pi sy sx) exp(-(y - yc)^2 / 2 sy^2 - (x - xc)^2 / 2 sx^2)
 * to map / sum(map) (amplitude 1: all of it is the Gaussian; R squared 1 - var(residual) / var(map)), with the starting
 * point of Kim et al. (arXiv 2305.04722): amplitude 2, centre 0.8 of the middle, sx = (W - 1) / 15, sy = (H - 1) / 9. A
 * map without a positive sum or with fewer than 5 pixels does not converge. */
int gaussian_fit(struct memory *memory, const double *map, int64_t height, int64_t width, struct fovea_gaussian *fit,
                 struct error *error);

#endif
