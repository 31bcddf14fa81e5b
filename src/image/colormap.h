/* Colours for numbers. */
#ifndef FOVEA_IMAGE_COLORMAP_H
#define FOVEA_IMAGE_COLORMAP_H

#include "image/draw.h"

enum colormap {
    COLORMAP_LAGOON,    /* dark purple, blue, green, yellow; lightness rises evenly */
    COLORMAP_EMBER,     /* dark blue, magenta, orange, yellow; lightness rises evenly */
    COLORMAP_GRAY,      /* black to white */
    COLORMAP_DIVERGING, /* blue, almost white at 0.5, red */
    COLORMAP_COUNT
};

/* Position 0 to 1, clamped; NaN is mid-gray. */
struct colour colormap_colour(enum colormap colormap, double position);

#endif
