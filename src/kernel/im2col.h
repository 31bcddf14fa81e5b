/* The columns of a convolution: row (c, kz, ky, kx) and column (output cell) hold the input cell that this tap reads
 * there, 0 in the padding. */
#ifndef FOVEA_KERNEL_IM2COL_H
#define FOVEA_KERNEL_IM2COL_H

#include "kernel/convolution.h"

/* Output cells [begin, end) counted row-major over `window`. */
struct column_range {
    const struct window *window;
    int64_t begin, end;
};

/* Fills columns[channels * taps, end - begin] from `x`, the first of `channels` planes of one image. */
void im2col_gather(const struct convolution *convolution, const float *x, int64_t channels,
                   const struct column_range *range, float *columns);
/* Adds columns to the cells of `dx` they came from. */
void im2col_scatter(const struct convolution *convolution, const float *columns, int64_t channels,
                    const struct column_range *range, float *dx);
/* Copies rows[channels, end - begin] to or from the window's cells of planes laid out as the output. */
void im2col_put(const struct convolution *convolution, const float *rows, int64_t channels,
                const struct column_range *range, float *planes);
void im2col_take(const struct convolution *convolution, const float *planes, int64_t channels,
                 const struct column_range *range, float *rows);

#endif
