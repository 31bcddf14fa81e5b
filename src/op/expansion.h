/* Operators that are made of others (definition->expand): how they are inferred and computed where they were not
 * replaced by their parts before (pass_expand): their sizes depend on data, or they stand in the body of a Loop. */
#ifndef FOVEA_OP_EXPANSION_H
#define FOVEA_OP_EXPANSION_H

#include "op/emit.h"
#include "op/infer.h"

/* Shape rule and execution of every operator with `expand`: its parts are put into a graph of their own. There, inputs
 * that decide shapes (ROLE_SHAPE) are constants. An operator that has such inputs brings its own shape rule, for they
 * may not be known yet. */
int expansion_infer(struct infer_context *context, struct error *error);
int expansion_compute(struct compute_context *context, struct error *error);

/* The input, or NULL when it is omitted. */
struct value *expansion_input(const struct expand_context *context, int input);
/* Whether output `index` is wanted. */
bool expansion_wants(const struct expand_context *context, int index);
/* Those of the node's attributes that ONNX's operator `op_type` has too: numbers, lists of integers, text. Returns how
 * many; there is room for EXPANSION_ATTRIBUTES. */
#define EXPANSION_ATTRIBUTES 8
int expansion_attributes(const struct expand_context *context, const char *op_type, struct emit_attribute *attributes);
/* Conv with the attributes that the node has of it. */
struct value *expansion_conv(struct expand_context *context, struct value *x, struct value *weights, struct value *bias,
                             struct error *error);
/* A scalar of the type of `like`. */
struct value *emit_number_like(struct graph *graph, const struct value *like, double number, struct error *error);

#endif
