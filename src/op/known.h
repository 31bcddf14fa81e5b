/* What a node's lists of integers say, whether they stand in an attribute (older opsets) or in an input whose elements
 * are known: read alike by shape rules, compute, gradients and receptive fields. */
#ifndef FOVEA_OP_KNOWN_H
#define FOVEA_OP_KNOWN_H

#include "graph/operator.h"

/* A node's inputs, NULL entries omitted; as struct infer_context and struct compute_context hold them. */
struct operands {
    const struct node *node;
    const struct tensor *const *inputs;
    int count;
};
#define OPERANDS(context_) ((struct operands){(context_)->node, (context_)->inputs, (context_)->input_count})

/* The input, or NULL when it is omitted. */
const struct tensor *operand_at(const struct operands *operands, int input);
/* Whether the elements of input `input` are known, or there are none to know. */
bool operand_known(const struct operands *operands, int input);
/* operand_known for all inputs from `first` on. */
bool operands_known(const struct operands *operands, int first);

/* The operands of a node as its gradient sees them: data where they are constants. */
#define KNOWN_INPUTS 6
struct known_inputs {
    struct tensor tensors[KNOWN_INPUTS];
    const struct tensor *pointers[KNOWN_INPUTS];
    struct operands operands;
};
int known_inputs_read(struct known_inputs *known, const struct node *node, struct error *error);

struct int_list {
    const int64_t *attribute;
    const struct tensor *tensor;
    int64_t count;
};
/* From a list among the node's settings or else input `input` (-1: none). Returns 1 when the list is there, 0 when it
 * is not, -1 on errors (no integers, not a list, elements not known). */
int int_list_of(struct int_list *list, const struct operands *operands, struct ints setting, int input,
                struct error *error);
int64_t int_list_at(const struct int_list *list, int64_t index);

/* The one integer of input `input`; -1 and an error when it is not one integer. Its elements must be known. */
int operand_read_int(const struct operands *operands, int input, int64_t *value, struct error *error);

/* Zeros of a gradient. */
struct value *emit_zeros(struct graph *graph, enum dtype dtype, const struct shape *shape, struct error *error);
/* `value` with the elements in another shape. */
struct value *emit_reshape(struct graph *graph, struct value *value, int rank, const int64_t *dims,
                           struct error *error);

#endif
