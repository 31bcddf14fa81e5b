/* One vector of floats of the instruction set that a kernel is compiled for. */
#ifndef FOVEA_KERNEL_VECTOR_H
#define FOVEA_KERNEL_VECTOR_H

#include <immintrin.h>
#include <stdint.h>

#include "kernel/loop_words.h"

#if defined(__AVX512F__)
#define VECTOR 16
#else
#define VECTOR 8
#endif

/* For functions whose sizes are constants where they are inlined. */
#define always_inline inline __attribute__((always_inline))

typedef float vector_type __attribute__((vector_size(VECTOR * sizeof(float)), aligned(sizeof(float)), may_alias));

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

/* a * b + c, rounded once: the compiler is left no choice between that and two roundings. */
static inline vector_type multiply_add(vector_type a, vector_type b, vector_type c)
{
#if defined(__AVX512F__)
    return (vector_type)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    return (vector_type)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#endif
}

/* rows x vectors of an array of sums whose rows are `stride` apart: constants where this is inlined. */
static always_inline void zero_vectors(vector_type *sums, int rows, int vectors, int stride)
{
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sums[r * stride + v] = (vector_type){0};
    }
}

/* NaN stays: of an unordered pair these instructions give the second operand. */
static inline vector_type clamp(vector_type x, vector_type low, vector_type high)
{
#if defined(__AVX512F__)
    return (vector_type)_mm512_min_ps((__m512)high, _mm512_max_ps((__m512)low, (__m512)x));
#else
    return (vector_type)_mm256_min_ps((__m256)high, _mm256_max_ps((__m256)low, (__m256)x));
#endif
}

#if defined(__AVX512F__)
static inline __mmask16 lanes_below(int64_t count)
{
    return (__mmask16)((1u << (count > 16 ? 16 : count)) - 1);
}
#else
static inline __m256i lanes_below(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

typedef int mask_type __attribute__((vector_size(VECTOR * sizeof(int)), aligned(sizeof(int)), may_alias));

/* Ones in the first `count` lanes. */
static inline mask_type lanes_mask(int64_t count)
{
    mask_type lanes;
    for (int i = 0; i < VECTOR; i++)
        lanes[i] = i < count ? -1 : 0;
    return lanes;
}

/* The lanes where `mask` is set, zero elsewhere. */
static inline vector_type select_lanes(vector_type vector, mask_type mask)
{
    return (vector_type)((mask_type)vector & mask);
}

/* The first `count` lanes in memory, zero elsewhere: nothing behind them is read. */
static inline vector_type load_lanes(const float *from, int64_t count)
{
    if (count <= 0)
        return (vector_type){0};
#if defined(__AVX512F__)
    return (vector_type)_mm512_maskz_loadu_ps(lanes_below(count), from);
#else
    return (vector_type)_mm256_maskload_ps(from, lanes_below(count));
#endif
}

/* The first `count` lanes. Without mask registers in halves that overlap: some machines store masked vectors slowly. */
static inline void store_lanes(float *to, vector_type vector, int64_t count)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, lanes_below(count), (__m512)vector);
#else
    if (count >= VECTOR) {
        store(to, vector);
    } else if (count >= 4) {
        float lanes[VECTOR];
        store(lanes, vector);
        __m128 last = _mm_loadu_ps(lanes + count - 4);
        _mm_storeu_ps(to, _mm256_castps256_ps128((__m256)vector));
        _mm_storeu_ps(to + count - 4, last);
    } else {
        for (int64_t i = 0; i < count; i++)
            to[i] = vector[i];
    }
#endif
}

/* Of two vectors that follow each other the elements with even numbers, those with odd ones. */
static inline vector_type even_lanes(vector_type first, vector_type second)
{
#if defined(__AVX512F__)
    const __m512i lanes = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return (vector_type)_mm512_permutex2var_ps((__m512)first, lanes, (__m512)second);
#else
    __m256d pairs = (__m256d)_mm256_shuffle_ps((__m256)first, (__m256)second, 0x88);
    return (vector_type)_mm256_permute4x64_pd(pairs, 0xd8);
#endif
}

static inline vector_type odd_lanes(vector_type first, vector_type second)
{
#if defined(__AVX512F__)
    const __m512i lanes = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return (vector_type)_mm512_permutex2var_ps((__m512)first, lanes, (__m512)second);
#else
    __m256d pairs = (__m256d)_mm256_shuffle_ps((__m256)first, (__m256)second, 0xdd);
    return (vector_type)_mm256_permute4x64_pd(pairs, 0xd8);
#endif
}

/* The other way: `even` and `odd` element by element, first and second half. */
static inline vector_type interleave_low(vector_type even, vector_type odd)
{
#if defined(__AVX512F__)
    const __m512i lanes = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return (vector_type)_mm512_permutex2var_ps((__m512)even, lanes, (__m512)odd);
#else
    __m256 low = _mm256_unpacklo_ps((__m256)even, (__m256)odd), high = _mm256_unpackhi_ps((__m256)even, (__m256)odd);
    return (vector_type)_mm256_permute2f128_ps(low, high, 0x20);
#endif
}

static inline vector_type interleave_high(vector_type even, vector_type odd)
{
#if defined(__AVX512F__)
    const __m512i lanes = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return (vector_type)_mm512_permutex2var_ps((__m512)even, lanes, (__m512)odd);
#else
    __m256 low = _mm256_unpacklo_ps((__m256)even, (__m256)odd), high = _mm256_unpackhi_ps((__m256)even, (__m256)odd);
    return (vector_type)_mm256_permute2f128_ps(low, high, 0x31);
#endif
}

#endif
