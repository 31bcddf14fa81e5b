/* Where every value of an execution graph lives: one arena, planned by liveness. */
#ifndef FOVEA_RUNTIME_PLAN_H
#define FOVEA_RUNTIME_PLAN_H

#include "graph/graph.h"

#define PLAN_OUTSIDE SIZE_MAX

struct plan {
    struct memory *memory;
    size_t arena_bytes;
    size_t *offsets;      /* by value id; PLAN_OUTSIDE: a constant, or of data-dependent size */
    struct value **roots; /* by value id: the value whose memory it shares (itself, or what it is a view of) */
};

/* Values that live at the same time get disjoint places; views share their input's, and pointwise results take over
 * that of an input that nobody needs any more. */
int plan_create(struct plan *plan, const struct graph *graph, struct error *error);
void plan_release(struct plan *plan);

#endif
