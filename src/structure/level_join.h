/* Levels of one output joined to one value, under a name of its own: heads are asked for several times. */
#ifndef FOVEA_STRUCTURE_LEVEL_JOIN_H
#define FOVEA_STRUCTURE_LEVEL_JOIN_H

#include "graph/graph.h"

#define LEVEL_NAME_SIZE 512

/* "classes0 and 2 more"; of one level "classes0 as rows". Returns out. */
const char *level_join_name(const struct value *first, int count, char out[LEVEL_NAME_SIZE]);
/* The value of this name, where it is so many values joined; or NULL. */
struct value *level_join_known(const struct graph *graph, const char *name, int count);
/* The levels one behind the other along `axis`, named where the name is free. */
struct value *level_join(struct graph *graph, struct value *const *levels, int count, int64_t axis, const char *name,
                         struct error *error);

#endif
