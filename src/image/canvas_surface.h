/* What the parts of the canvas share. */
#ifndef FOVEA_IMAGE_CANVAS_SURFACE_H
#define FOVEA_IMAGE_CANVAS_SURFACE_H

#include <cairo.h>

#include "image/canvas.h"
#include "image/font_set.h"

struct canvas {
    struct memory *memory;
    struct font_set *fonts;
    cairo_t *cairo;
    double width, height;
    struct error *error;
    bool failed, dots; /* dots: the surface is of pixels */
};

/* Whether there is a failure: nothing is drawn after one. */
bool canvas_failed(struct canvas *canvas);
/* Takes cairo's status over as an error. Returns -1 where it is one. */
int canvas_check(struct memory *memory, cairo_status_t status, struct error *error);
void canvas_set_colour(struct canvas *canvas, struct colour colour, double opacity);

#endif
