/* Whether an edited model computes what it did, told at the layers that were changed: everything else is the same
 * operators on the same values. It holds where outputs tell nothing, because what follows amplifies rounding without
 * bound (Exp of boxes, choices by non-maximum suppression). */
#ifndef FOVEA_ANALYSIS_LAYER_EQUIVALENCE_H
#define FOVEA_ANALYSIS_LAYER_EQUIVALENCE_H

#include "analysis/equivalence.h"

#define EQUIVALENCE_NAME 256

struct layer_equivalence {
    int nodes;                    /* changed or new ones, after constants are folded; 0: the same computation */
    int values;                   /* compared, behind them */
    double largest;               /* |y' - y| over the largest |y| of the same value, of all values */
    char worst[EQUIVALENCE_NAME]; /* label of the node that makes the value which is furthest; "": all are equal */
};

/* Runs the old model on a random input and, of the new one, the changed nodes alone, on the old model's values in front
 * of them; compares behind them. 0; 1: it cannot be told, as the graphs cannot be laid side by side; -1. */
int layer_equivalence_measure(const struct snapshot *before, const struct snapshot *after,
                              const struct shape_binding *bindings, int binding_count, uint64_t seed,
                              struct layer_equivalence *result, struct error *error);

#endif
