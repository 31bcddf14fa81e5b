/* Whether a map lies where the object is. */
#ifndef FOVEA_ANALYSIS_LOCALISATION_H
#define FOVEA_ANALYSIS_LOCALISATION_H

#include "fovea/cam.h"

/* Share of the strongest pixel from which pixels count as the map's region. */
#define LOCALISATION_THRESHOLD 0.5

/* Energy as of Wang et al. 2020, pointing as of Zhang et al. 2016. mask[count]: not 0 inside. A map without positive
 * pixels points nowhere and has no region. */
void localisation_measure(const float *pixels, const uint8_t *mask, int64_t count, struct fovea_localisation *result);

#endif
