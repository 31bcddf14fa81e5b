/* A random order in constant memory. */
#ifndef FOVEA_DATA_SHUFFLE_H
#define FOVEA_DATA_SHUFFLE_H

#include <stdint.h>

/* The number at `position` in a permutation of [0, count) that (seed, epoch) choose; 0 <= position < count. */
int64_t shuffle_at(uint64_t seed, uint64_t epoch, int64_t count, int64_t position);

#endif
