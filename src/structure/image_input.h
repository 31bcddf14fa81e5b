/* Where images enter a network. */
#ifndef FOVEA_STRUCTURE_IMAGE_INPUT_H
#define FOVEA_STRUCTURE_IMAGE_INPUT_H

#include "graph/graph.h"

/* Whether an input is of a type that pixels have (floats, bytes), and no initialiser. */
bool image_input_type(const struct value *input);
/* Whether an input is an image alone, [C,H,W] or [H,W,C] with 1 or 3 channels, of floats or bytes. */
bool image_input_lacks_batch(const struct value *input);
/* The first input of four axes of such a type; behind an input of bytes, or where there is none of four axes behind one
 * without a batch, the first float tensor of four axes made of it. NULL: none. *index: of the graph input. The graph's
 * shapes must be bound. */
struct value *image_input(const struct graph *graph, int *index);

#endif
