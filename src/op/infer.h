/* Runs one node's shape rule, and the steps that shape rules share. */
#ifndef FOVEA_OP_INFER_H
#define FOVEA_OP_INFER_H

#include "graph/operator.h"

/* Checks arity and types against the operator's entry, then calls its rule. `inputs` and `outputs` as in infer_context.
 * Errors carry the node's label. */
int infer_node(const struct node *node, const struct tensor *const *inputs, struct tensor *outputs,
               struct memory *memory, struct error *error);
/* As infer_node from the types, shapes and constants of the node's values, written back to its output values. */
int infer_values(struct node *node, struct error *error);

/* A value as the shape rules see it: elements only when they are known. Payloads are loaded for small tensors only,
 * those that can hold shapes, axes or limits. */
int infer_tensor(const struct value *value, struct tensor *tensor, struct error *error);

/* ---- shared steps of rules ---- */

/* Output `index` gets `dtype` and a checked shape. */
int infer_output(struct infer_context *context, int index, enum dtype dtype, int rank, const int64_t *dims,
                 struct error *error);
/* All present outputs like input 0: the rule of most unary functions. */
int infer_same(struct infer_context *context, struct error *error);
/* Numpy broadcast of all inputs, type of input 0: the rule of most binary and variadic functions. */
int infer_broadcast(struct infer_context *context, struct error *error);
/* Elements of an integer input known before running; -1 and an error when the input's data is not known (the sizes it
 * gives would be data-dependent) or has the wrong length. `count` is its number of elements. */
int infer_ints(const struct infer_context *context, int input, const struct tensor **tensor, int64_t *count,
               struct error *error);
/* Whether an optional input is there. */
bool infer_has(const struct infer_context *context, int input);

#endif
