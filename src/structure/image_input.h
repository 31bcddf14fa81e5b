/* Where images enter a network. */
#ifndef FOVEA_STRUCTURE_IMAGE_INPUT_H
#define FOVEA_STRUCTURE_IMAGE_INPUT_H

#include "graph/graph.h"

/* The first float input of four axes, or behind an input of bytes the first float tensor made of it. NULL: none.
 * *index: of the graph input. The graph's shapes must be bound. */
struct value *image_input(const struct graph *graph, int *index);

#endif
