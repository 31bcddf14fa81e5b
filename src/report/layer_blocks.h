/* A network's layers as a strip of blocks: each begins with a convolution, product or pool and takes what follows it;
 * where they are too many, neighbours join. */
#ifndef FOVEA_REPORT_LAYER_BLOCKS_H
#define FOVEA_REPORT_LAYER_BLOCKS_H

#include <stdbool.h>

#include "base/document.h"
#include "base/memory.h"

#define MOST_BLOCKS 50

enum block_kind {
    BLOCK_CONVOLUTION,
    BLOCK_PRODUCT,
    BLOCK_ATTENTION,
    BLOCK_POOL,
    BLOCK_NORMALIZATION,
    BLOCK_ACTIVATION,
    BLOCK_JOIN,
    BLOCK_OTHER,
    BLOCK_KINDS
};
extern const char *const block_names[BLOCK_KINDS];

struct layer_block {
    enum block_kind kind;           /* of the part with most multiply-accumulates */
    double kind_macs;               /* of that part */
    const json_t *first;            /* its first layer */
    const json_t *shape;            /* of what leaves it */
    int layers, parts;              /* nodes; blocks that were joined */
    double parameters, macs, field; /* field: the larger side, pixels; 0: none */
    bool whole;                     /* its end reads the whole input, through attention, gates or statistics */
};
/* At most MOST_BLOCKS; a block of memory for the caller. NULL and *count 0 without layers. */
struct layer_block *layer_blocks(struct memory *memory, const json_t *layers, size_t *count, struct error *error);

#endif
