/* The single passes, one file each; pipeline.c strings them together. All edit the execution graph in place. */
#ifndef FOVEA_PASS_PASSES_H
#define FOVEA_PASS_PASSES_H

#include "pass/pipeline.h"

/* Replaces calls of the model's functions by their bodies, attribute references by the call's attributes; `graph` is a
 * clone of the model's. ERROR_LIMIT where functions nest too deep (they may call themselves) or grow too large. */
#define LIMIT_FUNCTION_DEPTH 64
#define LIMIT_INLINED_NODES 1000000
int pass_inline_functions(const struct model *model, struct graph *graph, struct error *error);
/* Outer values that the graphs of If, Loop and Scan read become inputs of these nodes, behind their own (attribute
 * `captures` counts them): order, liveness and pruning then need to know nothing of inner graphs. Sorts inner graphs. */
int pass_capture(struct graph *graph, struct error *error);
/* Gives graph inputs their shapes. ERROR_INPUT with the --shape flag to use when a dimension stays free. */
int pass_bind(struct graph *graph, const struct shape_binding *bindings, int count, struct error *error);
/* Infers all types and shapes in order and replaces nodes whose results are known by constants. */
int pass_infer_and_fold(struct graph *graph, struct error *error);
/* The same for one node, which is removed when its results are known. */
int pass_infer_and_fold_node(struct graph *graph, struct node *node, struct error *error);
/* An If whose condition is known is replaced by the nodes of its branch. 1: done, *next is the node to go on with; 0: not
 * such a node; -1: error. */
int pass_inline_if(struct node *node, struct node **next, struct error *error);
/* A node of an operator that is made of others is replaced by them. Returns as pass_inline_if. */
int pass_expand(struct node *node, struct node **next, struct error *error);
/* Removes nodes that no output needs. */
int pass_prune(struct graph *graph, struct error *error);
/* BatchNormalization behind a convolution that nobody else reads goes into its weights and bias. */
int pass_fold_batch_normalization(struct graph *graph, struct error *error);
/* x * sigmoid(x) becomes Swish. */
int pass_recognise_activation(struct graph *graph, struct error *error);
/* Convolutions' input gradients get the window outside which their dy is zero. */
int pass_restrict_windows(struct graph *graph, struct error *error);
/* Bias, residual addition and activation behind a convolution become its epilogue (FusedConv). */
int pass_fuse_epilogue(struct graph *graph, struct error *error);

/* ---- shared steps ---- */

/* `to`, which nothing makes at the moment, becomes the result `from`: of the node that makes it if its id is not below
 * first_new, else of an Identity in front of `before`. */
int pass_bind_result(struct value *from, struct value *to, size_t first_new, struct node *before, struct error *error);

/* Whether `value` is read by one node only and by nobody outside the graph. */
bool pass_single_use(const struct value *value);
/* The producer of `value` if it is the ONNX operator `op_type` and only one node reads the value; else NULL. */
struct node *pass_sole_producer(const struct value *value, const char *op_type);

#endif
