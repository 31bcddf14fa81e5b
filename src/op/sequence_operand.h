/* What the operators of sequences and optionals share. Before running, a sequence is known where a SequenceConstruct or
 * SequenceEmpty made it: the operators are replaced by such nodes and by direct values wherever what they read is known
 * (definition->resolve_known), so that shapes are known and gradients flow. All else happens at run time on
 * tensor/sequence.h. */
#ifndef FOVEA_OP_SEQUENCE_OPERAND_H
#define FOVEA_OP_SEQUENCE_OPERAND_H

#include "op/emit.h"
#include "op/infer.h"
#include "tensor/sequence.h"

/* Sequences longer than this are left to run time. */
#define KNOWN_MOST_ITEMS 1024
/* Bytes that sequences may be copied by in one run. Appending to one that nobody else reads copies nothing but the
 * item. */
#define LIMIT_SEQUENCE_BYTES ((int64_t)1 << 34)

/* ERROR_INPUT unless input `input` is a sequence of tensors. */
int sequence_check(const struct infer_context *context, int input, struct error *error);
/* ERROR_INPUT unless input `input`, a place in a sequence, is one integer, or omitted. */
int sequence_check_position(const struct infer_context *context, int input, struct error *error);
/* The place that `position` (NULL: `otherwise`) says in a sequence, where `count` places are: [-count, count). */
int sequence_position(const struct tensor *position, int64_t otherwise, int64_t count, int64_t *place,
                      struct error *error);
/* Counts `bytes` that are copied in this run. */
int sequence_spend(const struct compute_context *context, int64_t bytes, struct error *error);
/* Output `index` becomes a copy of `item`. */
int sequence_give(struct compute_context *context, int index, const struct tensor *item, struct error *error);

/* The node that says what `value` holds: SequenceConstruct, SequenceEmpty or Optional, behind any Identity. NULL: it is
 * not known. */
const struct node *container_maker(const struct value *value);
/* As container_maker for a sequence of at most KNOWN_MOST_ITEMS; *count is its length. */
const struct node *sequence_maker(const struct value *value, int *count);
/* The place that input `input` of the node says, as sequence_position; 1, or 0 where it is not known. */
int sequence_known_position(const struct expand_context *context, int input, int64_t otherwise, int64_t count,
                            int64_t *place, struct error *error);
/* A sequence that holds `items`, or nothing of type `element`. */
struct value *emit_sequence(struct graph *graph, struct value *const *items, int count, enum dtype element,
                            struct error *error);

#endif
