/* Activations that only limit (none, ReLU, Clip): kernels take them as they store their sums, others follow. */
#ifndef FOVEA_KERNEL_ACTIVATION_LIMITS_H
#define FOVEA_KERNEL_ACTIVATION_LIMITS_H

#include <math.h>

#include "kernel/kernels.h"

struct activation_limits {
    float low, high; /* infinite where there is none */
    bool all;        /* whether they are all that the activation does */
};

static inline struct activation_limits activation_limits(enum unary activation, float alpha, float beta)
{
    switch (activation) {
    case UNARY_IDENTITY:
        return (struct activation_limits){-INFINITY, INFINITY, true};
    case UNARY_RELU:
        return (struct activation_limits){0, INFINITY, true};
    case UNARY_CLIP:
        return (struct activation_limits){alpha, beta, true};
    default:
        return (struct activation_limits){-INFINITY, INFINITY, false};
    }
}

#endif
