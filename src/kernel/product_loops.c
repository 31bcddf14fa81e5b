/* The product kernel of one instruction set: compiled with its flags and named after it.
 *
 * A tile holds its sums in registers: 8 rows of 3 vectors with 32 registers, 4 rows of 3 with 16, which leaves three
 * for w and one for x. Per term that is one load of w for 8 (4) products and one of x for 3, so that the loads stay
 * behind the products, and rows of x may lie where they are, unpacked: no more of them are read side by side than the
 * first-level cache has ways. The panel's terms of a chunk stream from the second-level cache, a third of what that
 * gives. */
#include "kernel/gemm.h"
#include "kernel/level.h"
#include "kernel/product_kernel.h"
#include "kernel/vector.h"

#if VECTOR == 16
#define ROWS 8
#else
#define ROWS 4
#endif
#define VECTORS 3

/* `rows` and `vectors` are constants where this is inlined: the sums stay in registers. */
static always_inline void sum_terms(const struct product_tile *tile, int rows, int vectors, vector_type *out)
{
    vector_type sums[ROWS][VECTORS];
    const float *x = tile->x, *w = tile->w, *ahead = tile->ahead;
    int64_t row = tile->x_row, step = tile->x_step;
    zero_vectors(sums[0], rows, vectors, VECTORS);
    for (int64_t k = 0; k < tile->depth; k++) {
        vector_type columns[VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            columns[v] = load(w + v * VECTOR);
        __builtin_prefetch(ahead, 0, 2);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vector_type factor = broadcast(x[r * row]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sums[r][v] += factor * columns[v];
        }
        x += step;
        w += vectors * VECTOR;
        ahead += PRODUCT_LINE;
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            out[r * vectors + v] = sums[r][v];
    }
}

static always_inline void sum_rows(const struct product_tile *tile, int vectors, vector_type *out)
{
    switch (tile->rows) {
    case 1:
        sum_terms(tile, 1, vectors, out);
        break;
    case 2:
        sum_terms(tile, 2, vectors, out);
        break;
    case 3:
        sum_terms(tile, 3, vectors, out);
        break;
#if ROWS == 4
    default:
        sum_terms(tile, 4, vectors, out);
#else
    case 4:
        sum_terms(tile, 4, vectors, out);
        break;
    case 5:
        sum_terms(tile, 5, vectors, out);
        break;
    case 6:
        sum_terms(tile, 6, vectors, out);
        break;
    case 7:
        sum_terms(tile, 7, vectors, out);
        break;
    default:
        sum_terms(tile, 8, vectors, out);
#endif
    }
}

/* One vector of a row on its way to y, `lanes` of it: constant where whole vectors are inlined. */
static always_inline void finish_vector(const struct product_tile *tile, int64_t row, int64_t column, int lanes,
                                        vector_type sum)
{
    float *y = tile->y + row * tile->y_row + column;
    bool whole = lanes == VECTOR;
    if (tile->adds)
        sum += whole ? load(y) : load_lanes(y, lanes);
    if (tile->bias)
        sum += whole ? load(tile->bias + column) : load_lanes(tile->bias + column, lanes);
    sum = clamp(sum, broadcast(tile->low), broadcast(tile->high));
    if (tile->residual) {
        const float *residual = tile->residual + row * tile->residual_row + column;
        sum += whole ? load(residual) : load_lanes(residual, lanes);
    }
    if (whole)
        store(y, sum);
    else
        store_lanes(y, sum, lanes);
}

static void multiply(const struct product_tile *tile)
{
    vector_type sums[ROWS * VECTORS] __attribute__((aligned(64)));
    if (tile->vectors == 3)
        sum_rows(tile, 3, sums);
    else if (tile->vectors == 2)
        sum_rows(tile, 2, sums);
    else
        sum_rows(tile, 1, sums);
    int whole = tile->columns / VECTOR, rest = tile->columns % VECTOR;
    for (int r = 0; r < tile->rows; r++) {
        for (int v = 0; v < whole; v++)
            finish_vector(tile, r, v * VECTOR, VECTOR, sums[r * tile->vectors + v]);
        if (rest > 0)
            finish_vector(tile, r, whole * VECTOR, rest, sums[r * tile->vectors + whole]);
    }
}

/* ---- streams of w ---- */

/* Elements [at, at + lanes) of w, floats or halves; zero behind them. */
static always_inline vector_type load_weights(const void *w, bool half, int64_t at, int lanes)
{
    if (!half)
        return lanes == VECTOR ? load((const float *)w + at) : load_lanes((const float *)w + at, lanes);
    const uint16_t *from = (const uint16_t *)w + at;
    uint16_t rest[VECTOR] = {0};
    if (lanes < VECTOR) {
        for (int i = 0; i < lanes; i++)
            rest[i] = from[i];
        from = rest;
    }
#if VECTOR == 16
    return (vector_type)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)from));
