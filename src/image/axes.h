/* Parts of a figure: an area with data coordinates along its edges, axes, colour bars. */
#ifndef FOVEA_IMAGE_AXES_H
#define FOVEA_IMAGE_AXES_H

#include "image/canvas.h"

/* For a map of pixels, plot_of_map puts the centre of map pixel (y, x) at data (y, x), so the edges are at -0.5 and
 * size - 0.5; the first cell is at data (top, left). */
struct plot {
    struct box area;
    double left, right, top, bottom; /* data coordinates of the edges */
    bool whole;                      /* ticks are whole numbers */
};
struct plot plot_of_map(struct box area, int64_t height, int64_t width, double top, double left);
/* Data to canvas coordinates. */
double plot_x(const struct plot *plot, double x);
double plot_y(const struct plot *plot, double y);

/* Frame, ticks and numbers below and to the left of the area; labels may take plot_axes_left() to the left and
 * plot_axes_below() below. */
void plot_axes(struct canvas *canvas, const struct plot *plot, const struct text_style *style);
/* Frame, and what is below alone. */
void plot_axis_below(struct canvas *canvas, const struct plot *plot, const struct text_style *style);
double plot_axes_left(struct canvas *canvas, const struct plot *plot, const struct text_style *style);
double plot_axes_below(const struct text_style *style);

/* A vertical bar of colours from `low` (bottom) to `high`. To its right ticks and numbers, and behind them, read
 * upwards, the name of the quantity with the power of ten that all numbers share: "mean gradient, 1e-6". */
struct colour_bar {
    struct box area;
    int colormap;
    double low, high;
    const char *quantity; /* NULL: no name */
    bool powers;          /* low and high are exponents of 10 */
};
void plot_colour_bar(struct canvas *canvas, const struct colour_bar *bar, const struct text_style *style);
/* What is needed to the right of the area. */
double plot_colour_bar_right(struct canvas *canvas, const struct colour_bar *bar, const struct text_style *style);

#endif
