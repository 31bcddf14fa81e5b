/* What a classifier, a segmentation network or a row of detections says: the strongest channel of every unit. */
#ifndef FOVEA_ANALYSIS_PREDICTION_H
#define FOVEA_ANALYSIS_PREDICTION_H

#include "op/unit_score.h"

/* Units of [N,K] or [N,K,H,W], classes along axis 1; false for other shapes. */
bool prediction_view(const struct shape *shape, struct unit_view *view);
/* The strongest channel of a unit, the first of equal ones; -1 where a channel is not finite. */
int64_t prediction_class(const struct unit_view *view, const float *elements, int64_t image, int64_t unit);
/* How many channels are stronger than `label`, equal ones in front of it included: 0 is the prediction. */
int64_t prediction_rank(const struct unit_view *view, const float *elements, int64_t image, int64_t unit,
                        int64_t label);
/* Softmax over the unit's channels, of one of them. */
double prediction_probability(const struct unit_view *view, const float *elements, int64_t image, int64_t unit,
                              int64_t channel);

#endif
