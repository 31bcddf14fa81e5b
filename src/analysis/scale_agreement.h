/* What scaling the tensor of an image does to predictions: pure contrast, without shift and clipping. */
#ifndef FOVEA_ANALYSIS_SCALE_AGREEMENT_H
#define FOVEA_ANALYSIS_SCALE_AGREEMENT_H

#include "analysis/image_set.h"

/* agreement[i]: share of the units (images, or pixels of a map) whose predicted class for scales[i] * x is that for x.
 * `bound`: the model's graph with bound shapes, `logits` its value that holds them. -1 for all: the model's first
 * output holds no classes, or it takes bytes, which cannot be scaled. */
int scale_agreement(const struct model *model, const struct graph *bound, const struct image_set *images,
                    const char *logits, const double *scales, int count, double *agreement, struct error *error);

#endif
