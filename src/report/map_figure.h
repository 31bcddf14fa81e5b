/* A figure of one map of numbers: a title, the map with axes in its cells, marks on it, a colour bar, what belongs
 * below, notes in words. */
#ifndef FOVEA_REPORT_MAP_FIGURE_H
#define FOVEA_REPORT_MAP_FIGURE_H

#include "report/figure.h"

/* A part of the map, in cells. */
struct map_window {
    int64_t y, x, height, width;
};

/* The map alone: what it shows and how. */
struct map_view {
    const float *values; /* [height, width] */
    int64_t height, width;
    struct map_window window; /* that is shown; without a size all of it. The whole is then set into a corner */
    double low, high;
    int colormap;
    double first[2]; /* y, x on the axes of the map's first cell */
    void (*marks)(struct canvas *canvas, const struct plot *plot, const void *user); /* or NULL */
    const void *user;
};
/* Draws it into the box and returns it with its data coordinates. */
struct plot map_view_draw(struct canvas *canvas, const struct map_view *view, struct box box);
/* Whether a part is shown, and its size. */
struct map_window map_view_window(const struct map_view *view);

struct map_figure {
    const char *title, *notes;
    struct map_view view;
    const char *quantity; /* that the colours mean */
    bool powers;          /* low and high are exponents of 10 */
    /* Draws what belongs below the map, in its width, and returns its height; or NULL. */
    double (*below)(struct canvas *canvas, const struct plot *map, double y, const void *user);
};

int map_figure_write(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                     const struct map_figure *figure, struct error *error);

#endif
