/* The depthwise kernels of one instruction set: compiled with its flags and named after it.
 *
 * A plane is spread into scratch with its borders, where it stays in the first-level cache while a tile of a few rows
 * times one vector is summed in registers: each vector of x that is loaded serves all rows that it belongs to, so that
 * 7 rows of a 7x7 kernel need 13 loads for 49 products. */
#include <string.h>

#include "kernel/depthwise.h"
#include "kernel/level.h"
#include "kernel/vector.h"

#define ROWS DEPTHWISE_ROWS

/* ---- moving planes ---- */

/* The part of a vector at the end of a row. Masked loads are slow on some machines: where something follows, a whole
 * vector is loaded and cut. */
struct tail {
    int64_t lanes;
    mask_type mask;
    bool whole;
};

static always_inline vector_type load_tail(const float *from, const struct tail *tail)
{
    return tail->whole ? select_lanes(load(from), tail->mask) : load_lanes(from, tail->lanes);
}

static always_inline void spread_row(const float *from, float *to, int64_t count, const struct tail *tail)
{
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR)
        store(to + i, load(from + i));
    if (i < count)
        store(to + i, load_tail(from + i, tail));
}

/* Up to two vectors. */
static always_inline void spread_pair(const float *from, float *even, float *odd, int64_t count,
                                      const struct tail *tail)
{
    vector_type first = count >= VECTOR ? load(from) : load_tail(from, tail), second = {0};
    if (count > VECTOR)
        second = count >= 2 * VECTOR ? load(from + VECTOR) : load_tail(from + VECTOR, tail);
    store(even, even_lanes(first, second));
    store(odd, odd_lanes(first, second));
}

static always_inline void spread_pairs(const float *from, float *even, float *odd, int64_t count,
                                       const struct tail *tail)
{
    int64_t i = 0;
    for (; i + 2 * VECTOR <= count; i += 2 * VECTOR)
        spread_pair(from + i, even + i / 2, odd + i / 2, 2 * VECTOR, tail);
    if (i < count)
        spread_pair(from + i, even + i / 2, odd + i / 2, count - i, tail);
}

static void spread_any(const struct depthwise_spread *spread, const float *from, float *to)
{
    int64_t stride = spread->stride, whole = spread->count / stride, phase = spread->phase;
    for (int64_t i = 0; i < whole; i++, from += stride) {
        for (int64_t p = 0; p < stride; p++)
            to[p * phase + i] = from[p];
    }
    for (int64_t p = 0; p < spread->count - whole * stride; p++)
        to[p * phase + whole] = from[p];
}

/* Rows of one plane. */
static always_inline void spread_rows(const struct depthwise_spread *spread, const float *from, float *to, int64_t rows,
                                      const struct tail *tail)
{
    int64_t count = spread->count, from_row = spread->from_row, to_row = spread->to_row, phase = spread->phase;
    for (int64_t r = 0; r < rows; r++, from += from_row, to += to_row) {
        if (spread->stride > 2)
            spread_any(spread, from, to);
        else if (spread->stride == 2)
            spread_pairs(from, to, to + phase, count, tail);
        else if (count < VECTOR)
            store(to, load_tail(from, tail));
        else
            spread_row(from, to, count, tail);
    }
}

/* Behind the last rows of the last plane nothing may be read. */
static void spread_planes(const struct depthwise_spread *spread)
{
    int64_t last = (VECTOR + spread->from_row - 1) / spread->from_row, lanes = spread->count % VECTOR;
    struct tail part = {lanes, lanes_mask(lanes), false}, cut = part;
    cut.whole = true;
    for (int64_t p = 0; p < spread->planes; p++) {
        const float *from = spread->from + p * spread->from_plane;
        float *to = spread->to + p * spread->to_plane;
        int64_t rows = spread->rows - (p == spread->planes - 1 ? last : 0);
        rows = rows < 0 ? 0 : rows;
        spread_rows(spread, from, to, rows, &cut);
        spread_rows(spread, from + rows * spread->from_row, to + rows * spread->to_row, spread->rows - rows, &part);
    }
}

