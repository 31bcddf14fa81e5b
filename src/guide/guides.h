/* The guides' rows, each made in the file of its name. */
#ifndef FOVEA_GUIDE_GUIDES_H
#define FOVEA_GUIDE_GUIDES_H

#include "guide/guide.h"

extern const struct guide guide_atrous;
extern const struct guide guide_dropout;
extern const struct guide guide_gamma;
extern const struct guide guide_gaussian_bias;
extern const struct guide guide_groups;
extern const struct guide guide_kernel_padding;
extern const struct guide guide_prelayernorm;

#endif
