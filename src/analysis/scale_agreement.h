/* What scaling the tensor of an image does to predictions: pure contrast, without shift and clipping. */
#ifndef FOVEA_ANALYSIS_SCALE_AGREEMENT_H
#define FOVEA_ANALYSIS_SCALE_AGREEMENT_H

#include "analysis/image_set.h"
#include "analysis/target.h"

/* agreement[i]: share of the units (images, pixels of a map, rows of a detector) whose predicted class for scales[i] *
 * x is that for x. `scores`: of the model's graph with bound shapes. -1 for all: the model takes bytes, which cannot be
 * scaled, or the scores are no value of the file. */
int scale_agreement(const struct model *model, const struct image_set *images, const struct target *scores,
                    const double *scales, int count, double *agreement, struct error *error);

#endif
