/* Arithmetic of counts and places. */
#ifndef FOVEA_BASE_NUMBER_H
#define FOVEA_BASE_NUMBER_H

#include <stdint.h>

static inline int64_t int64_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t int64_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t int64_clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : int64_min(value, high);
}

/* The least multiple of `step` that is not below `value`, which is not negative. */
static inline int64_t int64_round_up(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

static inline int64_t int64_greatest_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : int64_greatest_divisor(b, a % b);
}

#endif
