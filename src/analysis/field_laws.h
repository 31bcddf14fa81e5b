/* What the units of a value read of the input, as a law over all units, found in one walk through the graph: where
 * every operator on the way moves all units alike (convolutions, pools, what is element-wise), unit u reads [low + u
 * stride, high + u stride] along each spatial axis. A backward sweep (field_sweep.h) may end at such values. */
#ifndef FOVEA_ANALYSIS_FIELD_LAWS_H
#define FOVEA_ANALYSIS_FIELD_LAWS_H

#include "graph/operator.h"

struct field_law {
    bool known;         /* false: there is none, or it was not found */
    bool local, global; /* as of struct reads */
    int spatial;        /* the value's first spatial axis */
    struct {
        int64_t low, high, stride; /* stride at least 1 */
    } axes[2];
};

struct field_laws {
    struct memory *memory;
    struct field_law *of; /* by value id */
    const struct value *input;
    int axes; /* spatial axes of the input: 1 or 2 */
};

/* Laws of all values of the graph, whose shapes must be bound, for an input [N,C,(H,)W] or [N,H,W,C]. */
int field_laws_create(struct field_laws *laws, const struct graph *graph, const struct value *input,
                      struct error *error);
void field_laws_release(struct field_laws *laws);

/* The law of a value if a box of it (an interval per axis) holds whole units, NULL: all of them; NULL where there is
 * none or no law is known. */
const struct field_law *field_laws_of_box(const struct field_laws *laws, const struct value *value,
                                          const struct interval *box);
/* What units along one axis read of the input along the same. */
struct interval field_law_reads(const struct field_law *law, int axis, const struct interval *units);

#endif
