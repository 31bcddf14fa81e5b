/* What elementary functions are computed on: a vector of floats, or, in plain C, one float. Minima and maxima are told
 * so, as compilers make comparisons and blends of conditional expressions that should keep NaN. */
#ifndef FOVEA_KERNEL_NUMBERS_H
#define FOVEA_KERNEL_NUMBERS_H

#include <math.h>
#include <stdint.h>

#ifdef KERNEL_FAST
#include "kernel/vector.h"

#define NUMBERS VECTOR
typedef vector_type numbers;
typedef mask_type truths;
typedef unsigned bits_type
    __attribute__((vector_size(VECTOR * sizeof(unsigned)), aligned(sizeof(unsigned)), may_alias));

static always_inline numbers splat(float value)
{
    return broadcast(value);
}

static always_inline numbers either(truths condition, numbers yes, numbers no)
{
    return (numbers)(((mask_type)yes & condition) | ((mask_type)no & ~condition));
}

static always_inline numbers at_least(numbers x, float low)
{
#if defined(__AVX512F__)
    return (numbers)_mm512_max_ps(_mm512_set1_ps(low), (__m512)x);
#else
    return (numbers)_mm256_max_ps(_mm256_set1_ps(low), (__m256)x);
#endif
}

static always_inline numbers at_most(numbers x, float high)
{
#if defined(__AVX512F__)
    return (numbers)_mm512_min_ps(_mm512_set1_ps(high), (__m512)x);
#else
    return (numbers)_mm256_min_ps(_mm256_set1_ps(high), (__m256)x);
#endif
}

static always_inline numbers magnitude(numbers x)
{
    return (numbers)((bits_type)x & 0x7fffffffu);
}

static always_inline numbers square_root(numbers x)
{
#if defined(__AVX512F__)
    return (numbers)_mm512_sqrt_ps((__m512)x);
#else
    return (numbers)_mm256_sqrt_ps((__m256)x);
#endif
}

#define take load
#define put store
#define take_some load_lanes
#define put_some store_lanes

#else

#define NUMBERS 1
#define always_inline inline __attribute__((always_inline))
typedef float numbers;
typedef int truths;
typedef unsigned bits_type;

static always_inline numbers splat(float value)
{
    return value;
}

static always_inline numbers either(truths condition, numbers yes, numbers no)
{
    return condition ? yes : no;
}

static always_inline numbers at_least(numbers x, float low)
{
    return x < low ? low : x;
}

static always_inline numbers at_most(numbers x, float high)
{
    return x > high ? high : x;
}

static always_inline numbers magnitude(numbers x)
{
    return fabsf(x);
}

static always_inline numbers square_root(numbers x)
{
    return sqrtf(x);
}

static always_inline numbers take(const float *from)
{
    return *from;
}

static always_inline void put(float *to, numbers value)
{
    *to = value;
}

/* Of parts of a vector, which there are none of. */
static always_inline numbers take_some(const float *from, int64_t count)
{
    return count > 0 ? *from : 0;
}

static always_inline void put_some(float *to, numbers value, int64_t count)
{
    if (count > 0)
        *to = value;
}
#endif

#endif
