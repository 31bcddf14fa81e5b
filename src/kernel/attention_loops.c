/* Rows of attention's weights (attention_rows.h) of one instruction set, compiled with its flags and named after it.
 * A row is in the first-level cache, as the product that made it has just written it: passes over it that each do one
 * thing cost less than sums that wait for exponentials. */
#include <math.h>

#include "kernel/attention_rows.h"
#include "kernel/elementary.h"
#include "kernel/level.h"
#include "kernel/vector.h"

/* NaN in `value` gives `best`. */
static inline vector_type larger(vector_type value, vector_type best)
{
#if defined(__AVX512F__)
    return (vector_type)_mm512_max_ps((__m512)value, (__m512)best);
#else
    return (vector_type)_mm256_max_ps((__m256)value, (__m256)best);
#endif
}

static inline float sum_lanes(vector_type vector)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)vector);
#else
    __m128 sums = _mm256_castps256_ps128((__m256)vector) + _mm256_extractf128_ps((__m256)vector, 1);
    sums += _mm_movehl_ps(sums, sums);
    return sums[0] + sums[1];
#endif
}

static inline float largest_lane(vector_type vector)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)vector);
#else
    __m128 best = _mm_max_ps(_mm256_castps256_ps128((__m256)vector), _mm256_extractf128_ps((__m256)vector, 1));
    best = _mm_max_ps(best, _mm_movehl_ps(best, best));
    return best[0] > best[1] ? best[0] : best[1];
#endif
}

/* Scale and mask; returns the largest, NaN left out. */
static float scale_row(float *weights, const float *mask, float scale, int64_t count, int64_t padded)
{
    const vector_type lowest = broadcast(-INFINITY);
    vector_type best = lowest;
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR) {
        vector_type value = load(weights + i) * scale;
        if (mask)
            value += load(mask + i);
        best = larger(value, best);
        store(weights + i, value);
    }
    if (i < count) {
        vector_type value = load(weights + i) * scale;
        if (mask)
            value += load_lanes(mask + i, count - i);
        mask_type inside = lanes_mask(count - i);
        value = (vector_type)(((mask_type)value & inside) | ((mask_type)lowest & ~inside));
        best = larger(value, best);
        store(weights + i, value);
        i += VECTOR;
    }
    for (; i < padded; i += VECTOR)
        store(weights + i, lowest);
    return largest_lane(best);
}

static float attention_weights(float *weights, const float *mask, float scale, int64_t count, int64_t padded)
{
    float largest = scale_row(weights, mask, scale, count, padded);
    vector_type first = {0}, second = {0};
    if (!(largest > -INFINITY))
        largest = 0; /* NaN stay, -infinity gives 0 */
    for (int64_t i = 0; i < padded / 16 * 16; i += VECTOR)
        store(weights + i, exponential(load(weights + i) - largest));
    for (int64_t i = 0; i < padded; i += 16) {
        first += load(weights + i);
        if (VECTOR == 8)
            second += load(weights + i + 8);
    }
    return sum_lanes(first + second);
}

static void gradient(float *p, float factor, float *dp, int64_t padded)
{
    vector_type sums = {0};
    for (int64_t i = 0; i < padded; i += VECTOR) {
        vector_type weights = load(p + i) * factor;
        sums += weights * load(dp + i);
        store(p + i, weights);
    }
    float sum = sum_lanes(sums);
    for (int64_t i = 0; i < padded; i += VECTOR)
        store(dp + i, load(p + i) * (load(dp + i) - sum));
}

extern const struct attention_rows LEVEL(attention);
const struct attention_rows LEVEL(attention) = {.weights = attention_weights, .gradient = gradient};
