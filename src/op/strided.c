#include "op/strided.h"

#include "op/operand.h"

void strided_copy_axis(struct strided_copy *copy, int64_t size, int64_t from_stride, int64_t to_stride)
{
    copy->dims[copy->rank] = size;
    copy->from_strides[copy->rank] = from_stride;
    copy->to_strides[copy->rank] = to_stride;
    copy->rank++;
}

/* Axes of size 1 go; neighbours that run on in both layouts become one. */
static void merge_axes(struct strided_copy *copy)
{
    struct strided_copy merged = {.from = copy->from, .to = copy->to, .size = copy->size};
    for (int i = 0; i < copy->rank; i++) {
        int64_t size = copy->dims[i], from = copy->from_strides[i], to = copy->to_strides[i];
        int last = merged.rank - 1;
        if (size == 1)
            continue;
        if (last >= 0 && merged.from_strides[last] == from * size && merged.to_strides[last] == to * size) {
            merged.dims[last] *= size;
            merged.from_strides[last] = from;
            merged.to_strides[last] = to;
        } else {
            strided_copy_axis(&merged, size, from, to);
        }
    }
    if (merged.rank == 0)
        strided_copy_axis(&merged, 1, 1, 1);
    *copy = merged;
}

#define COPY_RUN(type)                                                                                                 \
    for (int64_t i = 0; i < count; i++)                                                                                \
    ((type *)to)[i * to_stride] = ((const type *)from)[i * from_stride]

static void copy_run(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t count, size_t size)
{
    if (to_stride == 1 && from_stride == 1)
        memcpy(to, from, (size_t)count * size);
    else if (size == 4)
        COPY_RUN(uint32_t);
    else if (size == 8)
        COPY_RUN(uint64_t);
    else
        COPY_RUN(uint8_t);
}

void fill_elements(char *to, const char *from, int64_t count, size_t size)
{
    copy_run(to, 1, from, 0, count, size);
}

static void copy_rows(void *argument, int64_t begin, int64_t end)
{
    const struct strided_copy *copy = argument;
    int last = copy->rank - 1;
    int64_t index[STRIDED_MAX_RANK];
    odometer_set(index, copy->dims, last, begin);
    for (int64_t row = begin; row < end; row++) {
        int64_t from = 0, to = 0;
        for (int axis = 0; axis < last; axis++) {
            from += index[axis] * copy->from_strides[axis];
            to += index[axis] * copy->to_strides[axis];
        }
        int64_t size = (int64_t)copy->size;
        copy_run(copy->to + to * size, copy->to_strides[last], copy->from + from * size, copy->from_strides[last],
                 copy->dims[last], copy->size);
        odometer_next(index, copy->dims, last);
    }
}

/* Elements [begin, end) of one row. */
static void copy_slice(void *argument, int64_t begin, int64_t end)
{
    const struct strided_copy *row = argument;
    int64_t size = (int64_t)row->size, to = row->to_strides[0], from = row->from_strides[0];
    copy_run(row->to + begin * to * size, to, row->from + begin * from * size, from, end - begin, row->size);
}

/* Few long rows: threads share each. Shorter ones are copied before a second thread has come. */
#define LONG_ROW (1 << 16)

static void copy_long_rows(struct thread_pool *pool, const struct strided_copy *copy, int64_t rows)
{
    int last = copy->rank - 1;
    int64_t index[STRIDED_MAX_RANK] = {0}, size = (int64_t)copy->size;
    for (int64_t i = 0; i < rows; i++) {
        struct strided_copy row = {.from = copy->from, .to = copy->to, .size = copy->size};
        for (int axis = 0; axis < last; axis++) {
            row.from += index[axis] * copy->from_strides[axis] * size;
            row.to += index[axis] * copy->to_strides[axis] * size;
        }
        strided_copy_axis(&row, copy->dims[last], copy->from_strides[last], copy->to_strides[last]);
        rows_run(pool, &(struct row_task){copy_slice, &row}, copy->dims[last], 1);
        odometer_next(index, copy->dims, last);
    }
}

void strided_copy_run(struct thread_pool *pool, const struct strided_copy *copy)
{
    struct strided_copy merged = *copy;
    int64_t rows = 1;
    for (int i = 0; i < copy->rank; i++) {
        if (copy->dims[i] <= 0)
            return;
    }
    merge_axes(&merged);
    for (int i = 0; i < merged.rank - 1; i++)
        rows *= merged.dims[i];
    if (rows < thread_pool_size(pool) && merged.dims[merged.rank - 1] >= LONG_ROW)
        copy_long_rows(pool, &merged, rows);
    else
        rows_run(pool, &(struct row_task){copy_rows, &merged}, rows, merged.dims[merged.rank - 1]);
}
