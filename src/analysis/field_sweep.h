/* Backward sweeps through a graph, with dilation, pads and branches: what boxes of cells of its values read of one
 * input. Many questions of one graph share what is known: laws of values that move all units alike, and what earlier
 * sweeps met. */
#ifndef FOVEA_ANALYSIS_FIELD_SWEEP_H
#define FOVEA_ANALYSIS_FIELD_SWEEP_H

#include "analysis/field_laws.h"
#include "analysis/field_memory.h"

struct field_sweep {
    struct memory *memory;
    const struct graph *graph;
    const struct value *input;
    struct field_laws laws; /* of none: nothing is asked of them */
    struct field_memory met;
    struct operand_slots slots;
    struct cells *cells;          /* by value id, empty between sweeps */
    const struct value **touched; /* the values whose cells are not */
    size_t touched_count, pending;
    int64_t visits; /* nodes that sweeps may still pass; ERROR_LIMIT behind that */
};

/* What following all questions about a graph may take, some seconds. */
#define FIELD_MOST_VISITS ((int64_t)1 << 23)

/* The graph's shapes must be bound. `input`: a graph input, or any value, a constant too. Released by
 * field_sweep_release, also after a failure. */
int field_sweep_create(struct field_sweep *sweep, const struct graph *graph, const struct value *input,
                       struct error *error);
/* For questions about many values: with laws, found in one walk through the graph. */
int field_sweep_create_lawful(struct field_sweep *sweep, const struct graph *graph, const struct value *input,
                              struct error *error);
void field_sweep_release(struct field_sweep *sweep);

/* `cells` holds one interval per axis of `value`. */
int field_sweep_reads(struct field_sweep *sweep, const struct value *value, const struct interval *cells,
                      struct reads *reads, struct error *error);

/* The same of `count` values at once, each as if it were the input: reads[count]. */
int field_sweep_reads_of(struct field_sweep *sweep, const struct value *value, const struct interval *cells,
                         const struct value *const *inputs, int count, struct reads *reads, struct error *error);

#endif
