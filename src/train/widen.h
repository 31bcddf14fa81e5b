/* Half precision trained in float32: small steps would vanish in it, and gradients overflow. */
#ifndef FOVEA_TRAIN_WIDEN_H
#define FOVEA_TRAIN_WIDEN_H

#include "graph/graph.h"

/* In an execution graph whose types are not inferred yet: float16 and bfloat16 become float32, in inputs, constants and
 * what nodes are told to make, inner graphs among them. Constants of the file are copied, not changed. */
int widen_half(struct graph *graph, struct error *error);

#endif
