/* Activations that a fused node applies to its results. */
#ifndef FOVEA_PASS_FUSED_ACTIVATION_H
#define FOVEA_PASS_FUSED_ACTIVATION_H

#include "kernel/kernels.h"
#include "pass/passes.h"

struct fused_activation {
    enum unary function;
    float alpha, beta;
};

/* Whether a node is an activation that one of the kernels' functions computes; which. */
bool match_fused_activation(const struct node *node, struct fused_activation *match, struct error *error);
/* Writes it down as the attributes activation, alpha and beta. */
int set_fused_activation(struct node *node, const struct fused_activation *activation, struct error *error);

#endif
