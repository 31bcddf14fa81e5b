/* What ONNX's specification allows of a node's operands, by operator and opset: how many, of which types. It is wider
 * or narrower than what fovea computes, which an operator's entry says (graph/operator.h). */
#ifndef FOVEA_OP_SIGNATURE_H
#define FOVEA_OP_SIGNATURE_H

#include "graph/graph.h"

#define SIGNATURE_TYPES 6

/* A letter for each operand, which names its type parameter; behind it '?' where it may be left out, '*' where it
 * stands for any number of one type, '~' for any number of any types. */
struct operator_signature {
    const char *name;
    int since;
    const char *inputs, *outputs;       /* NULL: the operator ended with this opset */
    const char *types[SIGNATURE_TYPES]; /* of each type parameter: the letters of its types */
};

/* Of the node's operator at its opset; NULL: not of ONNX's own domain, or not known. */
const struct operator_signature *signature_find(const struct node *node);
/* ERROR_INPUT: too many or too few operands. */
int signature_check_arity(const struct node *node, struct error *error);
/* ERROR_INPUT: an input whose type is known has one that the operator does not take there, or inputs of one type
 * parameter have two. */
int signature_check_types(const struct node *node, struct error *error);
/* Whether the node's operator takes more inputs at `opset` than at the one before. */
bool signature_gains_inputs(const struct node *node, int opset);

#endif
