/* What boxes of cells that backward sweeps met on their way read of the input, so that the next sweep ends where an
 * earlier one went on alone: the questions that are asked of one layer after the other share most of their way. */
#ifndef FOVEA_ANALYSIS_FIELD_MEMORY_H
#define FOVEA_ANALYSIS_FIELD_MEMORY_H

#include "analysis/field_cells.h"

struct field_memory {
    struct memory *memory;
    struct met_box *boxes; /* a table by hash, `room` a power of two */
    size_t box_count, room;
    struct met_reads *reads; /* of each sweep that met boxes */
    size_t sweep_count, sweep_room;
    bool met; /* by the sweep in progress */
};

void field_memory_release(struct field_memory *memory);

/* What all cells of `value` that were collected read, or NULL: not met before. */
const struct reads *field_memory_find(const struct field_memory *memory, const struct value *value,
                                      const struct cells *cells);
/* The sweep in progress has nothing but these cells to follow, and read nothing so far. */
int field_memory_meet(struct field_memory *memory, const struct value *value, const struct cells *cells,
                      struct error *error);
/* The sweep in progress ends with this; NULL: it failed. */
int field_memory_finish(struct field_memory *memory, const struct reads *reads, struct error *error);

#endif
