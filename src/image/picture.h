/* Parts of a labelled picture: number maps in colour, axes, colour bars, lines of text. */
#ifndef FOVEA_IMAGE_PICTURE_H
#define FOVEA_IMAGE_PICTURE_H

#include "image/colormap.h"
#include "image/draw.h"

/* An RGB image of one colour; released with image_release. */
int picture_create(struct memory *memory, struct image *image, int64_t width, int64_t height, struct colour background,
                   struct error *error);

/* An area of the picture with data coordinates along its edges. For a map of pixels, plot_of_map puts the centre of map
 * pixel (y, x) at data (y, x), so the edges are at -0.5 and size - 0.5. */
struct plot {
    struct rectangle area;
    double left, right, top, bottom;
};
struct plot plot_of_map(struct rectangle area, int64_t height, int64_t width);
/* The same with the first cell at data (top, left). */
struct plot plot_of_map_from(struct rectangle area, int64_t height, int64_t width, double top, double left);
/* Data to picture coordinates. */
double plot_x(const struct plot *plot, double x);
double plot_y(const struct plot *plot, double y);

/* Draws values [height, width] through the colour map, `low` and below as its start, `high` and above as its end, NaN
 * gray. Enlarged: in squares, or smooth (bilinear between centres); reduced: the mean of the values under each pixel.
 */
struct number_map {
    const float *values;
    int64_t height, width;
    double low, high;
    enum colormap colormap;
    bool smooth;
};
void picture_map(struct image *image, struct rectangle area, const struct number_map *map);

/* How labels are written. */
struct label_style {
    struct colour colour;
    int scale; /* of the font, >= 1 */
};

#define MAX_TICKS 12
#define TICK_TEXT_SIZE 32
/* At most `most` (2 to MAX_TICKS) round numbers, 1, 2 or 5 times a power of ten apart, in [low, high], ascending; with
 * `whole` no fractions. Returns how many; 1 (`low`) where the range is empty, 0 where it is not finite. */
int nice_ticks(double low, double high, int most, bool whole, double ticks[MAX_TICKS]);
/* A tick's text, with as many digits as the distance `step` between ticks needs (0: there is only this one) and the
 * exponent of the `largest` magnitude among them: "0.25", "40", "0.5e-6". Returns `out`. */
const char *tick_text(double value, double step, double largest, char out[TICK_TEXT_SIZE]);
/* That exponent: 0 where numbers up to `largest` are written plainly. */
int tick_exponent(double largest);

/* Frame, ticks and whole numbers below and to the left of the area; labels may take picture_axes_left() pixels to the
 * left and picture_axes_below() below. */
void picture_axes(struct image *image, const struct plot *plot, const struct label_style *style);
int picture_axes_left(const struct plot *plot, int scale);
int picture_axes_below(int scale);

/* A vertical bar of colours from `low` (bottom) to `high`. To its right ticks and numbers, and behind them, read
 * upwards, the name of the quantity with the power of ten that all numbers share: "mean gradient, 1e-6". */
struct colour_bar {
    struct rectangle area;
    enum colormap colormap;
    double low, high;
    const char *quantity; /* NULL: no name */
};
void picture_colour_bar(struct image *image, const struct colour_bar *bar, const struct label_style *style);
/* Pixels that are needed to the right of the area. */
int picture_colour_bar_right(const struct colour_bar *bar, int scale);

/* Text in lines of `width` pixels, broken at newlines and at spaces but those in short parentheses and in front of a
 * last word that would stand alone; words that are too long are broken anywhere. Past `most_lines` it ends in "...".
 * Returns the number of lines; `image` NULL only counts. Lines are text_line_height() apart. */
int picture_text(struct image *image, int x, int y, int width, int most_lines, const char *text,
                 const struct label_style *style);
int text_line_height(int scale);

#endif
