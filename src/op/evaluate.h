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

/* Constant weights in their packed form, empty at first; for evaluations of one node again and again. */
struct packed_weights {
    void *data;
    size_t bytes, form;
};
/* As evaluate_node; a packed form that the last evaluation left and this one can read is taken as it is. */
int evaluate_node_packed(struct context *context, const struct node *node, const struct tensor *const *inputs,
                         struct packed_weights *packed, struct tensor *outputs, struct error *error);
void packed_weights_release(struct memory *memory, struct packed_weights *packed);

/* Whether all results are known to have no elements: nothing is to be computed. */
bool compute_is_empty(const struct compute_context *context);

#endif
