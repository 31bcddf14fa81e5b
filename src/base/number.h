/* The smaller and the larger of counts and places, and one held between bounds. */
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

#endif
