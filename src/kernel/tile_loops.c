/* The tile kernel of one instruction set: compiled with its flags and named after it.
 *
 * A tile is as large as the registers allow: ROWS rows of two vectors with sixteen registers (twelve sums, two vectors
 * of columns, a weight), of three with thirty-two. That is more than the eight sums which two multiply-adds a cycle of
 * four cycles' latency need, and each column that is loaded meets ROWS weights, each weight that is broadcast two or
 * three vectors. Fewer rows are tiles of their own, not padded ones.
 *
 * The weights of DEPTH terms, 12 KB with AVX-512 and 6 KB with AVX2, stay in the first-level cache while columns pass,
 * which come from the second; joining the sums of so many terms costs about a hundredth of their products. */
#include "kernel/level.h"
#include "kernel/tile.h"
#include "kernel/vector.h"

#if defined(__AVX512F__)
#define ROWS 8
#define DEPTH 384
#define USUAL_VECTORS 3
#else
#define ROWS 6
#define DEPTH 256
#define USUAL_VECTORS 2
#endif
#define MOST_VECTORS 3
#define NARROW 4
/* Floats of the weights that are fetched ahead where so few columns meet them that memory is what is waited for. */
#define FETCHED 1024

/* `rows` and `vectors` are constants where this is inlined: the sums stay in registers. */
static always_inline void sum_terms(const struct tile *tile, int rows, int vectors,
                                    vector_type sums[ROWS][MOST_VECTORS])
{
    const float *a = tile->a, *b = tile->b;
    const int32_t *offsets = tile->offsets;
    int64_t ahead = tile->ahead;
    zero_vectors(sums[0], rows, vectors, MOST_VECTORS);
    for (int64_t k = 0; k < tile->depth; k++) {
        vector_type columns[MOST_VECTORS];
        const float *row = b + offsets[k];
        __builtin_prefetch(row + ahead);
        if (vectors < USUAL_VECTORS)
            __builtin_prefetch(a + FETCHED);
        UNROLL
        for (int v = 0; v < vectors; v++)
            columns[v] = load(row + v * VECTOR);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vector_type weight = broadcast(a[r]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sums[r][v] += weight * columns[v];
        }
        a += ROWS;
    }
}

/* `last`: lanes of the last vector. */
static always_inline void finish(const struct tile *tile, int rows, int vectors, bool residual, int last,
                                 vector_type sums[ROWS][MOST_VECTORS])
{
    vector_type low = broadcast(tile->low), high = broadcast(tile->high);
    UNROLL
    for (int r = 0; r < rows; r++) {
        vector_type bias = broadcast(tile->bias[r]);
        UNROLL
        for (int v = 0; v < vectors; v++) {
            vector_type sum = sums[r][v] + bias;
            int lanes = v + 1 < vectors ? VECTOR : last;
            if (residual)
                sum += load_lanes(tile->residual + r * tile->residual_stride + v * VECTOR, lanes);
            store_lanes(tile->c + r * tile->c_stride + v * VECTOR, clamp(sum, low, high), lanes);
        }
    }
}

/* The residual comes from far away, unless it is what was summed before: it is here when the sums are. */
static always_inline void fetch_residual(const struct tile *tile, int rows, int vectors)
{
    const float *residual = tile->residual ? tile->residual : tile->c;
    int64_t stride = tile->residual ? tile->residual_stride : tile->c_stride;
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            __builtin_prefetch(residual + r * stride + v * VECTOR);
    }
}

static always_inline void multiply(const struct tile *tile, int rows, int vectors)
{
    vector_type sums[ROWS][MOST_VECTORS];
    int last = (int)tile->columns - (vectors - 1) * VECTOR;
    fetch_residual(tile, rows, vectors);
    sum_terms(tile, rows, vectors, sums);
    if (last == VECTOR && !tile->residual)
        finish(tile, rows, vectors, false, VECTOR, sums);
    else if (last == VECTOR)
        finish(tile, rows, vectors, true, VECTOR, sums);
    else
        finish(tile, rows, vectors, tile->residual, last, sums);
}

/* The rows of one column, and with six rows two lanes of the next that are not used. */
typedef float column_type __attribute__((vector_size(8 * sizeof(float)), aligned(sizeof(float)), may_alias));

