/* Lines of UTF-8 text, shaped: which glyphs of which fonts, where. */
#ifndef FOVEA_IMAGE_TEXT_LAYOUT_H
#define FOVEA_IMAGE_TEXT_LAYOUT_H

#include "image/font_set.h"

/* A part of a line in one font, script and direction; positions are in ems, from where the part begins. */
struct text_run {
    const struct font *font; /* NULL: no font has the character, a box stands for it */
    const char *text;        /* valid UTF-8 */
    int length;              /* bytes */
    cairo_glyph_t *glyphs;
    cairo_text_cluster_t *clusters; /* which bytes are which glyphs */
    int glyph_count, cluster_count;
    bool backward; /* the first glyphs are the last characters */
    double from, width;
};

struct text_line {
    struct memory *memory;
    char *text; /* without bytes that are no UTF-8 */
    struct text_run *runs;
    int count;
    double width; /* in ems */
};

#define TEXT_BOX 0.7 /* ems that the box of a missing character takes */

/* The text with U+FFFD, three bytes, for each byte that is no UTF-8; released by the caller. */
char *text_clean_utf8(struct memory *memory, const char *text, size_t length, struct error *error);
/* Shapes `length` bytes of any content; U+FFFD stands for what is no UTF-8. Released with text_line_release in every
 * case. */
int text_line_shape(struct memory *memory, struct font_set *fonts, bool bold, const char *text, size_t length,
                    struct text_line *line, struct error *error);
void text_line_release(struct text_line *line);
/* Bytes of the line's text, whole characters, that take at most so many ems. */
size_t text_line_fitting(const struct text_line *line, double width);

#endif
