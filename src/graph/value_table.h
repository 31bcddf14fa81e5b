/* Names of a graph's values: an open-addressing hash table in the graph's arena. */
#ifndef FOVEA_GRAPH_VALUE_TABLE_H
#define FOVEA_GRAPH_VALUE_TABLE_H

#include "graph/graph.h"

/* The value named `name`, or NULL. `table` may be NULL (empty). */
struct value *value_table_find(const struct value_table *table, const char *name);
/* Adds a value whose name is not in the table yet; makes the table when *table is NULL. */
int value_table_add(struct arena *arena, struct value_table **table, struct value *value, struct error *error);

#endif
