#include "data/shuffle.h"

#include "base/random.h"

#define ROUNDS 6
#define SHUFFLE_STREAM 0x73687566666c65 /* apart from what else the seed is used for */

/* A Feistel network permutes [0, 4^k), the smallest such range that holds the count; numbers beyond the count are put
 * through it again until they fall below (Black and Rogaway, 2002): fewer than four turns on average. */
int64_t shuffle_at(uint64_t seed, uint64_t epoch, int64_t count, int64_t position)
{
    unsigned half_bits = 1;
    while (half_bits < 31 && (int64_t)1 << (2 * half_bits) < count)
        half_bits++;
    uint64_t mask = ((uint64_t)1 << half_bits) - 1, number = (uint64_t)position;
    do {
        uint64_t left = number >> half_bits, right = number & mask;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint32_t drawn[4];
            random_block(seed, SHUFFLE_STREAM ^ epoch << 3 ^ round, right, drawn);
            uint64_t next = left ^ (drawn[0] & mask);
            left = right;
            right = next;
        }
        number = left << half_bits | right;
    } while (number >= (uint64_t)count);
    return (int64_t)number;
}
