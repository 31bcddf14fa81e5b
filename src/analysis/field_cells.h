/* Boxes of cells that a backward sweep (field_sweep.h) collects, and one step of it: from a node's output to an input.
 */
#ifndef FOVEA_ANALYSIS_FIELD_CELLS_H
#define FOVEA_ANALYSIS_FIELD_CELLS_H

#include "graph/operand_slots.h"

/* What a box of cells of a value reads of another value. */
struct reads {
    bool local;                           /* false: nothing but through statistics, gates and global pools */
    bool global;                          /* something on the way reads whole maps */
    struct interval axes[SHAPE_MAX_RANK]; /* per axis of what is read, unclipped; the hull over all branches */
};

/* Intervals collected so far for one value. Reshapes may keep the elements but lose the places: behind [N,C,H,W] ->
 * [N,G,..] a unit is no box any more. Until a Reshape back, the cells are known as a box in the shape that comes
 * behind. */
struct cells {
    bool local, global;
    struct interval axes[SHAPE_MAX_RANK];
    const struct shape *view; /* another shape of the same elements, or NULL */
    struct interval box[SHAPE_MAX_RANK];
};

/* The hull of two collections; `rank` of the value. */
void cells_include(struct cells *into, const struct cells *more, int rank);
void cells_copy_axes(struct interval *into, const struct interval *axes, int rank);
/* Adds to `to`, the cells of input `input`, what `from`, those of an output, read of it. The slots hold the node. */
int cells_step_back(const struct node *node, const struct operand_slots *slots, int output, int input,
                    const struct cells *from, struct cells *to, struct error *error);

#endif
