/* Drawing on RGB images. Everything is clipped; coordinates are pixels, (0, 0) the top left corner of the top left
 * pixel. Floating-point shapes have soft edges. */
#ifndef FOVEA_IMAGE_DRAW_H
#define FOVEA_IMAGE_DRAW_H

#include "image/font.h"
#include "image/image.h"

struct colour {
    uint8_t red, green, blue;
};

/* How a line looks. */
struct stroke {
    struct colour colour;
    double width;   /* pixels */
    double dash;    /* length of a dash and of a gap, 0: solid */
    double opacity; /* 0 to 1 */
};

struct rectangle {
    int x, y, width, height;
};

/* Mixes the colour into one pixel, `coverage` 0 to 1. */
void draw_pixel(struct image *image, int x, int y, struct colour colour, double coverage);
void draw_fill(struct image *image, struct rectangle area, struct colour colour, double opacity);
void draw_line(struct image *image, double x0, double y0, double x1, double y1, const struct stroke *stroke);
/* Outline whose centre line runs along the edges of x .. x + width, y .. y + height. */
void draw_rectangle(struct image *image, double x, double y, double width, double height, const struct stroke *stroke);
/* Outline of the ellipse with half axes `a`, `b`, turned by `angle` (radians, from x towards y). */
void draw_ellipse(struct image *image, double x, double y, double a, double b, double angle,
                  const struct stroke *stroke);
/* A plus sign of the given arm length with its centre at (x, y). */
void draw_cross(struct image *image, double x, double y, double arm, const struct stroke *stroke);

enum text_direction { TEXT_RIGHT, TEXT_UP };

/* Text with its top left corner at (x, y), read upwards: its bottom left corner; `scale` >= 1 enlarges. */
void draw_text(struct image *image, int x, int y, const char *text, int scale, enum text_direction direction,
               struct colour colour);
/* Pixels from the first to the last column. Height is FONT_HEIGHT * scale. */
int text_width(const char *text, int scale);
/* Bytes of `text` that fit into `width` pixels. */
size_t text_fitting(const char *text, int scale, int width);

#endif
