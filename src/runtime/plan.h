/* Where every value of an execution graph lives: one arena, planned by liveness. */
#ifndef FOVEA_RUNTIME_PLAN_H
#define FOVEA_RUNTIME_PLAN_H

#include "runtime/slices.h"

#define PLAN_OUTSIDE SIZE_MAX

/* A graph output that is taken as soon as it is there and the last reader of a graph input has run, instead of after
 * the run: its memory is free then. */
struct plan_take {
    int output, after_input, index; /* index: the caller's */
    int step; /* filled in: position of the node, the last of its segment where it is in one, behind which it is taken
               */
};

struct plan {
    struct memory *memory;
    struct slices slices;
    size_t arena_bytes;
    size_t *offsets;      /* by value id; PLAN_OUTSIDE: a constant, or of data-dependent size */
    struct value **roots; /* by value id: the value whose memory it shares (itself, or what it is a view of) */
};

/* Finds the segments that run slice by slice. Values that live at the same time get disjoint places; views share their
 * input's, and pointwise results take over that of an input that nobody needs any more. The values that only one
 * segment knows have the bytes of one part each, for every lane of the segment; offsets are those of the first lane. */
int plan_create(struct plan *plan, const struct graph *graph, struct plan_take *takes, int take_count,
                struct error *error);
void plan_release(struct plan *plan);

#endif
