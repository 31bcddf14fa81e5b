#include "base/hash.h"

#include <string.h>

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t lanes[4] = {hash, hash + 1, hash + 2, hash + 3}, words[4];
    size_t left = length;
    for (; left >= sizeof words; left -= sizeof words, at += sizeof words) {
        memcpy(words, at, sizeof words);
        for (int i = 0; i < 4; i++)
            lanes[i] = hash_mix(lanes[i], words[i]);
    }
    memset(words, 0, sizeof words);
    if (left > 0)
        memcpy(words, at, left);
    for (int i = 0; i < 4; i++)
        hash = hash_mix(hash, hash_mix(lanes[i], words[i]));
    return hash_mix(hash, length);
}

uint64_t hash_text(uint64_t hash, const char *text)
{
    return text ? hash_bytes(hash, text, strlen(text)) : hash_mix(hash, 0);
}
