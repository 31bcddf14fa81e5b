/* Whether two nodes say the same. */
#ifndef FOVEA_DIFF_ATTRIBUTE_EQUAL_H
#define FOVEA_DIFF_ATTRIBUTE_EQUAL_H

#include "graph/graph.h"

/* Type and elements, bit by bit; their names are not looked at. Graphs count as equal: they are compared elsewhere. -1
 * where a tensor cannot be read. */
int attribute_equal(const struct attribute *a, const struct attribute *b, bool *same, struct error *error);

#endif
