/* A surface to draw figures on, in points (1/72 inch), (0, 0) the top left corner. One drawing gives PNG, SVG and PDF
 * files, the same bytes whenever it is the same. */
#ifndef FOVEA_IMAGE_CANVAS_H
#define FOVEA_IMAGE_CANVAS_H

#include "image/colormap.h"
#include "image/image.h"

struct canvas;

/* Draws a figure and says its size with canvas_size. Called once to learn that, then once for each file. Errors are
 * kept by the canvas; the first one wins. */
typedef void canvas_draw(struct canvas *canvas, const void *user);

/* Writes `path`, which has no ending, with each of `formats` (set of 1 << enum fovea_figure_format), atomically. `dpi`:
 * of the PNG. */
int canvas_write(struct memory *memory, const char *path, unsigned formats, double dpi, canvas_draw *draw,
                 const void *user, struct error *error);
/* The same as pixels, for the caller to release. */
int canvas_image(struct memory *memory, double dpi, canvas_draw *draw, const void *user, struct image *image,
                 struct error *error);

/* "png", "svg", "pdf"; NULL for others. */
const char *canvas_ending(int format);

void canvas_size(struct canvas *canvas, double width, double height);
/* For what a drawing has to make: a failure that it records ends the figure. */
struct memory *canvas_memory(struct canvas *canvas);
struct error *canvas_error(struct canvas *canvas);

struct box {
    double x, y, width, height;
};
/* How a line looks. */
struct pen {
    struct colour colour;
    double width;
    double dash;    /* length of a dash and of a gap, 0: solid */
    double opacity; /* 0 to 1 */
};

void canvas_fill(struct canvas *canvas, struct box box, struct colour colour, double opacity);
void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1, const struct pen *pen);
/* Points joined by lines, x, y each; not finite ones are left out. */
void canvas_path(struct canvas *canvas, const double (*points)[2], int count, const struct pen *pen);
/* The line's middle runs along the edges. */
void canvas_rectangle(struct canvas *canvas, struct box box, const struct pen *pen);
/* With half axes a (along x) and b. */
void canvas_ellipse(struct canvas *canvas, double x, double y, double a, double b, const struct pen *pen);
/* A plus sign. */
void canvas_cross(struct canvas *canvas, double x, double y, double arm, const struct pen *pen);
/* From the top down, 1 to 0. */
void canvas_gradient(struct canvas *canvas, struct box box, int colormap);
/* RGB over the box; enlarged its pixels stay squares unless `smooth`. */
void canvas_picture(struct canvas *canvas, struct box box, const struct image *image, bool smooth);
/* What is drawn until canvas_unclip is cut at the box. */
void canvas_clip(struct canvas *canvas, struct box box);
void canvas_unclip(struct canvas *canvas);

/* UTF-8 of any content: what is none shows as U+FFFD, what no font has as a box. Sizes are in points, places those of
 * the base line. */
struct text_style {
    double size;
    struct colour colour;
    bool bold;
};
enum text_anchor { TEXT_START, TEXT_MIDDLE, TEXT_END };
void canvas_text(struct canvas *canvas, double x, double y, enum text_anchor anchor, const struct text_style *style,
                 const char *text);
/* Read upwards. */
void canvas_text_up(struct canvas *canvas, double x, double y, enum text_anchor anchor, const struct text_style *style,
                    const char *text);
double canvas_text_width(struct canvas *canvas, const struct text_style *style, const char *text);
#define TEXT_CAPITAL 0.73 /* of the size: height of capitals and digits above the base line */
#define TEXT_LINE 1.36    /* of the size: from base line to base line */

/* Lines of at most `width`, broken at newlines and at spaces but those in short parentheses and in front of a last word
 * that would stand alone; words that are too long are broken anywhere. Past `most_lines` it ends in "...". Returns the
 * height of the lines, which begin at `y`. */
double canvas_paragraph(struct canvas *canvas, double x, double y, double width, int most_lines,
                        const struct text_style *style, const char *text);

#endif
