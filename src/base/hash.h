/* Hashes of graphs and bytes: well mixed, not cryptographic, the same on every machine of one byte order. */
#ifndef FOVEA_BASE_HASH_H
#define FOVEA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* `hash` with one more word: the order of words counts. */
static inline uint64_t hash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    return hash * 0xd6e8feb86659fd93u + 1;
}
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);
/* NULL differs from "". */
uint64_t hash_text(uint64_t hash, const char *text);

#endif
