/* One row of outputs of a pool: the input rows that its windows read become one row in a buffer of the first-level
 * cache, with contiguous loads; the columns of the windows are picked from that. */
#ifndef FOVEA_KERNEL_POOL_ROW_H
#define FOVEA_KERNEL_POOL_ROW_H

#include <stdint.h>

/* Columns of the buffer: with the places of maxima 8 KB, a quarter of the first-level cache. */
#define POOL_ROW_SPAN 1024

struct pool_row {
    const float *x;                  /* the input plane */
    int64_t first;                   /* flat index of the first element read in the first row, when `inside` > 0 */
    int64_t depths, heights;         /* rows read: depths x heights */
    int64_t depth_step, height_step; /* elements between them */
    /* Columns of the buffer, at most POOL_ROW_SPAN: `before` outside the input, `inside`, the rest outside. */
    int64_t span, before, inside;
    int64_t taps, dilation, stride; /* output i reads the buffer at i * stride + tap * dilation */
    int64_t columns;                /* outputs */
    float *y;
    int64_t *indices;   /* of maxima: flat index in the plane of each, -1 for an empty window; or NULL */
    const float *cells; /* averages divide by cells of each output * row_cells */
    float row_cells;
};

struct pool_kernel {
    /* NaN wins, the first of equals wins; -infinity for an empty window. */
    void (*maximum)(const struct pool_row *row);
    void (*average)(const struct pool_row *row);
    /* Adds each output's share of dy to the elements of the plane dx that it reads. */
    void (*average_gradient)(const struct pool_row *row, const float *dy, float *dx);
};

#endif
