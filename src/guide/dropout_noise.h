/* How much noise a dropout makes where it stands: Kim et al., UAI 2023, arXiv 2302.06112. `keep` is 1 - ratio. */
#ifndef FOVEA_GUIDE_DROPOUT_NOISE_H
#define FOVEA_GUIDE_DROPOUT_NOISE_H

#include "guide/guide.h"

/* Variance at test over that in training of what a normalisation reads, for a dropout behind ReLU of normal numbers and
 * in front of a zero-mean weight: V / (.5 / keep - 1 / 2 pi), V = (1 - 1 / pi) / 2. */
double dropout_variance_ratio(double keep);
/* The same behind the sum of a residual block whose shortcut has variance 1. */
double dropout_variance_ratio_after_sum(double keep);
/* Variance that a dropout in front of a mean over `positions` leaves, over that of one behind it, for ReLU of normal
 * numbers: pi / (positions + pi - 1). */
double dropout_head_noise(double positions);

/* The same measured: sum x^2 / (sum x)^2 per image and channel, of the map that `pool` reads, over the images. */
int dropout_measure_head(const struct audit *audit, const struct node *pool, const struct image_set *images,
                         double *noise, struct error *error);

#endif
