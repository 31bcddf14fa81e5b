/* Where in the image a detector's rows stand, and what the graph itself says of how its boxes are written. */
#ifndef FOVEA_STRUCTURE_DETECTOR_PLACES_H
#define FOVEA_STRUCTURE_DETECTOR_PLACES_H

#include "structure/head.h"
#include "structure/network.h"

struct detector_places {
    struct network network;
    struct head head;
    struct element_tracer tracer;
    bool told;    /* rows of scores are found */
    bool regions; /* RoiAlign: its regions, and the boxes made of them, are x1, y1, x2, y2 by its specification */
};

/* Released by detector_places_close in every case. */
int detector_places_open(struct detector_places *places, const struct model *model,
                         const struct shape_binding *bindings, int binding_count, struct error *error);
void detector_places_close(struct detector_places *places);
/* y, x of a row's place in its map, as shares of the image; NAN where rows are queries. */
int detector_place(struct detector_places *places, int64_t row, double at[2], struct error *error);
/* Whether rows are a transformer's queries, and output `output` of the graph is a sigmoid: boxes as DETR writes them.
 */
int detector_is_query_boxes(struct detector_places *places, int output, bool *is, struct error *error);

#endif
