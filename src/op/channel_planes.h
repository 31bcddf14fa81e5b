/* What normalisations over the batch do with all planes of a channel: an affine map, and sums. */
#ifndef FOVEA_OP_CHANNEL_PLANES_H
#define FOVEA_OP_CHANNEL_PLANES_H

#include "graph/operator.h"
#include "kernel/kernels.h"

/* The planes [N * C] of `cells` elements, of which plane i belongs to channel i % channels. */
struct channel_planes {
    const struct kernels *kernels;
    int64_t batch, channels, cells;
    const float *x, *dy;
    float *y;
    const float *factor, *shift; /* per channel */
};

/* Of a value [N, C, ...]; the pointers are the caller's to fill in. */
struct channel_planes channel_planes_of(const struct compute_context *context, const struct shape *shape);
/* y = x factor + shift (NULL: 0) */
void channel_planes_affine(struct compute_context *context, const struct channel_planes *planes);
/* Mean and biased variance of one channel. */
void channel_moments(const struct channel_planes *planes, int64_t c, float *mean, float *variance);
/* Sums of dy, and of dy * (x - mean), of one channel. */
void channel_products(const struct channel_planes *planes, int64_t c, float mean, double sums[2]);
/* run(job, begin, end) for the channels: each is read several times in a row, all but the first from the second-level
 * cache. */
void channels_run(struct compute_context *context, const struct channel_planes *planes, void *job,
                  void (*run)(void *, int64_t, int64_t));

#endif
