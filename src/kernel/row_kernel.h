/* Rows of normalisations: a row (or the part of it that shares a scale) is read two or three times, from the
 * first-level cache where it fits and the second where not. Sums are made in two vectors, so that they wait less for
 * each other, and joined in double every 4096 elements. */
#ifndef FOVEA_KERNEL_ROW_KERNEL_H
#define FOVEA_KERNEL_ROW_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* dx[i] = dy[i] * scale[i] * by_dy + (x[i] - mean) * by_x + constant */
struct row_gradient {
    float mean, by_dy, by_x, constant;
};

struct row_kernel {
    /* Mean and biased variance; not centred: 0 and the mean square. */
    void (*statistics)(const float *x, int64_t count, bool centred, float *mean, float *variance);
    /* y = (x - mean) * inverse * scale + bias (NULL: 0), element by element; x == y is allowed. */
    void (*normalise)(const float *x, float mean, float inverse, const float *scale, const float *bias, float *y,
                      int64_t count);
    /* Sums of g and of g (x - mean) with g = dy scale (NULL: 1). */
    void (*gradient_sums)(const float *dy, const float *x, float mean, const float *scale, int64_t count,
                          double sums[2]);
    /* `scale` NULL: 1. */
    void (*gradient)(const float *dy, const float *x, const float *scale, const struct row_gradient *gradient,
                     float *dx, int64_t count);
    /* Adds a row to the sums of columns: products += dy (x - mean) inverse, sums += dy. */
    void (*column_sums)(const float *dy, const float *x, float mean, float inverse, int64_t count, double *products,
                        double *sums);
};

#endif
