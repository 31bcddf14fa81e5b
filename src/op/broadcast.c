#include "op/broadcast.h"

/* Strides of an operand aligned with the output at the last axes; 0 where it is broadcast. */
static void aligned_strides(const struct shape *operand, const struct shape *out, int64_t strides[SHAPE_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = 1; i <= out->rank; i++) {
        int axis = out->rank - i;
        int64_t size = i <= operand->rank ? operand->dims[operand->rank - i] : 1;
        strides[axis] = size == 1 ? 0 : stride;
        stride *= size;
    }
}

void broadcast_plan(struct broadcast *broadcast, const struct shape *a, const struct shape *b, const struct shape *out)
{
    int64_t strides_a[SHAPE_MAX_RANK], strides_b[SHAPE_MAX_RANK];
    int64_t dims[SHAPE_MAX_RANK], merged_a[SHAPE_MAX_RANK], merged_b[SHAPE_MAX_RANK];
    int rank = 0;
    aligned_strides(a, out, strides_a);
    aligned_strides(b, out, strides_b);
    /* Axes are collapsed where both operands walk on evenly; sizes of 1 vanish. */
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t size = out->dims[axis];
        if (size == 1)
            continue;
        if (rank > 0 && merged_a[rank - 1] == strides_a[axis] * size && merged_b[rank - 1] == strides_b[axis] * size) {
            dims[rank - 1] *= size;
            merged_a[rank - 1] = strides_a[axis];
            merged_b[rank - 1] = strides_b[axis];
            continue;
        }
        dims[rank] = size;
        merged_a[rank] = strides_a[axis];
        merged_b[rank++] = strides_b[axis];
    }
    *broadcast = (struct broadcast){.rows = 1, .width = 1, .inner_a = 1, .inner_b = 1};
    if (rank > 0) {
        rank--;
        broadcast->width = dims[rank];
        broadcast->inner_a = merged_a[rank];
        broadcast->inner_b = merged_b[rank];
    }
    broadcast->rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        broadcast->dims[axis] = dims[axis];
        broadcast->stride_a[axis] = merged_a[axis];
        broadcast->stride_b[axis] = merged_b[axis];
        broadcast->rows *= dims[axis];
    }
}

void broadcast_row(const struct broadcast *broadcast, int64_t row, int64_t *offset_a, int64_t *offset_b)
{
    *offset_a = *offset_b = 0;
    for (int axis = broadcast->rank - 1; axis >= 0; axis--) {
        int64_t index = row % broadcast->dims[axis];
        row /= broadcast->dims[axis];
        *offset_a += index * broadcast->stride_a[axis];
        *offset_b += index * broadcast->stride_b[axis];
    }
}
