/* From cells to pixels. */
#ifndef FOVEA_ANALYSIS_SPREAD_H
#define FOVEA_ANALYSIS_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

/* Where the cells of a grid [cells[0], cells[1]] lie over an image [pixels[0], pixels[1]]: cell i of an axis is centred
 * at centre + i * stride, in pixels counted from 0. */
struct spread_place {
    int64_t cells[2], pixels[2];
    double centre[2], stride[2];
};

/* Extended-CAM's upsampling (Kim et al., CVIU 2023, arXiv 2001.05153): out(y,x) = sum_ij map_ij K_ij(y,x), K a Gaussian
 * of `sigma` pixels at the cell's centre with sum 1 inside the image, so that sums stay. out[pixels] is overwritten. */
int spread_gaussian(struct memory *memory, const double *map, const struct spread_place *place, const double sigma[2],
                    float *out, struct error *error);
/* Bilinear between the cells' centres, which divide the image evenly (half-pixel centres), as class activation maps are
 * usually enlarged. */
void spread_bilinear(const double *map, const int64_t cells[2], const int64_t pixels[2], float *out);

#endif
