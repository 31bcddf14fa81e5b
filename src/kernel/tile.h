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
    const float *a; /* [depth, rows of the kernel]; up to TILE_MAX_ROWS floats behind it are read */
    const float *b; /* [depth, vectors * vector length], or [depth, columns] */
    int64_t vectors, columns;
    const float *bias;     /* [rows of the kernel] */
    const float *residual; /* or NULL; rows `residual_stride` apart */
    int64_t residual_stride;
    float low, high;
    float *c; /* rows `c_stride` apart; a kernel may write all its rows of a tile that is computed into a buffer */
    int64_t c_stride;
};

/* Columns of a tile that follow each other along the source's last axis, as one tap reads them. */
struct tile_segment {
    int64_t offset;         /* in a channel, of the element that the first column reads */
    int32_t column, length; /* first float written, floats */
    int32_t begin, end;     /* columns that read inside the source; the others are zero */
};

/* out[c * depth_step + segment.column + i] = source[c * plane + segment.offset + i * stride] for begin <= i < end, zero
 * for the other i < length. Segments ascend without gaps from column 0; up to a vector more than the last is written.
 */
struct tile_gather {
    const float *source;
    int64_t channels, plane, stride;
    const struct tile_segment *segments;
    int64_t segment_count, depth_step;
    float *out;
};

/* What a level offers. */
struct tile_kernel {
    int rows, vector, vectors; /* rows of a panel, floats of a vector, most vectors of a tile */
    int narrow;                /* most columns of a narrow tile */
    void (*multiply)(const struct tile *tile);
    void (*gather)(const struct tile_gather *gather);
};

#endif
