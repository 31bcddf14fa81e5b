#include "base/random.h"

#include <math.h>

void random_block(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t out[4])
{
    uint32_t x[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * x[0];
        uint64_t product1 = (uint64_t)0xCD9E8D57u * x[2];
        uint32_t next0 = (uint32_t)(product1 >> 32) ^ x[1] ^ key0;
        uint32_t next2 = (uint32_t)(product0 >> 32) ^ x[3] ^ key1;
        x[1] = (uint32_t)product1;
        x[3] = (uint32_t)product0;
        x[0] = next0;
        x[2] = next2;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = x[i];
}

uint32_t random_next(struct random *random)
{
    uint32_t block[4];
    random_block(random->seed, random->stream, random->counter / 4, block);
    return block[random->counter++ % 4];
}

double random_uniform(struct random *random)
{
    uint64_t high = random_next(random) >> 5, low = random_next(random) >> 6;
    return (double)((high << 26) | low) / 9007199254740992.0; /* 2^53 */
}

double random_normal(struct random *random)
{
    const double two_pi = 6.283185307179586;
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(random))); /* Box and Muller */
    return radius * cos(two_pi * random_uniform(random));
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    uint32_t threshold = (uint32_t)(((uint64_t)1 << 32) % bound); /* the numbers from here on are a multiple of bound */
    for (;;) {
        uint32_t number = random_next(random);
        if (number >= threshold)
            return number % bound;
    }
}
