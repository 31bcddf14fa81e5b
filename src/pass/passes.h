/* The single passes, one file each; pipeline.c strings them together. All edit the execution graph in place. */
#ifndef FOVEA_PASS_PASSES_H
#define FOVEA_PASS_PASSES_H

#include "pass/pipeline.h"

/* Replaces calls of the model's functions by their bodies, attribute references by the call's attributes; `graph` is a
 * clone of the model's. ERROR_LIMIT where functions nest too deep (they may call themselves) or grow too large:
 * half a million nodes take check, inspect and audit up to 6 s and 700 MB. */
#define LIMIT_FUNCTION_DEPTH 64
#define LIMIT_INLINED_NODES 500000
int pass_inline_functions(const struct model *model, struct graph *graph, struct error *error);
/* Where specification and exporters differ, nodes are computed as `exporter`, the file's producer, means them: PyTorch
 * spans the cells that are made with align_corners. Inner graphs too. */
int pass_follow_exporter(struct graph *graph, const char *exporter, struct error *error);
bool pass_follows_exporter(const char *exporter);
/* Outer values that the graphs of If, Loop and Scan read become inputs of these nodes, behind their own (attribute
 * `captures` counts them): order, liveness and pruning then need to know nothing of inner graphs. Sorts inner graphs.
 */
int pass_capture(struct graph *graph, struct error *error);
/* Gives graph inputs their shapes; those of types that cannot be computed with get none (foreign.h). ERROR_INPUT that
 * says what to give in `shapes` when a dimension stays free. */
int pass_bind(struct graph *graph, const struct shape_binding *bindings, int count, bool overrule, struct error *error);
/* Infers all types and shapes in order and replaces nodes whose results are known by constants. What fovea does not
 * compute stays, and holds up nothing but what is behind it (foreign.h). */
int pass_infer_and_fold(struct graph *graph, struct error *error);
/* One step of it: `node` is inlined, expanded, or inferred and folded; *next is the node to go on with. */
int pass_infer_and_fold_step(struct graph *graph, struct node *node, struct node **next, struct error *error);
/* Inference and folding alone: the node is removed when its results are known. */
int pass_infer_and_fold_node(struct graph *graph, struct node *node, struct error *error);
/* An If whose condition is known is replaced by the nodes of its branch. 1: done, *next is the node to go on with; 0:
 * not such a node; -1: error. */
int pass_inline_if(struct node *node, struct node **next, struct error *error);
/* A node of an operator that is made of others is replaced by them; one of sequences or optionals by what it is known
 * to give. Returns as pass_inline_if. */
int pass_expand(struct node *node, struct node **next, struct error *error);
/* Removes nodes that no output needs. */
int pass_prune(struct graph *graph, struct error *error);
/* BatchNormalization behind a convolution that nobody else reads goes into its weights and bias. */
int pass_fold_batch_normalization(struct graph *graph, struct error *error);
/* Nodes whose result is their input go: Identity, Dropout in inference, Cast to the same type, Pad by nothing, Reshape,
 * Slice, Expand and Transpose that leave all as it is. */
int pass_eliminate_identities(struct graph *graph, struct error *error);
/* A Transpose behind a Transpose becomes one, a Reshape behind views one Reshape; what is picked along axis 0 of a
 * Transpose's result is picked in front of it. */
int pass_merge_views(struct graph *graph, struct error *error);
/* Two Slices and a Concat that turn an axis round become Roll. */
int pass_recognise_roll(struct graph *graph, struct error *error);
/* Products of x and a function of it become Swish, HardSwish and Gelu in both forms. */
int pass_recognise_activation(struct graph *graph, struct error *error);
/* (x - mean) / sqrt(variance + epsilon) over the last axes, with or without mean, scale and bias, becomes
 * LayerNormalization or RMSNormalization. */
int pass_recognise_normalization(struct graph *graph, struct error *error);
/* One node of it: a BatchNormalization by its own image's statistics. */
int pass_recognise_batch_statistics(struct node *node, struct error *error);
/* InstanceNormalization between two Reshapes, with what scales and shifts channels behind it, becomes
 * GroupNormalization. */
int pass_recognise_group_normalization(struct graph *graph, struct error *error);
/* softmax(scale Q K^T + bias) V becomes Attention. */
int pass_recognise_attention(struct graph *graph, struct error *error);
/* A product with constant weights, its bias, activation and residual become Linear. */
int pass_fuse_linear(struct graph *graph, struct error *error);
/* Nodes make no more than what is read of them, where that is clearly less: cells of a unit's field, one token. Graph
 * outputs keep their values. */
int pass_confine(struct graph *graph, struct error *error);
/* Convolutions' input gradients get the window outside which their dy is zero. */
int pass_restrict_windows(struct graph *graph, struct error *error);
/* What stands behind the node that makes `loss` reads cheap results of the nodes before it from copies that compute
 * them again, so that they need not be kept. segments > 1: also the others, but for those that cross between that many
 * parts. A BatchNormalization in training keeps its statistics as graph outputs 1 and 2. */
int pass_recompute(struct graph *graph, const struct value *loss, int segments, struct error *error);
/* Bias, residual addition and activation behind a convolution become its epilogue (FusedConv). */
int pass_fuse_epilogue(struct graph *graph, struct error *error);

/* ---- shared steps ---- */

/* What folding, and replacing operators of sequences, may still spend on this graph. */
struct work *pass_folding_work(struct graph *graph);

/* `to`, which nothing makes at the moment, becomes the result `from`: of the node that makes it if its id is not below
 * first_new, else of an Identity in front of `before`. */
int pass_bind_result(struct value *from, struct value *to, size_t first_new, struct node *before, struct error *error);

/* `made` takes the place of the first output of `old`, which goes: nodes behind `tail` (the graph's last node before
 * they were made) move in front of it. Where `made` is none of theirs, `old`'s readers read it; not for graph outputs.
 */
int pass_replace(struct node *old, struct node *tail, struct value *made, struct error *error);
/* Replaces the nodes behind `tail` whose inputs are constants by their results. */
int pass_fold_new(struct graph *graph, struct node *tail, struct error *error);
/* Whether `value` is read by one node only and by nobody outside the graph. */
bool pass_single_use(const struct value *value);
/* The one node of the same graph that reads `value`; NULL where there are more or others. */
struct node *pass_sole_user(const struct value *value);
/* The producer of `value` if it is the ONNX operator `op_type` and only one node reads the value; else NULL. */
struct node *pass_sole_producer(const struct value *value, const char *op_type);

#endif
