/* The tile kernel of one instruction set: compiled with its flags and a name of its own (TILE_KERNEL). */
#include <immintrin.h>

#include "kernel/tile.h"

#if defined(__AVX512F__)
#define VECTOR 16
#define ROWS 8
#define MOST_VECTORS 3
#define NARROW 4
#else
#define VECTOR 8
#define ROWS 6
#define MOST_VECTORS 2
#define NARROW 4
#endif

#define PIECE 384 /* terms summed before they join the total */

typedef float vector_type __attribute__((vector_size(VECTOR * sizeof(float)), aligned(sizeof(float)), may_alias));

typedef int mask_type __attribute__((vector_size(VECTOR * sizeof(int)), aligned(sizeof(int)), may_alias));

static inline vector_type load(const float *from)
{
    return *(const vector_type *)from;
}

static inline void store(float *to, vector_type vector)
{
    *(vector_type *)to = vector;
}

static inline vector_type broadcast(float value)
{
    return value - (vector_type){0};
}

/* Elements of `b` where `mask` is set, of `a` elsewhere. */
static inline vector_type choose(mask_type mask, vector_type b, vector_type a)
{
    return (vector_type)((mask & (mask_type)b) | (~mask & (mask_type)a));
}

/* NaN stays. */
static inline vector_type clamp(vector_type x, vector_type low, vector_type high)
{
    x = choose((mask_type)(x < low), low, x);
    return choose((mask_type)(x > high), high, x);
}

/* `rows` and `vectors` are constants where this is inlined: the sums stay in registers. */
static inline __attribute__((always_inline)) void sum_piece(const float *a, const float *b, int64_t depth, int rows,
                                                            int vectors, vector_type total[ROWS][MOST_VECTORS])
{
    vector_type sums[ROWS][MOST_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            sums[r][v] = (vector_type){0};
    }
    for (int64_t k = 0; k < depth; k++) {
        vector_type columns[MOST_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            columns[v] = load(b + v * VECTOR);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vector_type weight = broadcast(a[r]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sums[r][v] += weight * columns[v];
        }
        a += ROWS;
        b += vectors * VECTOR;
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            total[r][v] += sums[r][v];
    }
}

static inline __attribute__((always_inline)) void multiply(const struct tile *tile, int rows, int vectors)
{
    vector_type total[ROWS][MOST_VECTORS];
    vector_type low = broadcast(tile->low), high = broadcast(tile->high);
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++)
            total[r][v] = broadcast(tile->bias[r]);
    }
    for (int64_t k = 0; k < tile->depth; k += PIECE) {
        int64_t depth = tile->depth - k < PIECE ? tile->depth - k : PIECE;
        sum_piece(tile->a + k * ROWS, tile->b + k * vectors * VECTOR, depth, rows, vectors, total);
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            vector_type sum = total[r][v];
            if (tile->residual)
                sum += load(tile->residual + r * tile->residual_stride + v * VECTOR);
            store(tile->c + r * tile->c_stride + v * VECTOR, clamp(sum, low, high));
        }
    }
}

/* The rows of one column, and with six rows two lanes of the next that are not used. */
typedef float column_type __attribute__((vector_size(8 * sizeof(float)), aligned(sizeof(float)), may_alias));

/* A few columns left over: a vector holds the rows of one column. */
static inline __attribute__((always_inline)) void multiply_narrow(const struct tile *tile, int columns)
{
    float total[ROWS][NARROW];
    for (int r = 0; r < ROWS; r++) {
        for (int j = 0; j < columns; j++)
            total[r][j] = tile->bias[r];
    }
    for (int64_t start = 0; start < tile->depth; start += PIECE) {
        int64_t depth = tile->depth - start < PIECE ? tile->depth - start : PIECE, k = 0;
        const float *a = tile->a + start * ROWS, *b = tile->b + start * columns;
        column_type even[NARROW], odd[NARROW];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            even[j] = odd[j] = (column_type){0};
        for (; k + 2 <= depth; k += 2, a += 2 * ROWS, b += 2 * columns) {
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++) {
                even[j] += *(const column_type *)a * b[j];
                odd[j] += *(const column_type *)(a + ROWS) * b[columns + j];
            }
        }
        for (int j = 0; j < columns; j++) {
            if (k < depth)
                even[j] += *(const column_type *)a * b[j];
            for (int r = 0; r < ROWS; r++)
                total[r][j] += even[j][r] + odd[j][r];
        }
    }
    for (int r = 0; r < tile->rows; r++) {
        for (int j = 0; j < columns; j++) {
            float sum = total[r][j] + (tile->residual ? tile->residual[r * tile->residual_stride + j] : 0);
            sum = sum < tile->low ? tile->low : sum;
            tile->c[r * tile->c_stride + j] = sum > tile->high ? tile->high : sum;
        }
    }
}

