/* The IDX files in which MNIST and its relatives are published. */
#ifndef FOVEA_DATA_IDX_H
#define FOVEA_DATA_IDX_H

#include <stdint.h>

#include "base/memory.h"

#define IDX_MAX_RANK 3
#define IDX_MAX_BYTES ((size_t)1 << 31)

/* Unsigned bytes, row-major. */
struct idx {
    int rank; /* 1 .. IDX_MAX_RANK */
    int64_t dims[IDX_MAX_RANK];
    uint8_t *bytes;
};

/* Reads a file, packed by gzip or plain. ERROR_INPUT names the file where it is not as long as its header says, has
 * other elements or another rank than `rank`; ERROR_LIMIT beyond IDX_MAX_BYTES. Nothing is allocated for more than
 * the file can hold. Released with idx_release. */
int idx_read(struct memory *memory, const char *path, int rank, struct idx *idx, struct error *error);
void idx_release(struct memory *memory, struct idx *idx);

#endif
