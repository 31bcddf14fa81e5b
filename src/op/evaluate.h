/* Computes one node on given tensors outside a session: constant folding, tests, data-dependent nodes. */
#ifndef FOVEA_OP_EVALUATE_H
#define FOVEA_OP_EVALUATE_H

#include "graph/operator.h"

/* Infers, allocates the outputs from context->memory (caller: tensor_release each) and computes. `outputs` holds
 * node->output_count tensors; those of omitted outputs stay empty. */
int evaluate_node(struct context *context, const struct node *node, const struct tensor *const *inputs,
                  struct tensor *outputs, struct error *error);

/* Whether all results are known to have no elements: nothing is to be computed. */
bool compute_is_empty(const struct compute_context *context);

#endif
