/* The inner loops of matrix products y = x w: tiles of a few rows of x times a panel of a few vectors of columns of w,
 * summed in registers, and streams of w for products of very few rows. */
#ifndef FOVEA_KERNEL_PRODUCT_KERNEL_H
#define FOVEA_KERNEL_PRODUCT_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* Of any instruction set. */
#define PRODUCT_MAX_VECTOR 16
#define PRODUCT_MAX_WIDTH 48

/* Floats of a cache line. */
#define PRODUCT_LINE 16

/* Rows of w that are read side by side: as many streams as the processor's prefetchers follow. */
#define PRODUCT_STREAMS 8

/* y[r][j] = min(max(sum + bias[j], low), high) + residual[r][j], where sum is that over k of x[r][k] * w[k][j], added
 * to what y holds where `adds`. */
struct product_tile {
    int64_t depth;
    const float *x; /* of row r and term k at r * x_row + k * x_step */
    int64_t x_row, x_step;
    const float *w; /* [depth, vectors * vector length] */
    int rows, vectors;
    int columns;        /* those that there are: nothing behind them is read or written but in w */
    const float *ahead; /* a cache line from here on is fetched for each term: w of what comes next */
    bool adds;
    const float *bias;     /* [columns] or NULL */
    const float *residual; /* or NULL; rows `residual_row` apart */
    int64_t residual_row;
    float low, high;
    float *y; /* rows `y_row` apart */
    int64_t y_row;
};

/* What a level offers. */
struct product_kernel {
    int rows, vector, vectors; /* most rows of a tile, floats of a vector, most vectors of a panel */
    void (*multiply)(const struct product_tile *tile);
    /* y[j] += sum over i of x[i] * w[i * w_row + j], for j < columns and i < count <= PRODUCT_STREAMS. `half`: w is in
     * half precision, widened on the way. */
    void (*add_rows)(const float *x, const void *w, bool half, int64_t w_row, int count, int64_t columns, float *y);
    /* partial[i * PRODUCT_MAX_VECTOR + lane] = the sum, added to what is there where `adds`, of some of the products
     * x[k] * w[i][k] for k < depth, for i < PRODUCT_STREAMS; and the sums of their lanes. */
    void (*dot_rows)(const float *x, const void *const w[PRODUCT_STREAMS], bool half, int64_t depth, bool adds,
                     float *partial);
    void (*fold_rows)(const float *partial, float sums[PRODUCT_STREAMS]);
};

#endif
