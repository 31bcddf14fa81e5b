/* The weight gradient of 3x3 convolutions by Winograd's filtering (winograd.h) of 4x4 tiles: from y = A'((G g G') (B' d
 * B)) A follows dg = G' (sum over tiles of (A dy A') (B' d B)) G, with 36 products per tile, row and channel in place
 * of 144. Points 0, +-3/4, +-3/2, infinity: about three times the error of plain sums, which is that of float32. */
#ifndef FOVEA_KERNEL_WINOGRAD_GRADIENT_H
#define FOVEA_KERNEL_WINOGRAD_GRADIENT_H

#include "kernel/winograd.h"

#define WINOGRAD_GRADIENT_TILE 4
#define WINOGRAD_GRADIENT_SIDE (WINOGRAD_GRADIENT_TILE + WINOGRAD_TAPS - 1)
#define WINOGRAD_GRADIENT_PRODUCTS (WINOGRAD_GRADIENT_SIDE * WINOGRAD_GRADIENT_SIDE)
/* Most tiles of a chunk, but for those of one long row of tiles. */
#define WINOGRAD_GRADIENT_CHUNK 32

/* A dy A' of one row of weights (one output channel): out[product * stride + tile] for `tiles` tiles and up to a vector
 * more. cells[i * cell_stride + 4 * tile + j] is dy at (i, j) of the tile. */
struct winograd_spread {
    const float *cells;
    int64_t cell_stride, tiles;
    float *out;
    int64_t stride;
};

/* sums[product][row][channel] += sum over tiles of a[product][row][tile] * b[product][channel / lanes][tile][lane].
 * Rows and vectors of channels are even numbers. */
struct winograd_sums {
    int64_t rows, vectors, tiles;
    const float *a; /* rows `a_row` apart */
    int64_t a_row;
    const float *b; /* vectors of channels `b_vector` apart */
    int64_t b_vector;
    float *sums;
    bool first; /* nothing is there yet */
};

/* G' sums G of one row and a vector of channels: dw[channel * 9 + tap] for `channels` of them. */
struct winograd_taps {
    const float *sums; /* products `stride` apart */
    int64_t stride, channels;
    float *dw;
};

/* What a level offers. */
struct winograd_gradient_kernel {
    int vector, rows; /* rows that are summed together: a multiple of it is worked on */
    void (*spread)(const struct winograd_spread *spread);
    void (*sum)(const struct winograd_sums *sums);
    void (*taps)(const struct winograd_taps *taps);
};

#endif