/* A few columns left over: a vector holds the rows of one column, and `chains` sums of each run side by side. */
static always_inline void multiply_narrow(const struct tile *tile, int columns, int chains)
{
    column_type sums[8][NARROW];
    int64_t k = 0;
    UNROLL
    for (int i = 0; i < chains; i++) {
        UNROLL
        for (int j = 0; j < columns; j++)
            sums[i][j] = (column_type){0};
    }
    for (; k + chains <= tile->depth; k += chains) {
        UNROLL
        for (int i = 0; i < chains; i++) {
            column_type weights = *(const column_type *)(tile->a + (k + i) * ROWS);
            __builtin_prefetch(tile->a + (k + i) * ROWS + FETCHED);
            const float *row = tile->b + tile->offsets[k + i];
            UNROLL
            for (int j = 0; j < columns; j++)
                sums[i][j] += weights * row[j];
        }
    }
    for (; k < tile->depth; k++) {
        column_type weights = *(const column_type *)(tile->a + k * ROWS);
        UNROLL
        for (int j = 0; j < columns; j++)
            sums[0][j] += weights * tile->b[tile->offsets[k] + j];
    }
    UNROLL
    for (int i = 1; i < chains; i++) {
        UNROLL
        for (int j = 0; j < columns; j++)
            sums[0][j] += sums[i][j];
    }
    for (int r = 0; r < tile->rows; r++) {
        for (int j = 0; j < columns; j++) {
            float sum = sums[0][j][r] + tile->bias[r];
            sum += tile->residual ? tile->residual[r * tile->residual_stride + j] : 0;
            sum = sum < tile->low ? tile->low : sum;
            tile->c[r * tile->c_stride + j] = sum > tile->high ? tile->high : sum;
        }
    }
}

typedef void multiply_tile(const struct tile *tile);

#define TILE(rows, vectors)                                                                                            \
    static void tile_##rows##_##vectors(const struct tile *tile)                                                       \
    {                                                                                                                  \
        multiply(tile, rows, vectors);                                                                                 \
    }
#define TILE_ROW(rows) TILE(rows, 1) TILE(rows, 2) TILE(rows, 3)
#define TILE_ENTRIES(rows) {tile_##rows##_1, tile_##rows##_2, tile_##rows##_3},
#if defined(__AVX512F__)
#define TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
TILES(TILE_ROW)
static multiply_tile *const tiles[ROWS][MOST_VECTORS] = {TILES(TILE_ENTRIES)};
#else
/* Three vectors of more than four rows do not fit the registers. */
#define TILES(X) X(1) X(2) X(3) X(4)
TILES(TILE_ROW)
TILE(5, 1)
TILE(5, 2)
TILE(6, 1)
TILE(6, 2)
static multiply_tile *const tiles[ROWS][MOST_VECTORS] = {TILES(TILE_ENTRIES){tile_5_1, tile_5_2}, {tile_6_1, tile_6_2}};
#endif

static int most_vectors(int rows)
{
    return tiles[rows - 1][MOST_VECTORS - 1] ? MOST_VECTORS : MOST_VECTORS - 1;
}

static void multiply_any(const struct tile *tile)
{
    switch (tile->columns) {
    case 1:
        multiply_narrow(tile, 1, 8);
        break;
    case 2:
        multiply_narrow(tile, 2, 4);
        break;
    case 3:
        multiply_narrow(tile, 3, 2);
        break;
    case 4:
        multiply_narrow(tile, 4, 2);
        break;
    default:
        tiles[tile->rows - 1][(tile->columns - 1) / VECTOR](tile);
    }
}

/* ---- gathering ---- */

/* Whole vectors, like all that is written here: what they overwrite behind is written later. */
static inline void clear(float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i += VECTOR)
        store(to + i, (vector_type){0});
}

/* The last vector is read by lanes: nothing behind what is asked for. */
static inline void gather_neighbours(const float *from, int64_t count, float *to)
{
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR)
        store(to + i, load(from + i));
    if (i < count)
        store(to + i, load_lanes(from + i, count - i));
}

static inline void gather_even(const float *from, int64_t count, float *to)
{
    int64_t i = 0;
    for (; i + VECTOR < count; i += VECTOR)
        store(to + i, even_lanes(load(from + 2 * i), load(from + 2 * i + VECTOR)));
    if (i < count) {
        int64_t last = 2 * (count - i) - 1;
        store(to + i, even_lanes(load_lanes(from + 2 * i, last), load_lanes(from + 2 * i + VECTOR, last - VECTOR)));
    }
}

static always_inline void gather_segment(const float *from, int64_t stride, const struct tile_segment *segment,
                                         float *to)
{
    int64_t begin = segment->begin, count = segment->end - begin;
    clear(to, begin);
    from += begin * stride;
    if (stride == 1)
        gather_neighbours(from, count, to + begin);
    else if (stride == 2)
        gather_even(from, count, to + begin);
    else
        for (int64_t i = 0; i < count; i++)
            to[begin + i] = from[i * stride];
    clear(to + segment->end, segment->length - segment->end);
}

static always_inline void gather_channels(const struct tile_gather *gather, int64_t stride)
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

extern const struct tile_kernel LEVEL(tile);
const struct tile_kernel LEVEL(tile) = {ROWS,        VECTOR,       NARROW,       DEPTH,
                                        VECTOR == 8, most_vectors, multiply_any, gather_tile};
