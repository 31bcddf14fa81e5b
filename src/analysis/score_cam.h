/* Score-CAM (Wang et al. 2020): every channel of an activation, enlarged and scaled to 0..1, masks the image; the
 * channels' weights are the softmax of the scores. */
#ifndef FOVEA_ANALYSIS_SCORE_CAM_H
#define FOVEA_ANALYSIS_SCORE_CAM_H

#include "analysis/cam.h"
#include "analysis/masked_score.h"

/* Fills weights[view.channels] with the help of a forward probe. `most` channels are run, those whose activations vary
 * most (0: all); the others get the weight 0. `grid` is the activation's height and width. */
int score_cam_weights(struct probe *forward, const struct masked_image *image, const struct cam_layer *layer,
                      const int64_t grid[2], int64_t most, double *weights, struct error *error);

#endif
