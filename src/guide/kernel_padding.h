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
/* Of the central unit of what the head reads, mean over `*images` of the audit's images. Count 0: the network has no
 * such map, or it is not planned, which the finding then says. */
int padding_measure(struct audit *audit, struct finding *finding, struct padding_phases *phases, int64_t *images,
                    struct error *error);

#endif
