/* The inner product of convolutions: a few rows of packed weights times a few vectors of packed columns, summed in
 * registers. */
#ifndef FOVEA_KERNEL_TILE_H
#define FOVEA_KERNEL_TILE_H

#include <stdint.h>

/* Largest tile of any instruction set. */
#define TILE_MAX_ROWS 8
#define TILE_MAX_WIDTH 48

/* c[r][j] = min(max(bias[r] + sum over k of a[k][r] * b[k][j] + residual[r][j], low), high) for r < rows and the
 * columns of `vectors` vectors; with `vectors` 0 for a narrow tile of `columns` columns. Sums are made in pieces of a
 * few hundred terms, which keeps float32's error small in deep sums. */
struct tile {
    int64_t depth, rows;
    const float *a; /* [depth, rows of the kernel] */
    const float *b; /* [depth, vectors * vector length], or [depth, columns] */
    int64_t vectors, columns;
    const float *bias;     /* [rows of the kernel] */
    const float *residual; /* or NULL; rows `residual_stride` apart */
    int64_t residual_stride;
    float low, high;
    float *c; /* rows `c_stride` apart; a kernel may write all its rows of a tile that is computed into a buffer */
    int64_t c_stride;
};

/* What a level offers. */
struct tile_kernel {
    int rows, vector, vectors; /* rows of a panel, floats of a vector, most vectors of a tile */
    int narrow;                /* most columns of a narrow tile, 0: there are none */
    void (*multiply)(const struct tile *tile);
    /* out[i] = x[i * stride] for i < count. */
    void (*copy)(const float *x, int64_t stride, int64_t count, float *out);
};

#endif