static void merge_pairs(const float *even, const float *odd, int64_t columns, float *to)
{
    for (int64_t i = 0; i < columns; i += 2 * VECTOR) {
        int64_t left = columns - i;
        vector_type a = load(even + i / 2), b = load(odd + i / 2);
        vector_type low = interleave_low(a, b), high = interleave_high(a, b);
        if (left >= 2 * VECTOR) {
            store(to + i, low);
            store(to + i + VECTOR, high);
        } else {
            store_lanes(to + i, low, left < VECTOR ? left : VECTOR);
            if (left > VECTOR)
                store_lanes(to + i + VECTOR, high, left - VECTOR);
        }
    }
}

static void merge_planes(const struct depthwise_merge *merge)
{
    for (int64_t p = 0; p < merge->planes; p++) {
        const float *from = merge->from + p * merge->from_plane;
        float *to = merge->to + p * merge->to_plane;
        for (int64_t r = 0; r < merge->rows; r++, from += merge->from_row, to += merge->to_row) {
            if (merge->stride == 1) {
                memcpy(to, from, (size_t)merge->count * sizeof *to);
            } else if (merge->stride == 2) {
                merge_pairs(from, from + merge->phase, merge->count, to);
            } else {
                for (int64_t i = 0; i < merge->count; i++)
                    to[i] = from[i % merge->stride * merge->phase + i / merge->stride];
            }
        }
    }
}

/* ---- sums ---- */

/* One plane's share of a depthwise_sum. */
struct plane {
    const float *x, *w;
    float bias;
    float *y, *y_end; /* y_end: of the cells that a part of a vector may spill into, as later rows overwrite them */
};

/* A row that is shorter than a vector spills into the next one, the last is stored with care. */
static always_inline void finish(const struct depthwise_sum *sum, const struct plane *plane, const vector_type *sums,
                                 int rows, bool part)
{
    vector_type low = broadcast(sum->low), high = broadcast(sum->high);
    int64_t step = sum->y_row, columns = sum->columns;
    float *y = plane->y, *end = plane->y_end - VECTOR;
    UNROLL
    for (int r = 0; r < rows; r++, y += step) {
        vector_type value = clamp(sums[r], low, high);
        if (!part || y <= end)
            store(y, value);
        else
            store_lanes(y, value, columns);
    }
}

