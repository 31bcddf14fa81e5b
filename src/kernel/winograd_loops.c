/* Winograd's transforms and products of one instruction set: compiled with its flags and named after it.
 * All are vectorised over channels, so that a tile may lie anywhere: images of any size, windows
 * and dilations fill the vectors alike. Between them and the NCHW planes go transpositions of a vector of channels
 * times a vector of cells. */
#include <stdbool.h>
#include <string.h>

#include "kernel/level.h"
#include "kernel/vector.h"
#include "kernel/winograd.h"

#if VECTOR == 16
#define ROWS 12
#else
#define ROWS 6
#endif

/* Channels summed before they join the total: 128 * 2 vectors of weights are 16 KB, which stay in the first-level
 * cache while all tiles of the block are multiplied with them. */
#define PIECE 128
#define SIDE_MAX 6
#define TAPS (WINOGRAD_TAPS * WINOGRAD_TAPS)

typedef double wide_type __attribute__((vector_size(VECTOR * sizeof(double)), aligned(sizeof(double))));

/* Lanes [begin, end) of a vector in memory, zero elsewhere: nothing outside them is read. */
static inline vector_type load_between(const float *from, int64_t begin, int64_t end)
{
    if (begin <= 0 && end >= VECTOR)
        return load(from);
    begin = begin < 0 ? 0 : begin;
    if (begin >= end || begin >= VECTOR)
        return (vector_type){0};
    end = end > VECTOR ? VECTOR : end;
#if defined(__AVX512F__)
    __mmask16 mask = (__mmask16)((1u << end) - (1u << begin));
    return (vector_type)_mm512_maskz_loadu_ps(mask, from);
#else
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i mask = _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32((int)begin - 1)),
                                    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)end), lane));
    return (vector_type)_mm256_maskload_ps(from, mask);
#endif
}

/* ---- transposition of VECTOR vectors ---- */

