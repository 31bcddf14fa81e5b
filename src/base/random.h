/* Counter-based random numbers: every number is a function of (seed, stream, counter), so results do not depend on
 * the thread count. Philox-4x32-10 (Salmon et al., SC 2011). */
#ifndef FOVEA_BASE_RANDOM_H
#define FOVEA_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t seed;
    uint64_t stream;
    uint64_t counter;
};

/* Four 32-bit numbers of the given counter. */
void random_block(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t out[4]);
uint32_t random_next(struct random *random);
/* Uniform in [0, 1). */
double random_uniform(struct random *random);
/* Standard normal. */
double random_normal(struct random *random);
/* Uniform integer in [0, bound), bound > 0. */
uint32_t random_below(struct random *random, uint32_t bound);

#endif
