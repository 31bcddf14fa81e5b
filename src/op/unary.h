/* Functions of one tensor of floats that a kernel of kernel/kernels.h computes: which one, with which parameters. */
#ifndef FOVEA_OP_UNARY_H
#define FOVEA_OP_UNARY_H

#include "graph/operator.h"
#include "kernel/kernels.h"

/* y = f(x), or dx = dy f'(x) when `gradient` is set (dy is input 1 then), from input 0 of a node to output 0, float or
 * double; spread over the pool. */
struct unary_call {
    enum unary function;
    double alpha, beta;
    bool gradient;
};
/* Which function a node is (ONNX operators of activation.c but Clip); UNARY_IDENTITY for any other. */
struct unary_call unary_call_of(const struct node *node);
void unary_run(const struct compute_context *context, const struct unary_call *call);
/* The node dx = dy f'(x) of the internal operator UnaryGradient. */
struct value *emit_unary_gradient(struct graph *graph, struct value *x, struct value *dy, enum unary function,
                                  float alpha, float beta, struct error *error);
/* Output cells read the input cells at their own place; an axis of size 1 that is broadcast reads [0, 0]. */
int field_pointwise(struct field_context *context, struct error *error);

#endif
