/* Whether a network's weights are those that frameworks start with, by evidence of its constants. */
#ifndef FOVEA_STRUCTURE_INITIALISATION_H
#define FOVEA_STRUCTURE_INITIALISATION_H

#include "structure/group_normalization.h"
#include "structure/network.h"

/* Features and taps that one output of a convolution or a product of matrices is made of, and outputs (with taps) that
 * one of its features goes into. */
double weight_fan_in(const struct node *node);
double weight_fan_out(const struct node *node);

/* *seems: every normalisation stands at its start (scales 1 or 0, shifts 0, statistics 0 and 1), and the deviation of
 * nine of ten large weights is that of a formula by which frameworks draw them (He, Glorot, LeCun, PyTorch's uniform,
 * or .02). Without a normalisation nothing is said: false. `groups`: of the network's graph. */
int initialisation_seems(const struct network *network, const struct group_list *groups, bool *seems,
                         struct error *error);

#endif
