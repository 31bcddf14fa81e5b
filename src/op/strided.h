/* Moving a box of elements between two layouts. */
#ifndef FOVEA_OP_STRIDED_H
#define FOVEA_OP_STRIDED_H

#include <string.h>

#include "graph/operator.h"

#define STRIDED_MAX_RANK (2 * SHAPE_MAX_RANK)

/* to[i . to_strides] = from[i . from_strides] for all i in dims; strides in elements of `size` bytes. A stride of 0 in
 * `from` repeats; no two i may meet in `to`. */
struct strided_copy {
    int rank;
    int64_t dims[STRIDED_MAX_RANK], from_strides[STRIDED_MAX_RANK], to_strides[STRIDED_MAX_RANK];
    const char *from;
    char *to;
    size_t size; /* 1, 4 or 8 */
};
void strided_copy_run(struct thread_pool *pool, const struct strided_copy *copy);
/* Adds an axis behind the others. */
void strided_copy_axis(struct strided_copy *copy, int64_t size, int64_t from_stride, int64_t to_stride);

/* One element of `size` bytes. */
static inline void move_element(char *to, const char *from, size_t size)
{
    if (size == 4)
        memcpy(to, from, 4);
    else if (size == 8)
        memcpy(to, from, 8);
    else
        *to = *from;
}

/* `count` elements, all as the one at `from`. */
void fill_elements(char *to, const char *from, int64_t count, size_t size);

/* Bytes of an element of the tensor. */
static inline size_t element_size(const struct tensor *tensor)
{
    return dtype_storage_size(dtype_storage(tensor->dtype));
}

/* Steps of one element as indices of a row-major odometer over dims. */
static inline void odometer_next(int64_t *index, const int64_t *dims, int rank)
{
    for (int axis = rank - 1; axis >= 0 && ++index[axis] == dims[axis]; axis--)
        index[axis] = 0;
}

static inline void odometer_set(int64_t *index, const int64_t *dims, int rank, int64_t position)
{
    for (int axis = rank - 1; axis >= 0; axis--) {
        index[axis] = position % dims[axis];
        position /= dims[axis];
    }
}

#endif
