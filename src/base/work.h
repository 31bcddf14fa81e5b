/* How much may be computed that nobody has asked for yet. Operations are counted, not time: the same file gives the
 * same result everywhere. */
#ifndef FOVEA_BASE_WORK_H
#define FOVEA_BASE_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct work {
    int64_t left; /* operations */
    bool refused; /* something asked for more than was left */
};

/* Takes `operations` (at least 0) from what is left; ERROR_LIMIT and nothing taken where there are fewer. NULL: as many
 * as you like. */
int work_spend(struct work *work, int64_t operations, struct error *error);

#endif
