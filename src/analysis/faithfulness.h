/* How much a map says about the score: what the score does when the image is seen through the map. */
#ifndef FOVEA_ANALYSIS_FAITHFULNESS_H
#define FOVEA_ANALYSIS_FAITHFULNESS_H

#include "analysis/masked_score.h"

/* Points of a curve, from none of the pixels (0) to all. */
#define FAITHFULNESS_STEPS 32

struct faithfulness {
    double original, masked; /* probability of the class for the image, and under max(map, 0) / max(map) */
    double drop;             /* max(0, original - masked) / original (Chattopadhay et al. 2018); a mask of ones drops 0:
                              * never to be read alone */
    bool increase;           /* masked > original */
    /* Probability with the pixels of the strongest map first put into a blurred image, or taken out to zeros (Petsiuk
     * et al. 2018: a Gaussian of 5 px per 224), and the areas under the curves. */
    double insertion[FAITHFULNESS_STEPS + 1], deletion[FAITHFULNESS_STEPS + 1];
    double insertion_area, deletion_area;
};

/* `pixels`: the enlarged signed map [height, width] of the probe's image. */
int faithfulness_measure(struct probe *forward, const float *image, const float *pixels, int64_t class_index,
                         struct faithfulness *faithfulness, struct error *error);

#endif
