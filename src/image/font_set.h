/* The fonts that pictures are written in: DejaVu Sans, and for characters that it lacks whatever else is installed. */
#ifndef FOVEA_IMAGE_FONT_SET_H
#define FOVEA_IMAGE_FONT_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <cairo.h>
#include <hb.h>

#include "base/memory.h"

struct font {
    hb_face_t *tables;
    hb_font_t *shapes;       /* in units of the design */
    cairo_font_face_t *face; /* to draw with */
    double units;            /* of the design in an em */
};

/* Fonts are opened when a character first needs them. */
struct font_set;
struct font_set *font_set_open(struct memory *memory, struct error *error);
/* NULL is allowed. */
void font_set_close(struct font_set *set);
/* The font to write a character in, valid until the set is closed; NULL: no installed font has it. */
const struct font *font_set_find(struct font_set *set, bool bold, uint32_t character);
/* Whether memory ended: a NULL of font_set_find then says nothing. */
bool font_set_failed(const struct font_set *set);

#endif
