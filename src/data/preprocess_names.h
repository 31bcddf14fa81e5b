/* The words for preprocessing choices, as flags and metadata spell them. */
#ifndef FOVEA_DATA_PREPROCESS_NAMES_H
#define FOVEA_DATA_PREPROCESS_NAMES_H

#include "data/preprocess.h"

const char *image_channels_name(enum image_channels channels);
int image_channels_parse(const char *name, enum image_channels *channels, struct error *error);
const char *interpolation_name(enum interpolation interpolation);
/* Of EXIF orientations: "apply" or "stored". */
const char *exif_name(bool upright);
int exif_parse(const char *name, bool *upright, struct error *error);
int interpolation_parse(const char *name, enum interpolation *interpolation, struct error *error);

#endif