#if defined(__AVX512F__)
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define EVEN_QUADS(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_QUADS(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#else
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define EVEN_QUADS(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define ODD_QUADS(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#endif

/* Groups of four vectors: lane i of the group's vector p is in its quad's place what lane p of vector i was. */
static always_inline void transpose_quads(vector_type *v)
{
    vector_type a = LOW(v[0], v[1]), b = HIGH(v[0], v[1]), c = LOW(v[2], v[3]), d = HIGH(v[2], v[3]);
    v[0] = LOW_PAIRS(a, c);
    v[1] = HIGH_PAIRS(a, c);
    v[2] = LOW_PAIRS(b, d);
    v[3] = HIGH_PAIRS(b, d);
}

static always_inline void transpose(vector_type v[VECTOR])
{
    UNROLL
    for (int i = 0; i < VECTOR; i += 4)
        transpose_quads(v + i);
#if defined(__AVX512F__)
    vector_type out[VECTOR];
    UNROLL
    for (int p = 0; p < 4; p++) {
        vector_type a = EVEN_QUADS(v[p], v[4 + p]), b = ODD_QUADS(v[p], v[4 + p]);
        vector_type c = EVEN_QUADS(v[8 + p], v[12 + p]), d = ODD_QUADS(v[8 + p], v[12 + p]);
        out[p] = EVEN_QUADS(a, c);
        out[8 + p] = ODD_QUADS(a, c);
        out[4 + p] = EVEN_QUADS(b, d);
        out[12 + p] = ODD_QUADS(b, d);
    }
    UNROLL
    for (int i = 0; i < VECTOR; i++)
        v[i] = out[i];
#else
    UNROLL
    for (int p = 0; p < 4; p++) {
        vector_type a = EVEN_QUADS(v[p], v[4 + p]), b = ODD_QUADS(v[p], v[4 + p]);
        v[p] = a;
        v[4 + p] = b;
    }
#endif
}

/* ---- transforms: side and tile are constants where these are inlined ---- */

#define NEAR WINOGRAD_NEAR
#define FAR WINOGRAD_FAR

/* B' d */
static always_inline void transform_patch(int tile, vector_type d[SIDE_MAX])
{
    if (tile == 2) {
        vector_type plus = d[1] + d[2], minus = d[2] - d[1];
        d[0] = d[0] - d[2];
        d[3] = d[1] - d[3];
        d[1] = plus;
        d[2] = minus;
        return;
    }
    vector_type first = (d[4] - (NEAR * NEAR + FAR * FAR) * d[2]) + NEAR * NEAR * FAR * FAR * d[0];
    vector_type last = (d[5] - (NEAR * NEAR + FAR * FAR) * d[3]) + NEAR * NEAR * FAR * FAR * d[1];
    vector_type even_a = d[4] - FAR * FAR * d[2], odd_a = NEAR * d[3] - NEAR * FAR * FAR * d[1];
    vector_type even_b = d[4] - NEAR * NEAR * d[2], odd_b = FAR * d[3] - FAR * NEAR * NEAR * d[1];
    d[0] = first;
    d[1] = even_a + odd_a;
    d[2] = even_a - odd_a;
    d[3] = even_b + odd_b;
    d[4] = even_b - odd_b;
    d[5] = last;
}

/* A' m */
static always_inline void transform_products(int tile, const vector_type m[SIDE_MAX], vector_type out[4])
{
    if (tile == 2) {
        out[0] = m[0] + (m[1] + m[2]);
        out[1] = (m[1] - m[2]) - m[3];
        return;
    }
    vector_type even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    out[0] = m[0] + (even_a + even_b);
    out[1] = NEAR * odd_a + FAR * odd_b;
    out[2] = NEAR * NEAR * even_a + FAR * FAR * even_b;
    out[3] = m[5] + (NEAR * NEAR * NEAR * odd_a + FAR * FAR * FAR * odd_b);
}

/* G g, in double: the weights come rounded once. */
static always_inline void transform_taps(int tile, const wide_type g[WINOGRAD_TAPS], wide_type out[SIDE_MAX])
{
    if (tile == 2) {
        wide_type even = (g[0] + g[2]) * 0.5, odd = g[1] * 0.5;
        out[0] = g[0];
        out[1] = even + odd;
        out[2] = even - odd;
        out[3] = g[2];
        return;
    }
    const double a = (double)NEAR, b = (double)FAR, below_a = 1 / (2 * a * a * (a * a - b * b)),
                 below_b = 1 / (2 * b * b * (b * b - a * a));
    wide_type even_a = below_a * g[0] + below_a * a * a * g[2], odd_a = below_a * a * g[1];
    wide_type even_b = below_b * g[0] + below_b * b * b * g[2], odd_b = below_b * b * g[1];
    out[0] = g[0] / (a * a * b * b);
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = g[2];
}

/* ---- weights ---- */

/* One channel, up to a vector of rows: out[product * stride]. */
static always_inline void transform_kernel(const struct winograd_weights *weights, int tile, int64_t row,
                                           int64_t channel, float *out, int64_t stride)
{
    const float *from = weights->weights + row * weights->row_stride + channel * weights->channel_stride;
    int64_t lanes = weights->rows - row < VECTOR ? weights->rows - row : VECTOR;
    int side = tile + WINOGRAD_TAPS - 1;
    wide_type taps[WINOGRAD_TAPS][WINOGRAD_TAPS], half[WINOGRAD_TAPS][SIDE_MAX];
    vector_type kernels[VECTOR];
    float last[VECTOR] = {0}; /* taps, where a vector has eight lanes */
    for (int lane = 0; lane < VECTOR; lane++) {
        const float *kernel = from + lane * weights->row_stride;
        kernels[lane] = lane < lanes ? load_lanes(kernel, TAPS) : (vector_type){0};
        last[lane] = lane < lanes ? kernel[TAPS - 1] : 0;
    }
    transpose(kernels);
    for (int t = 0; t < TAPS; t++) {
        int place = weights->flip ? TAPS - 1 - t : t;
        vector_type tap = place < VECTOR ? kernels[place] : load(last);
        taps[t % WINOGRAD_TAPS][t / WINOGRAD_TAPS] = __builtin_convertvector(tap, wide_type);
    }
    for (int x = 0; x < WINOGRAD_TAPS; x++)
        transform_taps(tile, taps[x], half[x]);
    for (int i = 0; i < side; i++) {
        wide_type row_taps[WINOGRAD_TAPS] = {half[0][i], half[1][i], half[2][i]}, done[SIDE_MAX];
        transform_taps(tile, row_taps, done);
        for (int j = 0; j < side; j++)
            store(out + (i * side + j) * stride, __builtin_convertvector(done[j], vector_type));
    }
}

static void transform_weights(const struct winograd_weights *weights)
{
    float *out = weights->out;
    int products = winograd_products(weights->tile);
    for (int64_t row = 0; row < weights->rows; row += WINOGRAD_PANEL * VECTOR) {
        int64_t vectors = weights->rows - row > VECTOR ? WINOGRAD_PANEL : 1;
        int64_t stride = weights->channels * vectors * VECTOR;
        for (int64_t c = 0; c < weights->channels; c++) {
            for (int64_t v = 0; v < vectors; v++) {
                float *to = out + (c * vectors + v) * VECTOR;
                if (weights->tile == 2)
                    transform_kernel(weights, 2, row + v * VECTOR, c, to, stride);
                else
                    transform_kernel(weights, 4, row + v * VECTOR, c, to, stride);
            }
        }
        out += products * stride;
    }
}

/* ---- patches ---- */

/* One row of the band: cells side by side, channels in the lanes. */
static void load_row(const struct winograd_patches *patches, int64_t row, float *out)
{
    if (row < 0 || row >= patches->height) {
        memset(out, 0, (size_t)(patches->cells * VECTOR) * sizeof(float));
        return;
    }
    int64_t plane = patches->height * patches->width;
    const float *from = patches->source + row * patches->width + patches->column;
    for (int64_t x = 0; x < patches->cells; x += VECTOR) {
        int64_t begin = -(patches->column + x), end = patches->width + begin;
        vector_type v[VECTOR];
        if (begin >= VECTOR || end <= 0) {
            memset(out + x * VECTOR, 0, VECTOR * sizeof *v);
            continue;
        }
        if (patches->channels == VECTOR && begin <= 0 && end >= VECTOR) {
            UNROLL
            for (int c = 0; c < VECTOR; c++)
                v[c] = load(from + c * plane + x);
        } else {
            for (int c = 0; c < VECTOR; c++)
                v[c] = c < patches->channels ? load_between(from + c * plane + x, begin, end) : (vector_type){0};
        }
        transpose(v);
        UNROLL
        for (int i = 0; i < VECTOR; i++)
            store(out + (x + i) * VECTOR, v[i]);
    }
}

static always_inline void make_patches(const struct winograd_patches *patches, int tile)
{
    const int side = tile + WINOGRAD_TAPS - 1;
    int64_t row_floats = patches->band_cells * VECTOR, step = patches->dilation[1] * VECTOR;
    float *band = patches->band;
    for (int i = 0; i < side; i++)
        load_row(patches, patches->row + i * patches->dilation[0], band + i * row_floats);
    for (int64_t x = 0; x < patches->cells * VECTOR; x += VECTOR) {
        vector_type d[SIDE_MAX];
        UNROLL
        for (int i = 0; i < side; i++)
            d[i] = load(band + i * row_floats + x);
        transform_patch(tile, d);
        UNROLL
        for (int i = 0; i < side; i++)
            store(band + i * row_floats + x, d[i]);
    }
    for (int64_t t = 0; t < patches->tiles; t++) {
        const float *from = band + patches->columns[t] * VECTOR;
        float *out = patches->out + t * VECTOR;
        for (int i = 0; i < side; i++, from += row_floats) {
            vector_type d[SIDE_MAX];
            UNROLL
            for (int j = 0; j < side; j++)
                d[j] = load(from + j * step);
            transform_patch(tile, d);
            UNROLL
            for (int j = 0; j < side; j++, out += patches->stride)
                store(out, d[j]);
        }
    }
}

static void transform_patches(const struct winograd_patches *patches)
{
    if (patches->tile == 2)
        make_patches(patches, 2);
    else
        make_patches(patches, 4);
}

/* ---- products ---- */

/* Sums of `rows` tiles times a panel in registers: 12 x 2 of 32, or 6 x 2 of 16, leave room for two vectors of weights
 * and a broadcast value, and need 14 or 8 loads for 24 or 12 products. */
static always_inline void multiply(const struct winograd_product *product, const float *a, const float *b,
                                   int64_t depth, bool first, float *c, int rows, int vectors)
{
    vector_type sums[ROWS][WINOGRAD_PANEL];
    zero_vectors(sums[0], rows, vectors, WINOGRAD_PANEL);
    for (int64_t k = 0; k < depth; k += VECTOR) {
        int64_t lanes = depth - k < VECTOR ? depth - k : VECTOR;
        for (int64_t lane = 0; lane < lanes; lane++) {
            vector_type weights[WINOGRAD_PANEL];
            UNROLL
            for (int v = 0; v < vectors; v++)
                weights[v] = load(b + v * VECTOR);
            UNROLL
            for (int r = 0; r < rows; r++) {
                vector_type value = broadcast(a[r * VECTOR + lane]);
                UNROLL
                for (int v = 0; v < vectors; v++)
                    sums[r][v] += value * weights[v];
            }
            b += vectors * VECTOR;
        }
        a += product->tiles * VECTOR;
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            float *to = c + (r * vectors + v) * VECTOR;
            if (!first)
                sums[r][v] += load(to);
            store(to, sums[r][v]);
        }
    }
}

static always_inline void multiply_rows(const struct winograd_product *product, const float *a, const float *b,
                                        int64_t depth, bool first, float *c, int64_t rows, int vectors)
{
#define CASE(count)                                                                                                    \
    case count:                                                                                                        \
        multiply(product, a, b, depth, first, c, count, vectors);                                                      \
        break;
    switch (rows) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
#if ROWS > 6
        CASE(6)
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
#endif
    default:
        multiply(product, a, b, depth, first, c, ROWS, vectors);
    }
#undef CASE
}

/* Tiles in panels of nearly equal rows. */
static always_inline void multiply_panel(const struct winograd_product *product, int vectors)
{
    int64_t panels = (product->tiles + ROWS - 1) / ROWS;
    for (int64_t k = 0; k < product->channels; k += PIECE) {
        int64_t depth = product->channels - k < PIECE ? product->channels - k : PIECE;
        const float *b = product->b + k * vectors * VECTOR;
        for (int64_t p = 0; p < panels; p++) {
            int64_t begin = product->tiles * p / panels, end = product->tiles * (p + 1) / panels;
            const float *a = product->a + (k * product->tiles + begin * VECTOR);
            multiply_rows(product, a, b, depth, k == 0, product->c + begin * vectors * VECTOR, end - begin, vectors);
        }
    }
}

static void multiply_tiles(const struct winograd_product *product)
{
    if (product->vectors == 1)
        multiply_panel(product, 1);
    else
        multiply_panel(product, 2);
}

/* ---- cells ---- */

static always_inline void make_cells(const struct winograd_cells *cells, int tile, vector_type bias)
{
    const int side = tile + WINOGRAD_TAPS - 1;
    int64_t row_floats = cells->band_cells * VECTOR, step = cells->dilation[1] * VECTOR;
    for (int64_t t = 0; t < cells->tiles; t++) {
        const float *from = cells->products + t * cells->tile_stride;
        float *out = cells->band + cells->columns[t] * VECTOR;
        vector_type half[4][SIDE_MAX];
        UNROLL
        for (int j = 0; j < side; j++) {
            vector_type m[SIDE_MAX], done[4];
            UNROLL
            for (int i = 0; i < side; i++)
                m[i] = load(from + (i * side + j) * cells->stride);
            transform_products(tile, m, done);
            UNROLL
            for (int i = 0; i < tile; i++)
                half[i][j] = done[i];
        }
        UNROLL
        for (int i = 0; i < tile; i++) {
            vector_type done[4];
            transform_products(tile, half[i], done);
            UNROLL
            for (int j = 0; j < tile; j++)
                store(out + i * row_floats + j * step, done[j] + bias);
        }
    }
}

static void store_row(const struct winograd_cells *cells, const float *band, int64_t row)
{
    vector_type low = broadcast(cells->low), high = broadcast(cells->high);
    for (int64_t x = 0; x < cells->cells; x += VECTOR) {
        vector_type v[VECTOR];
        int64_t count = cells->cells - x, place = row * cells->width + x;
        UNROLL
        for (int i = 0; i < VECTOR; i++)
            v[i] = load(band + (x + i) * VECTOR);
        transpose(v);
        UNROLL
        for (int c = 0; c < VECTOR; c++, place += cells->plane) {
            if (c == cells->channels)
                break;
            vector_type sum = v[c];
            if (cells->residual)
                sum += load_lanes(cells->residual + place, count);
            store_lanes(cells->target + place, clamp(sum, low, high), count);
        }
    }
}

static void transform_cells(const struct winograd_cells *cells)
{
    vector_type bias = cells->bias ? load_lanes(cells->bias, cells->channels) : (vector_type){0};
    if (cells->tile == 2)
        make_cells(cells, 2, bias);
    else
        make_cells(cells, 4, bias);
    for (int64_t i = 0; i < cells->rows; i++)
        store_row(cells, cells->band + i * cells->band_cells * VECTOR, i * cells->dilation[0]);
}

extern const struct winograd_kernel LEVEL(winograd);
const struct winograd_kernel LEVEL(winograd) = {VECTOR, transform_weights, transform_patches, multiply_tiles,
                                                transform_cells};
