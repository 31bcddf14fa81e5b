/* Segments of an execution graph that run slice by slice: along axis 0, a few images of the batch at a time through
 * several steps, so that what they hand on is still in cache. */
#ifndef FOVEA_RUNTIME_SLICES_H
#define FOVEA_RUNTIME_SLICES_H

#include "graph/graph.h"

/* Steps [first, last], run `rounds` times, each time on the next of as many equal parts; on `lanes` threads at once,
 * each with a part of its own (1: all threads together go through the rounds). The number of rounds does not depend on
 * that of threads, and so no result does. */
struct segment {
    int first, last;
    int64_t rounds;
    int lanes;
    size_t offset, lane_bytes; /* of what lanes have to themselves, in the plan's arena (plan.h) */
};

struct slices {
    struct memory *memory;
    int threads;
    struct segment *segments; /* in order, disjoint */
    int count;
    int *places;   /* by step: its segment, or -1 */
    uint64_t *cut; /* by step of a segment: the inputs that are cut (1 << input); its result always is */
    bool *inner;   /* by value id: only one segment knows it, and it holds one part a lane at a time */
};

int slices_find(struct slices *slices, const struct graph *graph, struct error *error);
/* What holds step `step`, or NULL. */
const struct segment *slices_at(const struct slices *slices, int step);
/* The step that ends what holds `step`: its segment's last, or itself. */
int slices_end(const struct slices *slices, int step);
void slices_release(struct slices *slices);

#endif
