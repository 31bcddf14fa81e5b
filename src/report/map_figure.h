/* A figure of one map of numbers: a title, the map with axes in its cells, marks on it, a colour bar, notes in words.
 */
#ifndef FOVEA_REPORT_MAP_FIGURE_H
#define FOVEA_REPORT_MAP_FIGURE_H

#include "image/picture.h"

typedef void map_marks(const void *user, struct image *image, const struct plot *plot);

struct map_figure {
    const char *title, *notes;
    const float *values; /* [height, width] */
    int64_t height, width;
    double low, high;
    enum colormap colormap;
    const char *quantity; /* that the colours mean */
    double first[2];      /* y, x on the axes of the first cell */
    map_marks *marks;     /* or NULL */
    const void *user;
};

/* Small maps are enlarged by whole numbers, so that their cells stay squares. */
int map_figure_write(struct memory *memory, const char *path, const struct map_figure *figure, struct error *error);

#endif
