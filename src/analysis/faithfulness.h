/* How much a map says about the score: what the score does when the image is seen through the map. */
#ifndef FOVEA_ANALYSIS_FAITHFULNESS_H
#define FOVEA_ANALYSIS_FAITHFULNESS_H

#include "analysis/masked_score.h"
#include "fovea/cam.h"

/* `pixels`: the enlarged signed map [height, width] of the probe's image. The drop is that of Chattopadhay et al. 2018,
 * the curves those of Petsiuk et al. 2018: the image they put pixels into is blurred by a Gaussian of 5 px per 224. */
int faithfulness_measure(struct probe *forward, const float *image, const float *pixels, int64_t class_index,
                         struct fovea_faithfulness *faithfulness, struct error *error);

#endif
