/* Rows of pools (pool_row.h), compiled once per instruction set. The plane is read once for every row of windows that
 * it lies in, from the second-level cache at worst, as a row of windows reads few input rows; the buffer stays in the
 * first-level cache. */
#include <math.h>
#include <string.h>

#include "kernel/kernels.h"
#include "kernel/level.h"
#include "kernel/pool_row.h"

static inline float larger(float value, float best)
{
    return value > best || value != value ? value : best;
}

static const float *input_row(const struct pool_row *row, int64_t depth, int64_t height)
{
    return row->x + row->first + depth * row->depth_step + height * row->height_step;
}

/* Two more rows at a time halve the visits of the buffer. */
static void join_maxima(const float *restrict a, const float *restrict b, float *restrict joined, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        joined[i] = larger(b[i], larger(a[i], joined[i]));
}

static void join_sums(const float *restrict a, const float *restrict b, float *restrict joined, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        joined[i] += a[i] + b[i];
}

typedef void row_join(const float *restrict a, const float *restrict b, float *restrict joined, int64_t count);

/* The rows read become one in `buffer`, whose columns outside of the input hold `empty`, as has a row that is missing
 * to an even number. */
static inline void join_rows(const struct pool_row *row, row_join *join, float empty, float *buffer)
{
    float *inside = buffer + row->before, missing[POOL_ROW_SPAN];
    bool any = row->depths > 0 && row->heights > 0 && row->inside > 0;
    for (int64_t i = 0; i < (any ? row->before : row->span); i++)
        buffer[i] = empty;
    for (int64_t i = row->before + row->inside; any && i < row->span; i++)
        buffer[i] = empty;
    if (!any)
        return;
    memcpy(inside, input_row(row, 0, 0), (size_t)row->inside * sizeof *inside);
    int64_t rows = row->depths * row->heights;
    if (rows % 2 == 0) {
        for (int64_t i = 0; i < row->inside; i++)
            missing[i] = empty;
    }
    for (int64_t i = 1; i < rows; i += 2) {
        const float *a = input_row(row, i / row->heights, i % row->heights);
        const float *b = i + 1 < rows ? input_row(row, (i + 1) / row->heights, (i + 1) % row->heights) : missing;
        join(a, b, inside, row->inside);
    }
}

static inline void pick_maxima(const float *restrict buffer, int64_t stride, const struct pool_row *row,
                               float *restrict y)
{
    const float *restrict second = buffer + row->dilation, *restrict third = second + row->dilation;
    bool three = row->taps >= 3;
    for (int64_t i = 0; three && i < row->columns; i++)
        y[i] = larger(third[i * stride], larger(second[i * stride], buffer[i * stride]));
    for (int64_t i = 0; !three && i < row->columns; i++)
        y[i] = buffer[i * stride];
    for (int64_t tap = three ? 3 : 1; tap < row->taps; tap++) {
        const float *restrict from = buffer + tap * row->dilation;
        for (int64_t i = 0; i < row->columns; i++)
            y[i] = larger(from[i * stride], y[i]);
    }
}

/* A place in the plane for every column of the buffer; columns outside of the input have the largest. */
static void join_places(const struct pool_row *row, float *restrict buffer, int32_t *restrict places)
{
    for (int64_t i = 0; i < row->span; i++) {
        buffer[i] = -INFINITY;
        places[i] = INT32_MAX;
    }
    for (int64_t depth = 0; depth < row->depths; depth++) {
        for (int64_t height = 0; height < row->heights; height++) {
            const float *restrict from = input_row(row, depth, height);
            float *restrict best = buffer + row->before;
            int32_t *restrict place = places + row->before, start = (int32_t)(from - row->x);
            for (int32_t i = 0; i < (int32_t)row->inside; i++) {
                float value = from[i], old = best[i];
                int take = (value > old) | ((value != value) & (old == old)) | (place[i] == INT32_MAX);
                best[i] = take ? value : old;
                place[i] = take ? start + i : place[i];
            }
        }
    }
}

