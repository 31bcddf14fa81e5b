/* The stages of a network: its sizes of maps and tokens. */
#ifndef FOVEA_ANALYSIS_TARGET_STAGES_H
#define FOVEA_ANALYSIS_TARGET_STAGES_H

#include "graph/graph.h"

/* The last map or tokens of the whole image of each size on the way to the output, in the order in which sizes first
 * occur. Returns how many, or -1. */
#define TARGET_MOST_STAGES 32
int target_stages(struct graph *graph, const struct value *image, struct value *list[TARGET_MOST_STAGES],
                  struct error *error);

#endif
