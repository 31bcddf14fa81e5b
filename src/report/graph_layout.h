/* Where the boxes of a drawn graph stand: in layers from top to bottom, each box below all that it is reached from, and
 * the ways of the lines between them. */
#ifndef FOVEA_REPORT_GRAPH_LAYOUT_H
#define FOVEA_REPORT_GRAPH_LAYOUT_H

#include "base/memory.h"

#define GRAPH_MOST_BOXES 256
#define GRAPH_MOST_LINES 1024

struct graph_box {
    double width, height; /* given */
    double x, y;          /* of its left upper corner */
};
struct graph_line {
    int from, to;      /* boxes, from < to */
    int first, points; /* of the layout's points: from the lower edge of one to the upper edge of the other */
};
struct graph_point {
    double x, y;
};
struct graph_layout {
    struct memory *memory;
    struct graph_box *boxes;
    int box_count;
    struct graph_line *lines;
    int line_count;
    struct graph_point *points;
    int point_count;
    double width, height;
};

/* Takes boxes and lines that the caller holds; `points` are released by graph_layout_release in every case. */
int graph_layout_find(struct graph_layout *layout, struct error *error);
void graph_layout_release(struct graph_layout *layout);

#endif
