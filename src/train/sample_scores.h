/* What each sample adds to the score of a data set, so that scores of two models can be compared sample by sample. */
#ifndef FOVEA_TRAIN_SAMPLE_SCORES_H
#define FOVEA_TRAIN_SAMPLE_SCORES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

struct sample_scores {
    struct memory *memory;
    int64_t samples, classes;
    float *list;     /* [samples]: their mean is the score; NaN: not counted */
    int32_t *counts; /* of masks, [samples, classes, 2]: pixels of both label and prediction, of either; else NULL */
};
/* Released by sample_scores_close in every case. */
int sample_scores_open(struct sample_scores *scores, struct memory *memory, int64_t samples, int64_t classes,
                       bool masks, struct error *error);
void sample_scores_close(struct sample_scores *scores);

/* Before samples are counted: list[] becomes -1, counts zero. */
void sample_scores_reset(struct sample_scores *scores);
/* One pixel of a sample; prediction -1: none. */
void sample_scores_pixel(struct sample_scores *scores, int64_t sample, int64_t label, int64_t prediction);
/* Behind the last one. Labels: list[] holds 1 where the prediction is right, 0, or -1 for none, which becomes NaN.
 * Masks: the mean IoU M, linearised: M + n / K sum over the K classes of (I[i,k] - IoU[k] U[i,k]) / U[k], the
 * infinitesimal jackknife's pseudo-values of n images (Efron, 1982), with I the intersections and U the unions. */
void sample_scores_finish(struct sample_scores *scores);

#endif