#else
    return (vector_type)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)from));
#endif
}

/* `half` and `count` are constants where this is inlined, as in all that follows. */
static always_inline vector_type sum_streams(const vector_type *factors, const void *w, bool half, int64_t at,
                                             int64_t w_row, int count, int lanes)
{
    vector_type sums[2] = {{0}, {0}};
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i % 2] = multiply_add(factors[i], load_weights(w, half, at + i * w_row, lanes), sums[i % 2]);
    return sums[0] + sums[1];
}

static always_inline void add_streams(const float *x, const void *w, bool half, int64_t first, int64_t w_row, int count,
                                      int64_t columns, float *y)
{
    vector_type factors[PRODUCT_STREAMS];
    int64_t j = 0;
    UNROLL
    for (int i = 0; i < count; i++)
        factors[i] = broadcast(x[i]);
    for (; j + VECTOR <= columns; j += VECTOR)
        store(y + j, load(y + j) + sum_streams(factors, w, half, first + j, w_row, count, VECTOR));
    if (j < columns) {
        int lanes = (int)(columns - j);
        store_lanes(y + j, load_lanes(y + j, lanes) + sum_streams(factors, w, half, first + j, w_row, count, lanes),
                    lanes);
    }
}

static always_inline void add_all(const float *x, const void *w, bool half, int64_t w_row, int count, int64_t columns,
                                  float *y)
{
    if (count == PRODUCT_STREAMS) {
        add_streams(x, w, half, 0, w_row, PRODUCT_STREAMS, columns, y);
        return;
    }
    for (int i = 0; i < count; i++)
        add_streams(x + i, w, half, i * w_row, w_row, 1, columns, y);
}

static void add_rows(const float *x, const void *w, bool half, int64_t w_row, int count, int64_t columns, float *y)
{
    if (half)
        add_all(x, w, true, w_row, count, columns, y);
    else
        add_all(x, w, false, w_row, count, columns, y);
}

static always_inline void dot_all(const float *x, const void *const w[PRODUCT_STREAMS], bool half, int64_t depth,
                                  bool adds, float *partial)
{
    vector_type sums[PRODUCT_STREAMS];
    int64_t k = 0;
    UNROLL
    for (int i = 0; i < PRODUCT_STREAMS; i++)
        sums[i] = adds ? load(partial + i * PRODUCT_MAX_VECTOR) : (vector_type){0};
    for (; k + VECTOR <= depth; k += VECTOR) {
        vector_type factor = load(x + k);
        UNROLL
        for (int i = 0; i < PRODUCT_STREAMS; i++)
            sums[i] = multiply_add(factor, load_weights(w[i], half, k, VECTOR), sums[i]);
    }
    if (k < depth) {
        int lanes = (int)(depth - k);
        vector_type factor = load_lanes(x + k, lanes);
        UNROLL
        for (int i = 0; i < PRODUCT_STREAMS; i++)
            sums[i] = multiply_add(factor, load_weights(w[i], half, k, lanes), sums[i]);
    }
    UNROLL
    for (int i = 0; i < PRODUCT_STREAMS; i++)
        store(partial + i * PRODUCT_MAX_VECTOR, sums[i]);
}

static void dot_rows(const float *x, const void *const w[PRODUCT_STREAMS], bool half, int64_t depth, bool adds,
                     float *partial)
{
    if (half)
        dot_all(x, w, true, depth, adds, partial);
    else
        dot_all(x, w, false, depth, adds, partial);
}

static void fold_rows(const float *partial, float sums[PRODUCT_STREAMS])
{
    for (int i = 0; i < PRODUCT_STREAMS; i++) {
        vector_type lanes = load(partial + i * PRODUCT_MAX_VECTOR);
        float halves[VECTOR / 2];
        for (int lane = 0; lane < VECTOR / 2; lane++)
            halves[lane] = lanes[lane] + lanes[lane + VECTOR / 2];
        for (int half = VECTOR / 4; half > 0; half /= 2) {
            for (int lane = 0; lane < half; lane++)
                halves[lane] += halves[lane + half];
        }
        sums[i] = halves[0];
    }
}

extern const struct product_kernel LEVEL(product);
const struct product_kernel LEVEL(product) = {ROWS, VECTOR, VECTORS, multiply, add_rows, dot_rows, fold_rows};

void LEVEL(gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    const struct gemm gemm = {transpose_a, transpose_b, m, n, k, lda, ldb, ldc, alpha, beta};
    gemm_with(&LEVEL(product), &gemm, a, b, c);
}
