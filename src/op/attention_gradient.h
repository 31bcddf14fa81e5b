/* What the two ways of computing attention's gradient share. */
#ifndef FOVEA_OP_ATTENTION_GRADIENT_H
#define FOVEA_OP_ATTENTION_GRADIENT_H

#include "op/attention.h"

struct attention_gradient_job {
    const struct attention *attention;
    const struct kernels *kernels;
    const float *q, *k, *v, *dy;
    float *dq, *dk, *dv, *mask; /* or NULL; zero before */
    float *scratch;
    int64_t thread_floats, block; /* floats of scratch of a thread; rows */
};

/* One head of keys, on packed products; scratch of a thread. */
void attention_gradient_tiles(void *job, size_t head, int thread);
int64_t attention_gradient_tile_floats(const struct attention *attention, const struct kernels *kernels);

#endif