/* `side`, `step` and `rows` are constants where this is inlined. */
static always_inline void square_tile(const struct depthwise_sum *sum, const struct plane *plane, int side, int step,
                                      int rows, bool part)
{
    vector_type sums[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        sums[r] = broadcast(plane->bias);
#pragma GCC unroll 1
    for (int kx = 0; kx < side; kx++) {
        const float *from = plane->x + sum->offsets[kx];
        vector_type w[7];
        UNROLL
        for (int ky = 0; ky < side; ky++)
            w[ky] = broadcast(plane->w[ky * side + kx]);
        UNROLL
        for (int i = 0; i < step * (rows - 1) + side; i++) {
            vector_type value = load(from);
            from += sum->x_row;
            UNROLL
            for (int ky = 0; ky < side; ky++) {
                int r = (i - ky) / step;
                if (i >= ky && (i - ky) % step == 0 && r < rows)
                    sums[r] += w[ky] * value;
            }
        }
    }
    finish(sum, plane, sums, rows, part);
}

/* Any taps: each product loads its own vector. */
static always_inline void free_tile(const struct depthwise_sum *sum, const struct plane *plane, int rows, bool part)
{
    vector_type sums[ROWS];
    int64_t step = sum->x_step * sum->x_row;
    UNROLL
    for (int r = 0; r < rows; r++)
        sums[r] = broadcast(plane->bias);
    for (int64_t t = 0; t < sum->taps; t++) {
        const float *from = plane->x + sum->offsets[t];
        vector_type w = broadcast(plane->w[t]);
        UNROLL
        for (int r = 0; r < rows; r++, from += step)
            sums[r] += w * load(from);
    }
    finish(sum, plane, sums, rows, part);
}

/* One row, four vectors of columns from `plane` on. */
static void wide_tile(const struct depthwise_sum *sum, const struct plane *plane)
{
    vector_type sums[4], low = broadcast(sum->low), high = broadcast(sum->high);
    UNROLL
    for (int v = 0; v < 4; v++)
        sums[v] = broadcast(plane->bias);
    for (int64_t t = 0; t < sum->taps; t++) {
        const float *from = plane->x + sum->offsets[t];
        vector_type w = broadcast(plane->w[t]);
        UNROLL
        for (int v = 0; v < 4; v++)
            sums[v] += w * load(from + v * VECTOR);
    }
    UNROLL
    for (int v = 0; v < 4; v++)
        store(plane->y + v * VECTOR, clamp(sums[v], low, high));
}

static always_inline void tile(const struct depthwise_sum *sum, const struct plane *plane, int side, int step, int rows,
                               bool part)
{
    if (side > 0)
        square_tile(sum, plane, side, step, rows, part);
    else
        free_tile(sum, plane, rows, part);
}

/* Rows of the next tile; eight are two fours. */
static inline int64_t tile_rows(int64_t left)
{
    return left >= ROWS && left != ROWS + 1 ? ROWS : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* A vector of columns of all rows. */
static always_inline void sum_columns(const struct depthwise_sum *sum, struct plane plane, int side, int step,
                                      bool part)
{
    for (int64_t r = 0, rows; r < sum->rows; r += rows) {
        rows = tile_rows(sum->rows - r);
        if (rows == ROWS)
            tile(sum, &plane, side, step, ROWS, part);
        else if (rows == 4)
            tile(sum, &plane, side, step, 4, part);
        else if (rows == 2)
            tile(sum, &plane, side, step, 2, part);
        else
            tile(sum, &plane, side, step, 1, part);
        plane.x += rows * sum->x_step * sum->x_row;
        plane.y += rows * sum->y_row;
    }
}

static inline struct plane plane_at(const struct depthwise_sum *sum, int64_t index, int64_t column)
{
    float *y = sum->y + index * sum->y_plane + column;
    int64_t spill = sum->y_row == sum->columns ? sum->rows * sum->columns : 0;
    struct plane plane = {sum->x + index * sum->x_plane + column, sum->w + index * sum->w_plane,
                          sum->bias ? sum->bias[index] : 0, y, y + spill};
    return plane;
}

/* The last vector of a row overlaps the one before it. */
static always_inline void sum_plane(const struct depthwise_sum *sum, int64_t index, int side, int step)
{
    if (sum->columns < VECTOR) {
        sum_columns(sum, plane_at(sum, index, 0), side, step, true);
        return;
    }
    int64_t column = 0;
    for (; side == 0 && sum->rows == 1 && column + 4 * VECTOR <= sum->columns; column += 4 * VECTOR) {
        struct plane plane = plane_at(sum, index, column);
        wide_tile(sum, &plane);
    }
    for (; column + VECTOR <= sum->columns; column += VECTOR)
        sum_columns(sum, plane_at(sum, index, column), side, step, false);
    if (column < sum->columns)
        sum_columns(sum, plane_at(sum, index, sum->columns - VECTOR), side, step, false);
}

#define SUM(name, side, step)                                                                                          \
    static __attribute__((noinline)) void name(const struct depthwise_sum *sum)                                        \
    {                                                                                                                  \
        for (int64_t index = 0; index < sum->planes; index++)                                                          \
            sum_plane(sum, index, side, step);                                                                         \
    }
SUM(sum_3, 3, 1)
SUM(sum_3_strided, 3, 2)
SUM(sum_5, 5, 1)
SUM(sum_5_strided, 5, 2)
SUM(sum_7, 7, 1)
SUM(sum_7_strided, 7, 2)
SUM(sum_free, 0, 0)

static void sum_planes(const struct depthwise_sum *sum)
{
    if (sum->x_step > 2)
        sum_free(sum);
    else if (sum->square == 3)
        (sum->x_step == 1 ? sum_3 : sum_3_strided)(sum);
    else if (sum->square == 5)
        (sum->x_step == 1 ? sum_5 : sum_5_strided)(sum);
    else if (sum->square == 7)
        (sum->x_step == 1 ? sum_7 : sum_7_strided)(sum);
    else
        sum_free(sum);
}

depthwise_products_kernel LEVEL(depthwise_products);
depthwise_fold_kernel LEVEL(depthwise_fold);

#if VECTOR > 8
extern const struct depthwise_kernel depthwise_avx2;
#define NARROW &depthwise_avx2
#else
#define NARROW NULL
#endif

extern const struct depthwise_kernel LEVEL(depthwise);
const struct depthwise_kernel LEVEL(depthwise) = {
    VECTOR, NARROW, spread_planes, sum_planes, merge_planes, LEVEL(depthwise_products), LEVEL(depthwise_fold)};
