/* Colours, and colours for numbers. */
#ifndef FOVEA_IMAGE_COLORMAP_H
#define FOVEA_IMAGE_COLORMAP_H

#include <stdint.h>

#include "fovea/figure.h"

struct colour {
    uint8_t red, green, blue;
};

/* Maps with a sign: blue, almost white at 0.5, red. */
#define COLORMAP_DIVERGING FOVEA_COLORMAPS
#define COLORMAP_COUNT (FOVEA_COLORMAPS + 1)

/* Position 0 to 1, clamped; NaN is mid-gray. `colormap`: one of enum fovea_colormap, or COLORMAP_DIVERGING;
 * FOVEA_COLORMAP_AUTO is the first. */
struct colour colormap_colour(int colormap, double position);

#endif
