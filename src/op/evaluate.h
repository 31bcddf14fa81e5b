/* Computes one node on given tensors outside a session: constant folding, tests, data-dependent nodes. */
#ifndef FOVEA_OP_EVALUATE_H
#define FOVEA_OP_EVALUATE_H

#include "graph/operator.h"

/* Infers, allocates the outputs from context->memory (caller: tensor_release each) and computes. `outputs` holds
 * node->output_count tensors; those of omitted outputs stay empty. */
int evaluate_node(struct context *context, const struct node *node, const struct tensor *const *inputs,
                  struct tensor *outputs, struct error *error);
/* As evaluate_node where nobody reads input 0, a tensor of the caller's, afterwards: the operator may take its data and
 * leaves NULL there then. */
int evaluate_node_last(struct context *context, const struct node *node, const struct tensor *const *inputs,
                       struct tensor *outputs, struct error *error);

/* Whether all results are known to have no elements: nothing is to be computed. */
bool compute_is_empty(const struct compute_context *context);

#endif
