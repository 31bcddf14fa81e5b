/* Constants of a source graph, an initialiser's or a Constant node's, as training reads and replaces them. */
#ifndef FOVEA_TRAIN_SOURCE_CONSTANT_H
#define FOVEA_TRAIN_SOURCE_CONSTANT_H

#include "graph/graph.h"

/* What the value holds; NULL: it is an input or computed. */
struct constant *source_constant(const struct value *value);
/* The value that holds the elements, through any number of Identity nodes; NULL: none does. */
struct value *source_constant_root(struct value *value);
/* Its elements. `source` holds a constant. */
const struct tensor *source_constant_read(const struct value *source, struct error *error);
/* Replaces them by `elements` (float), in the constant's own type. */
int source_constant_store(struct value *source, const float *elements, struct error *error);
/* The same, and what the old ones take is given back, though clones of the graph hold them. */
int source_constant_replace(struct value *source, const float *elements, struct error *error);

/* Makes a value that nothing makes an initialiser with a copy of `elements`. */
int source_constant_place(const struct model *model, struct value *value, const struct tensor *elements,
                          struct error *error);

#endif
