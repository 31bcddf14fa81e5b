/* Where blocks of memory that are needed at different times lie in one arena. */
#ifndef FOVEA_RUNTIME_PLACEMENT_H
#define FOVEA_RUNTIME_PLACEMENT_H

#include <stdint.h>

#include "base/memory.h"

struct block {
    size_t bytes;
    int first, last; /* steps during which it is needed: 0 <= first <= last */
    int value;       /* the caller's; decides between equal blocks */
    size_t offset;   /* filled in */
};

/* Visits of blocks that live beside another one, before blocks are placed without looking for the lowest place. */
#define PLACEMENT_MOST_VISITS ((int64_t)1 << 26)

/* Gives every block an offset such that blocks that live at the same step are disjoint; larger ones first, each at the
 * lowest free place, as long as `visits` last; what is left then, the smallest blocks, lies above all others. Reorders
 * `blocks`. Returns how many visits it took, or -1. */
int64_t placement_find(struct memory *memory, struct block *blocks, int count, int64_t visits, size_t *arena_bytes,
                       struct error *error);

#endif
