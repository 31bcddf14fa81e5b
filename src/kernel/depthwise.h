/* What is done with one plane of a depthwise convolution. */
#ifndef FOVEA_KERNEL_DEPTHWISE_H
#define FOVEA_KERNEL_DEPTHWISE_H

#include "kernel/kernels.h"

/* Rows of the largest tile: they, as many weights of a column of taps and the loaded vector are the 15 registers that
 * AVX2 has room for, and divide the usual maps of 7 to 112 rows evenly. */
#define DEPTHWISE_ROWS 7

/* In plain C: x [input_height, input_width], w [kernel_height, kernel_width], y [output_height, output_width]; the
 * outputs in [row_begin, row_end) x [column_begin, column_end) are written as bias + products. */
struct depthwise_plane {
    const float *x, *w;
    float *y;
    float bias;
    int64_t input_height, input_width, output_width, kernel_height, kernel_width;
    int64_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int64_t row_begin, row_end, column_begin, column_end;
};

/* For each plane: to[r * to_row + i % stride * phase + i / stride] = from[r * from_row + i] for r < rows, i < count.
 * With strides 1 and 2 zeros follow up to the next whole vector of each phase. */
struct depthwise_spread {
    const float *from;
    int64_t planes, from_plane, from_row, rows, stride, count;
    float *to;
    int64_t to_plane, to_row, phase;
};

/* For each plane: y[r * y_row + c] = min(max(bias + sum over t of w[t] * x[offsets[t] + r * x_step * x_row + c], low),
 * high) for r < rows, c < columns. Up to a vector behind the last element is read of each row of x. With `square` the
 * taps are that many rows, x_row apart, of as many columns: offsets[ky * square + kx] is offsets[kx] + ky * x_row. */
struct depthwise_sum {
    int64_t planes;
    const float *x, *w; /* w: those of a plane `w_plane` behind those of the one before */
    int64_t w_plane;
    const float *bias; /* [planes] or NULL */
    const int32_t *offsets;
    int64_t taps, square; /* square: 3, 5, 7, or 0 */
    int64_t x_plane, x_row, x_step;
    float low, high;
    float *y;
    int64_t y_plane, y_row, rows, columns;
};

/* The other way: to[r * to_row + i] = from[r * from_row + i % stride * phase + i / stride] for r < rows, i < count. */
struct depthwise_merge {
    const float *from;
    int64_t planes, from_plane, from_row, phase, stride, rows, count;
    float *to;
    int64_t to_plane, to_row;
};

/* sums[t][lane] += products of dy with x: over the rows r and the columns c of this lane, dy[r * dy_row + c] *
 * x[offsets[t] + r * x_step * x_row + c]. Columns are whole vectors; `square` as above. */
struct depthwise_products {
    const float *x, *dy;
    const int32_t *offsets;
    int64_t taps, square, x_row, x_step, dy_row, rows, columns;
    float *sums;
};

/* to[i] = sum of the lanes of vectors[i] for i < count. */
typedef void depthwise_fold_kernel(const float *vectors, int64_t count, float *to);
typedef void depthwise_products_kernel(const struct depthwise_products *products);

/* What a level offers. */
struct depthwise_kernel {
    int vector;                            /* floats */
    const struct depthwise_kernel *narrow; /* for rows that fill no vector, or NULL */
    void (*spread)(const struct depthwise_spread *spread);
    void (*sum)(const struct depthwise_sum *sum);
    void (*merge)(const struct depthwise_merge *merge);
    depthwise_products_kernel *products;
    depthwise_fold_kernel *fold;
};

#endif
