/* How many slices at a time a run of steps goes best. */
#ifndef FOVEA_RUNTIME_SLICE_CHOICE_H
#define FOVEA_RUNTIME_SLICE_CHOICE_H

#include "graph/graph.h"

/* The steps of a graph. */
struct slice_steps {
    int count;
    int64_t batch; /* slices that values are cut into */
    struct node **nodes;
    const uint64_t *cut; /* by step: inputs that are cut */
    int *born;           /* by value id: the step that makes it, or -1 */
    bool *inner;         /* by value id: false, for slices_choose to work with */
};

/* Marks by value id what is made by steps [first, last] (each can be cut) and read by none but these. */
void slices_mark_inner(const struct slice_steps *steps, int first, int last, bool *inner);
/* Fills rounds[first..last], divisors of the batch, for steps that can all be cut and read nothing whole that one of
 * them makes; 1: all slices at once. */
int slices_choose(const struct slice_steps *steps, int first, int last, int64_t *rounds, struct error *error);

#endif
