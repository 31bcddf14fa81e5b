/* A 3x3 convolution as tiles: geometry that the two methods and the work share. */
#ifndef FOVEA_KERNEL_WINOGRAD_SHARED_H
#define FOVEA_KERNEL_WINOGRAD_SHARED_H

#include "kernel/convolution_shared.h"
#include "kernel/winograd.h"

/* Along one axis: target cell t reads the source cells t + offset + i * dilation, for i < 3; [begin, end) are wanted.
 * Cells of one phase of the dilation are neighbours; tiles are numbered phase by phase. */
struct winograd_axis {
    int64_t source, target, begin, end, offset, dilation;
};

/* One convolution (or input gradient) of `groups` groups with `channels` source channels and `rows` target channels. */
struct winograd {
    int tile;
    int64_t batch, groups, channels, rows;
    struct winograd_axis axes[2];
};

struct winograd_operands {
    const float *source, *packed; /* packed: group by group */
    const struct epilogue *finish;
    float *target;
};

int64_t winograd_tiles(const struct winograd_axis *axis, int tile);
/* Floats of one group's packed weights, and of scratch for `threads` threads. */
int64_t winograd_packed_floats(const struct winograd *winograd, const struct winograd_kernel *kernel);
int64_t winograd_scratch_floats(const struct winograd *winograd, const struct winograd_kernel *kernel, int threads);
/* Writes the wanted cells of the target. */
void winograd_run(const struct winograd *winograd, const struct kernels *kernels, struct thread_pool *pool,
                  const struct winograd_operands *operands, float *scratch);

#endif
