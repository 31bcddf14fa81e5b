/* Transforms and sums of the weight gradient by Winograd's filtering, for one instruction set. */
#include "kernel/level.h"
#include "kernel/vector.h"
#include "kernel/winograd_gradient.h"

#define TILE WINOGRAD_GRADIENT_TILE
#define SIDE WINOGRAD_GRADIENT_SIDE
#define TAPS WINOGRAD_TAPS
#define NEAR WINOGRAD_NEAR
#define FAR WINOGRAD_FAR

/* Sums in registers: 8 x 2 of 32 vectors, or 4 x 2 of 16: enough to hide the latency of the products, and a row's value
 * is broadcast by the product's own load. */
#if VECTOR == 16
#define ROWS 8
#else
#define ROWS 4
#endif
#define PAIR 2

/* A y */
static always_inline void spread_line(const vector_type y[TILE], vector_type out[SIDE])
{
    vector_type even_near = y[0] + NEAR * NEAR * y[2], odd_near = NEAR * y[1] + NEAR * NEAR * NEAR * y[3];
    vector_type even_far = y[0] + FAR * FAR * y[2], odd_far = FAR * y[1] + FAR * FAR * FAR * y[3];
    out[0] = y[0];
    out[1] = even_near + odd_near;
    out[2] = even_near - odd_near;
    out[3] = even_far + odd_far;
    out[4] = even_far - odd_far;
    out[5] = y[3];
}

/* A vector of tiles side by side: their first cells, second cells, ... */
static always_inline void load_cells(const float *from, vector_type y[TILE])
{
    vector_type a = load(from), b = load(from + VECTOR), c = load(from + 2 * VECTOR), d = load(from + 3 * VECTOR);
    vector_type even[2] = {even_lanes(a, b), even_lanes(c, d)}, odd[2] = {odd_lanes(a, b), odd_lanes(c, d)};
    y[0] = even_lanes(even[0], even[1]);
    y[1] = even_lanes(odd[0], odd[1]);
    y[2] = odd_lanes(even[0], even[1]);
    y[3] = odd_lanes(odd[0], odd[1]);
}

static void spread_tiles(const struct winograd_spread *spread)
{
    for (int64_t t = 0; t < spread->tiles; t += VECTOR) {
        vector_type half[TILE][SIDE];
        for (int i = 0; i < TILE; i++) {
            vector_type y[TILE];
            load_cells(spread->cells + i * spread->cell_stride + TILE * t, y);
            spread_line(y, half[i]);
        }
        for (int j = 0; j < SIDE; j++) {
            vector_type column[TILE] = {half[0][j], half[1][j], half[2][j], half[3][j]}, done[SIDE];
            spread_line(column, done);
            for (int i = 0; i < SIDE; i++)
                store(spread->out + (i * SIDE + j) * spread->stride + t, done[i]);
        }
    }
}

static always_inline void sum_tiles(const struct winograd_sums *work, const float *a, const float *b, float *to)
{
    vector_type sums[ROWS][PAIR];
    zero_vectors(sums[0], ROWS, PAIR, PAIR);
    for (int64_t t = 0; t < work->tiles; t++) {
        vector_type cells[PAIR];
        UNROLL
        for (int v = 0; v < PAIR; v++)
            cells[v] = load(b + v * work->b_vector + t * VECTOR);
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            vector_type value = broadcast(a[r * work->a_row + t]);
            UNROLL
            for (int v = 0; v < PAIR; v++)
                sums[r][v] += value * cells[v];
        }
    }
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        float *row = to + r * work->vectors * VECTOR;
        UNROLL
        for (int v = 0; v < PAIR; v++) {
            if (!work->first)
                sums[r][v] += load(row + v * VECTOR);
            store(row + v * VECTOR, sums[r][v]);
        }
    }
}

/* The tiles of a pair of vectors of channels (4 KB) stay in the first-level cache for all rows. */
static void sum_products(const struct winograd_sums *work)
{
    for (int64_t p = 0; p < WINOGRAD_GRADIENT_PRODUCTS; p++) {
        const float *a = work->a + p * work->rows * work->a_row, *b = work->b + p * work->vectors * work->b_vector;
        float *to = work->sums + p * work->rows * work->vectors * VECTOR;
        for (int64_t v = 0; v < work->vectors; v += PAIR) {
            for (int64_t r = 0; r < work->rows; r += ROWS)
                sum_tiles(work, a + r * work->a_row, b + v * work->b_vector, to + (r * work->vectors + v) * VECTOR);
        }
    }
}

/* G' m */
static always_inline void join_line(const vector_type m[SIDE], vector_type out[TAPS])
{
    const float near = 1 / (2 * NEAR * NEAR * (NEAR * NEAR - FAR * FAR));
    const float far = 1 / (2 * FAR * FAR * (FAR * FAR - NEAR * NEAR)), none = 1 / (NEAR * NEAR * FAR * FAR);
    vector_type even_near = near * (m[1] + m[2]), even_far = far * (m[3] + m[4]);
    out[0] = none * m[0] + (even_near + even_far);
    out[1] = near * NEAR * (m[1] - m[2]) + far * FAR * (m[3] - m[4]);
    out[2] = (NEAR * NEAR * even_near + FAR * FAR * even_far) + m[5];
}

static void join_taps(const struct winograd_taps *work)
{
    vector_type half[TAPS][SIDE];
    float taps[TAPS * TAPS][VECTOR];
    for (int j = 0; j < SIDE; j++) {
        vector_type m[SIDE], done[TAPS];
        for (int i = 0; i < SIDE; i++)
            m[i] = load(work->sums + (i * SIDE + j) * work->stride);
        join_line(m, done);
        for (int i = 0; i < TAPS; i++)
            half[i][j] = done[i];
    }
    for (int i = 0; i < TAPS; i++) {
        vector_type done[TAPS];
        join_line(half[i], done);
        for (int j = 0; j < TAPS; j++)
            store(taps[i * TAPS + j], done[j]);
    }
    for (int64_t c = 0; c < work->channels; c++) {
        for (int t = 0; t < TAPS * TAPS; t++)
            work->dw[c * TAPS * TAPS + t] = taps[t][c];
    }
}

extern const struct winograd_gradient_kernel LEVEL(winograd_gradient);
const struct winograd_gradient_kernel LEVEL(winograd_gradient) = {VECTOR, ROWS, spread_tiles, sum_products, join_taps};
