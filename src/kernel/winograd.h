/* Winograd's minimal filtering for 3x3 kernels (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
 * 2016): a tile of m x m target cells comes from (m + 2) x (m + 2) products per channel in place of 9 m x m. Points 0,
 * +-1, infinity for m = 2; 0, +-3/4, +-3/2, infinity for m = 4, which have half the error of the usual 0, +-1, +-2. */
#ifndef FOVEA_KERNEL_WINOGRAD_H
#define FOVEA_KERNEL_WINOGRAD_H

#include <stdbool.h>
#include <stdint.h>

#define WINOGRAD_TAPS 3
/* The points of m = 4 beside 0 and infinity, with both signs. Their products are exact. */
#define WINOGRAD_NEAR 0.75f
#define WINOGRAD_FAR 1.5f
/* Vectors of target channels that are computed together: a panel. */
#define WINOGRAD_PANEL 2

/* Side of the patch that makes a tile of side m, and its products per channel. */
static inline int winograd_side(int tile)
{
    return tile + WINOGRAD_TAPS - 1;
}

static inline int winograd_products(int tile)
{
    return winograd_side(tile) * winograd_side(tile);
}

/* Weight of (row, channel, tap): weights[row * row_stride + channel * channel_stride + tap], the taps backwards where
 * `flip`. */
struct winograd_weights {
    int tile;
    int64_t rows, channels, row_stride, channel_stride;
    bool flip;
    const float *weights;
    float *out; /* [panel, product, channel, vectors of the panel, lane]; the last panel may have one vector */
};

/* Patches of tiles in one row of tiles, for one vector of source channels. */
struct winograd_patches {
    int tile;
    const float *source; /* plane of the first channel */
    int64_t channels;    /* at most a vector */
    int64_t height, width;
    int64_t row, column; /* source cell of the band's first row and column; may lie outside: zeros */
    int64_t dilation[2];
    int64_t cells;          /* columns of the band */
    const int32_t *columns; /* of the band, where each tile's patch begins */
    int64_t tiles;
    float *band;        /* [side, band_cells, lane]; scratch */
    int64_t band_cells; /* at least `cells` in whole vectors */
    float *out;         /* [product: `stride` apart][tile][lane] */
    int64_t stride;
};

/* c[tile][vector, lane] = sum over channels of a[channel / lanes][tile][channel % lanes] * b[channel][vector, lane]. */
struct winograd_product {
    int64_t tiles, channels;
    int vectors; /* 1 or 2 */
    const float *a, *b;
    float *c;
};

/* Target cells of tiles in one row of tiles, for one vector of target channels. */
struct winograd_cells {
    int tile;
    const float *products; /* [product: `stride` apart][tile: `tile_stride` apart][lane] */
    int64_t stride, tile_stride;
    int64_t tiles;
    const int32_t *columns; /* of the band, of each tile's first cell */
    int64_t dilation[2];
    int64_t cells;     /* columns of the band: those that are written */
    int64_t rows;      /* of the tile that are written */
    int64_t channels;  /* at most a vector */
    const float *bias; /* [channels] or NULL */
    float low, high;
    float *band;           /* [tile, band_cells, lane]; scratch */
    int64_t band_cells;    /* at least all that tiles write, and `cells` in whole vectors */
    float *target;         /* of the first channel, row and column */
    const float *residual; /* likewise, or NULL */
    int64_t plane, width;
};

/* What a level offers. */
struct winograd_kernel {
    int vector;
    void (*weights)(const struct winograd_weights *weights);
    void (*patches)(const struct winograd_patches *patches);
    void (*product)(const struct winograd_product *product);
    void (*cells)(const struct winograd_cells *cells);
};

#endif
