/* A matrix transposed, compiled once per instruction set: blocks of 8 x 8 in registers, so that both sides move whole
 * vectors. */
#include "kernel/kernels.h"
#include "kernel/level.h"

#if defined(__AVX2__)
#include <immintrin.h>

enum { BLOCK = 8 };

static inline __m256 load_halves(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* Four columns of 8 rows: rows i and i + 4 share a register, so that no half has to cross. */
static inline void transpose_four(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    __m256 a = load_halves(from, from + 4 * from_row);
    __m256 b = load_halves(from + from_row, from + 5 * from_row);
    __m256 c = load_halves(from + 2 * from_row, from + 6 * from_row);
    __m256 d = load_halves(from + 3 * from_row, from + 7 * from_row);
    __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
    _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(ab_low, cd_low, 0xee));
    _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

static inline void transpose_block(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    transpose_four(from, from_row, to, to_row);
    transpose_four(from + 4, from_row, to + 4 * to_row, to_row);
}
#else
enum { BLOCK = 4 };

static inline void transpose_block(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    for (int j = 0; j < BLOCK; j++) {
        for (int i = 0; i < BLOCK; i++)
            to[j * to_row + i] = from[i * from_row + j];
    }
}
#endif

static void transpose_edge(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows,
                           int64_t columns)
{
    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i < rows; i++)
            to[j * to_row + i] = from[i * from_row + j];
    }
}

/* Rows that are done together: the lines of 8 of their columns stay in the first-level cache (8 KB). */
enum { ROWS = 128 };

static void transpose_rows(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows,
                           int64_t columns)
{
    int64_t whole = rows / BLOCK * BLOCK, j = 0;
    for (; j + BLOCK <= columns; j += BLOCK) {
        for (int64_t i = 0; i < whole; i += BLOCK)
            transpose_block(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
        transpose_edge(from + whole * from_row + j, from_row, to + j * to_row + whole, to_row, rows - whole, BLOCK);
    }
    transpose_edge(from + j, from_row, to + j * to_row, to_row, rows, columns - j);
}

void LEVEL(transpose)(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows, int64_t columns);
void LEVEL(transpose)(const float *from, int64_t from_row, float *to, int64_t to_row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i += ROWS)
        transpose_rows(from + i * from_row, from_row, to + i, to_row, rows - i < ROWS ? rows - i : ROWS, columns);
}
