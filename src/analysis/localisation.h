/* Whether a map lies where the object is. */
#ifndef FOVEA_ANALYSIS_LOCALISATION_H
#define FOVEA_ANALYSIS_LOCALISATION_H

#include <stdbool.h>
#include <stdint.h>

/* Share of the strongest pixel from which pixels count as the map's region. */
#define LOCALISATION_THRESHOLD 0.5

struct localisation {
    double energy; /* share of the positive mass inside the mask (Wang et al. 2020) */
    bool pointing; /* the strongest pixel is inside (Zhang et al. 2016) */
    double iou;    /* of the region above LOCALISATION_THRESHOLD of the strongest pixel with the mask */
};
/* mask[count]: not 0 inside. A map without positive pixels points nowhere and has no region. */
void localisation_measure(const float *pixels, const uint8_t *mask, int64_t count, struct localisation *result);

#endif