static void multiply_columns(const struct tile *tile)
{
    switch (tile->columns) {
    case 1:
        multiply_narrow(tile, 1);
        break;
    case 2:
        multiply_narrow(tile, 2);
        break;
    case 3:
        multiply_narrow(tile, 3);
        break;
    default:
        multiply_narrow(tile, 4);
    }
}

static inline __attribute__((always_inline)) void multiply_rows(const struct tile *tile, int rows)
{
    if (tile->vectors == 1)
        multiply(tile, rows, 1);
    else if (tile->vectors == 2)
        multiply(tile, rows, 2);
#if MOST_VECTORS > 2
    else
        multiply(tile, rows, 3);
#endif
}

static void multiply_tile(const struct tile *tile)
{
    if (tile->vectors == 0) {
        multiply_columns(tile);
        return;
    }
    if (tile->rows <= ROWS / 2)
        multiply_rows(tile, ROWS / 2);
    else
        multiply_rows(tile, ROWS);
}

/* ---- gathering ---- */

/* Lanes [begin, end) of a vector in memory, zero elsewhere: nothing outside them is read. */
static inline vector_type load_lanes(const float *from, int begin, int end)
{
    if (begin <= 0 && end >= VECTOR)
        return load(from);
#if defined(__AVX512F__)
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __mmask16 mask =
        _mm512_cmpge_epi32_mask(lane, _mm512_set1_epi32(begin)) & _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(end));
    return (vector_type)_mm512_maskz_loadu_ps(mask, from);
#else
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i mask = _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32(begin - 1)),
                                    _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lane));
    return (vector_type)_mm256_maskload_ps(from, mask);
#endif
}

/* The even elements of two vectors that follow each other in memory, lanes [begin, end) of them. */
static inline vector_type load_even_lanes(const float *from, int begin, int end)
{
    int first = 2 * begin, last = 2 * end - 1;
    vector_type low = load_lanes(from, first, last), high = load_lanes(from + VECTOR, first - VECTOR, last - VECTOR);
#if defined(__AVX512F__)
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return (vector_type)_mm512_permutex2var_ps((__m512)low, even, (__m512)high);
#else
    __m256d pairs = (__m256d)_mm256_shuffle_ps((__m256)low, (__m256)high, 0x88);
    return (vector_type)_mm256_permute4x64_pd(pairs, 0xd8);
#endif
}

static inline __attribute__((always_inline)) void gather_segment(const float *from, int64_t stride,
                                                                 const struct tile_segment *segment, float *to)
{
    for (int i = 0; i < segment->length; i += VECTOR) {
        int begin = segment->begin - i, end = segment->end - i;
        if (stride == 1) {
            store(to + i, load_lanes(from + i, begin, end));
        } else if (stride == 2) {
            store(to + i, load_even_lanes(from + 2 * (int64_t)i, begin, end));
        } else {
            for (int lane = 0; lane < VECTOR; lane++)
                to[i + lane] = lane >= begin && lane < end ? from[(i + lane) * stride] : 0;
        }
    }
}

static inline __attribute__((always_inline)) void gather_channels(const struct tile_gather *gather, int64_t stride)
{
    for (int64_t c = 0; c < gather->channels; c++) {
        const float *channel = gather->source + c * gather->plane;
        float *out = gather->out + c * gather->depth_step;
        for (int64_t s = 0; s < gather->segment_count; s++) {
            const struct tile_segment *segment = &gather->segments[s];
            gather_segment(channel + segment->offset, stride, segment, out + segment->column);
        }
    }
}

static void gather_tile(const struct tile_gather *gather)
{
    if (gather->stride == 1)
        gather_channels(gather, 1);
    else if (gather->stride == 2)
        gather_channels(gather, 2);
    else
        gather_channels(gather, gather->stride);
}

extern const struct tile_kernel TILE_KERNEL;
const struct tile_kernel TILE_KERNEL = {ROWS, VECTOR, MOST_VECTORS, NARROW, multiply_tile, gather_tile};
