/* Depthwise sums of planes: the forward convolution, and the input gradient of stride 1. */
#ifndef FOVEA_KERNEL_DEPTHWISE_PLANES_H
#define FOVEA_KERNEL_DEPTHWISE_PLANES_H

#include "kernel/convolution.h"
#include "kernel/depthwise_layout.h"

struct depthwise_job {
    const struct convolution *convolution; /* of which the kernel's size and dilation are read */
    const struct kernels *kernels;
    struct thread_pool *pool;
    struct depthwise_axis rows, columns;
    int64_t batch, channels, sharing; /* channels: of the target; sharing: of them that read one plane of the source */
    const float *source, *weights;    /* weights [channels, kernel] */
    int64_t source_plane, source_width;
    const struct epilogue *epilogue; /* or NULL; its residual from the first wanted cell on */
    float *target;                   /* the first wanted cell */
    int64_t target_plane, target_width;
    float *scratch; /* depthwise_job_scratch() bytes, 64-byte aligned */
};

size_t depthwise_job_scratch(const struct depthwise_job *job, int threads);
void depthwise_job_run(const struct depthwise_job *job);

/* For rows of so many targets: with fewer than half a vector's lanes empty. */
const struct depthwise_kernel *depthwise_kernel_for(const struct kernels *kernels, int64_t targets);
/* Channels that one item works on, `at_a_time` or some times that, where there are `planes` of them in all. */
int64_t depthwise_block(int64_t channels, int64_t planes, int64_t at_a_time, int threads);
/* The pool where there is work enough to share. */
struct thread_pool *depthwise_pool(struct thread_pool *pool, int64_t products);

#endif
