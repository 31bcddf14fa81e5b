/* Rows of attention's weights, while they are in the first-level cache. */
#ifndef FOVEA_KERNEL_ATTENTION_ROWS_H
#define FOVEA_KERNEL_ATTENTION_ROWS_H

#include <stdint.h>

/* Rows are worked on in multiples of this. */
#define ATTENTION_PADDING 16

struct attention_rows {
    /* One query's weights: w = e^(scale w + mask - their largest), zero from `count` to `padded`, a multiple of
     * ATTENTION_PADDING; returns their sum. `mask` may be NULL. NaN in the row makes the sum NaN; where nothing is
     * above -infinity the sum is 0. */
    float (*weights)(float *weights, const float *mask, float scale, int64_t count, int64_t padded);
    /* p *= factor, dp = p (dp - the sum of p dp). */
    void (*gradient)(float *p, float factor, float *dp, int64_t padded);
};

#endif
