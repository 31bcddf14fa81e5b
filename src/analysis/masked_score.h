/* Scores of one image seen through masks: what Score-CAM and the faithfulness metrics are made of. */
#ifndef FOVEA_ANALYSIS_MASKED_SCORE_H
#define FOVEA_ANALYSIS_MASKED_SCORE_H

#include "analysis/probe.h"

struct masked_image {
    const float *image; /* one image in the layout of the probe's image input, float */
    const float
        *baseline;       /* the same, what is shown where the mask is 0; NULL: zeros, the mean colour of most presets */
    int64_t class_index; /* -1: of each run its own prediction */
};

/* Runs `forward`, a probe without gradient whose image input is float, on baseline + mask * (image - baseline) for
 * every mask[height * width] that `next` fills (`index` counts from 0 to count - 1). scores[count];
 * probabilities[count] by softmax over the target's channels at the scored unit, may be NULL. */
typedef void mask_fill(void *user, int64_t index, float *mask);
int masked_scores(struct probe *forward, const struct masked_image *image, mask_fill *next, void *user, int64_t count,
                  double *scores, double *probabilities, struct error *error);
/* exp(y_c) / sum_k exp(y_k) of an image of the last run; -1 where several units were scored. */
double probe_probability(const struct probe *probe, const struct probe_result *result, int64_t image);

#endif
