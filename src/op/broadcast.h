/* Numpy broadcasting of two operands, once for all operators: rows of an inner loop over collapsed axes. */
#ifndef FOVEA_OP_BROADCAST_H
#define FOVEA_OP_BROADCAST_H

#include "graph/operator.h"

struct broadcast {
    int rank;                     /* of the collapsed outer axes */
    int64_t dims[SHAPE_MAX_RANK]; /* outer axes */
    int64_t stride_a[SHAPE_MAX_RANK], stride_b[SHAPE_MAX_RANK];
    int64_t rows, width;      /* product of dims; elements of the inner loop */
    int64_t inner_a, inner_b; /* strides of the inner loop: 0 or 1 */
};

/* `out` is the broadcast of `a` and `b`. */
void broadcast_plan(struct broadcast *broadcast, const struct shape *a, const struct shape *b, const struct shape *out);
/* Element offsets of both operands at a row. */
void broadcast_row(const struct broadcast *broadcast, int64_t row, int64_t *offset_a, int64_t *offset_b);

#endif
