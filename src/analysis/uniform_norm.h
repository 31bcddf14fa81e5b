/* A normalisation over channels whose scale is the same everywhere: the mean over its channels is a constant. */
#ifndef FOVEA_ANALYSIS_UNIFORM_NORM_H
#define FOVEA_ANALYSIS_UNIFORM_NORM_H

#include "graph/graph.h"

/* What such a normalisation (LayerNormalization, or written out as subtract, divide, scale, shift) normalises, if
 * `value` is its result; else NULL. The channel mean of `value` has no gradient then (a freshly initialised
 * transformer). */
struct value *uniform_norm_input(const struct value *value);

#endif