static inline void pick_places(const float *restrict buffer, const int32_t *restrict places, int64_t stride,
                               const struct pool_row *row, float *restrict y, int32_t *restrict best)
{
    for (int64_t i = 0; i < row->columns; i++) {
        y[i] = buffer[i * stride];
        best[i] = places[i * stride];
    }
    for (int64_t tap = 1; tap < row->taps; tap++) {
        const float *restrict from = buffer + tap * row->dilation;
        const int32_t *restrict place = places + tap * row->dilation;
        for (int64_t i = 0; i < row->columns; i++) {
            float value = from[i * stride], old = y[i];
            int nan = value != value, earlier = place[i * stride] < best[i];
            int take = (value > old) | (nan & (earlier | (old == old))) | ((value == old) & earlier);
            y[i] = take ? value : old;
            best[i] = take ? place[i * stride] : best[i];
        }
    }
}

static void maximum_row(const struct pool_row *row)
{
    float buffer[POOL_ROW_SPAN];
    int32_t places[POOL_ROW_SPAN], best[POOL_ROW_SPAN];
    if (!row->indices) {
        join_rows(row, join_maxima, -INFINITY, buffer);
        if (row->stride == 1)
            pick_maxima(buffer, 1, row, row->y);
        else if (row->stride == 2)
            pick_maxima(buffer, 2, row, row->y);
        else
            pick_maxima(buffer, row->stride, row, row->y);
        return;
    }
    join_places(row, buffer, places);
    if (row->stride == 2)
        pick_places(buffer, places, 2, row, row->y, best);
    else
        pick_places(buffer, places, row->stride, row, row->y, best);
    for (int64_t i = 0; i < row->columns; i++)
        row->indices[i] = best[i] == INT32_MAX ? -1 : best[i];
}

static inline void pick_averages(const float *restrict buffer, int64_t stride, const struct pool_row *row,
                                 float *restrict y)
{
    const float *restrict second = buffer + row->dilation, *restrict third = second + row->dilation;
    bool three = row->taps >= 3;
    for (int64_t i = 0; three && i < row->columns; i++)
        y[i] = third[i * stride] + second[i * stride] + buffer[i * stride];
    for (int64_t i = 0; !three && i < row->columns; i++)
        y[i] = buffer[i * stride];
    for (int64_t tap = three ? 3 : 1; tap < row->taps; tap++) {
        const float *restrict from = buffer + tap * row->dilation;
        for (int64_t i = 0; i < row->columns; i++)
            y[i] += from[i * stride];
    }
    for (int64_t i = 0; i < row->columns; i++)
        y[i] /= row->cells[i] * row->row_cells;
}

static void average_row(const struct pool_row *row)
{
    float buffer[POOL_ROW_SPAN];
    join_rows(row, join_sums, 0, buffer);
    if (row->stride == 1)
        pick_averages(buffer, 1, row, row->y);
    else if (row->stride == 2)
        pick_averages(buffer, 2, row, row->y);
    else
        pick_averages(buffer, row->stride, row, row->y);
}

/* The shares of the outputs are spread over the columns in the buffer, which is added to every row read. */
static void average_gradient_row(const struct pool_row *row, const float *dy, float *dx)
{
    float buffer[POOL_ROW_SPAN];
    memset(buffer, 0, (size_t)row->span * sizeof *buffer);
    for (int64_t tap = 0; tap < row->taps; tap++) {
        for (int64_t i = 0; i < row->columns; i++)
            buffer[tap * row->dilation + i * row->stride] += dy[i] / (row->cells[i] * row->row_cells);
    }
    for (int64_t depth = 0; depth < row->depths; depth++) {
        for (int64_t height = 0; height < row->heights; height++) {
            float *restrict to = dx + (input_row(row, depth, height) - row->x);
            const float *restrict from = buffer + row->before;
            for (int64_t i = 0; i < row->inside; i++)
                to[i] += from[i];
        }
    }
}

extern const struct pool_kernel LEVEL(pool);
const struct pool_kernel LEVEL(pool) = {
    .maximum = maximum_row, .average = average_row, .average_gradient = average_gradient_row};
