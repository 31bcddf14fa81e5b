/* Numbers in [-1, 1) that kernels are tested with, released by free, and how far a result is from a reference. */
#ifndef FOVEA_TESTS_KERNEL_NOISE_H
#define FOVEA_TESTS_KERNEL_NOISE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* 64-byte aligned. */
static inline float *noise(int64_t count, uint64_t seed)
{
    float *values = aligned_alloc(64, ((size_t)count * sizeof *values + 63) / 64 * 64);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(int32_t)(state >> 32) / 2147483648.0f;
    }
    return values;
}

/* Of twelve bits, so that short sums of products are exact; ends where it ends. */
static inline float *coarse_noise(int64_t count, uint64_t seed)
{
    float *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(((uint64_t)i * 2654435761u + seed * 40503u) >> 7 & 0xfff) / 2048.0f - 1.0f;
    return values;
}

/* Root of the mean squared distance over that of the values. */
static inline double error_of(const float *got, const double *reference, int64_t count)
{
    double distance = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        distance += ((double)got[i] - reference[i]) * ((double)got[i] - reference[i]);
        size += reference[i] * reference[i];
    }
    return sqrt(distance / size);
}

#endif
