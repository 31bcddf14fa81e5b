/* How uneven the effective receptive field of a network is over the phases of its strides. */
#ifndef FOVEA_GUIDE_KERNEL_PADDING_H
#define FOVEA_GUIDE_KERNEL_PADDING_H

#include "guide/guide.h"

#define PADDING_MOST_PHASES 8
struct padding_phases {
    int64_t stride[PADDING_MOST_PHASES]; /* 2, 4, ...: powers of two that divide the total stride */
    double ratio[PADDING_MOST_PHASES];   /* mass of the largest phase over that of the smallest; 1: even */
    int count;
};
/* Of the central unit of what the head reads, mean over the audit's images. Count 0: the network has no such map. */
int padding_measure(const struct audit *audit, struct padding_phases *phases, struct error *error);

#endif
