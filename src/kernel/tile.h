/* The inner product of convolutions: a few rows of packed weights times a few vectors of columns, summed in registers.
 */
#ifndef FOVEA_KERNEL_TILE_H
#define FOVEA_KERNEL_TILE_H

#include <stdbool.h>
#include <stdint.h>

/* Largest tile of any instruction set. */
#define TILE_MAX_ROWS 8
#define TILE_MAX_WIDTH 48

/* c[r][j] = min(max(sum over k of a[k][r] * b[k][j] + bias[r] + residual[r][j], low), high) for r < rows. Deeper
 * sums are made of several of a few hundred terms, c being the residual, which keeps float32's error small. */
struct tile {
    int64_t depth, rows;
    const float *a; /* [depth, rows of the kernel]; up to TILE_MAX_ROWS floats behind it are read */
    const float *b; /* its row k begins at b + offsets[k] */
    const int32_t *offsets;
    int64_t ahead;   /* floats behind each row's beginning that are fetched: columns of what comes next */
    int64_t columns; /* written; whole vectors of b are read where there are more than `narrow` */
    const float *bias;
    const float *residual; /* or NULL; rows `residual_stride` apart */
    int64_t residual_stride;
    float low, high;
    float *c; /* rows `c_stride` apart */
    int64_t c_stride;
};

/* Columns that follow each other along the source's last axis, as one tap reads them. */
struct tile_segment {
    int64_t offset;         /* in a channel, of the element that the first column reads */
    int32_t column, length; /* first float written, floats */
    int32_t begin, end;     /* columns that read inside the source; the others are zero */
};

/* out[c * depth_step + segment.column + i] = source[c * plane + segment.offset + i * stride] for begin <= i
 * < end, zero for the other i < length. Segments ascend; up to a vector behind each is overwritten. */
struct tile_gather {
    const float *source;
    int64_t channels, plane, stride;
    const struct tile_segment *segments;
    int64_t segment_count, depth_step;
    float *out;
};

/* What a level offers. */
struct tile_kernel {
    int rows, vector;         /* most rows of a tile, which is how far a's terms are apart; floats of a vector */
    int narrow;               /* columns that are better summed without vectors of them: the rows are the vector */
    int depth;                /* terms that are best summed at a time: a's for them stay in the first-level cache */
    bool aligned;             /* whether rows of b are better copied than read across cache lines */
    int (*vectors)(int rows); /* most vectors of a tile of so many rows */
    void (*multiply)(const struct tile *tile);
    void (*gather)(const struct tile_gather *gather);
};

#endif
