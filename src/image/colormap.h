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

/* "lagoon", "ember", "gray", "diverging". */
const char *colormap_name(enum colormap colormap);
/* -1 if `name` is none of these. */
int colormap_parse(const char *name, enum colormap *colormap);
/* Position 0 to 1, clamped; NaN is mid-gray. */
struct colour colormap_colour(enum colormap colormap, double position);

#endif
