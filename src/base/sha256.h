/* SHA-256 (FIPS 180-4), to name model files in result manifests. */
#ifndef FOVEA_BASE_SHA256_H
#define FOVEA_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
/* 64 hexadecimal digits and a NUL. */
void sha256_finish(struct sha256 *hash, char digest[65]);
/* Of a file's bytes. */
int sha256_file(const char *path, char digest[65], struct error *error);

#endif
