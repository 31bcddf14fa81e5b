/* How uneven the effective receptive field of a network is over the phases of its strides. */
#ifndef FOVEA_GUIDE_KERNEL_PADDING_H
#define FOVEA_GUIDE_KERNEL_PADDING_H

#include "guide/guide.h"

#define PADDING_MOST_PHASES 8
/* Of the central unit of what the head reads, mean over `*images` of the audit's images, for the powers of two that
 * divide the total stride: how many there are. 0: the network has no such map, or it is not planned, which the finding
 * then says; -1: an error. */
int padding_measure(struct audit *audit, struct finding *finding, struct fovea_phases phases[PADDING_MOST_PHASES],
                    int64_t *images, struct error *error);

#endif
