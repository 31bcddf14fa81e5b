/* The dead-pixel test (Kim et al., arXiv 2108.13576): how much the score moves when one pixel is changed, beside what
 * the effective receptive field says of that pixel. */
#ifndef FOVEA_ANALYSIS_PERTURBATION_H
#define FOVEA_ANALYSIS_PERTURBATION_H

#include "analysis/probe.h"

/* Pixels spread over the image, one at a random place of every field of a grid of about `count` fields (all pixels
 * where there are fewer). Writes at most `count` pairs y, x; returns how many. */
int64_t perturbation_points(int64_t height, int64_t width, int64_t count, uint64_t seed, int64_t (*points)[2]);

/* Adds |score with the pixel's channels raised by `step` - score| of one image to changes[count]. `forward`: a probe
 * without gradient of float images. */
int perturbation_measure(struct probe *forward, const float *image, int64_t class_index, const int64_t (*points)[2],
                         int64_t count, double step, double *changes, struct error *error);

#endif
