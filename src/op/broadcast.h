/* Numpy broadcasting of up to four operands, once for all operators: rows of an inner loop over collapsed axes, spread
 * over the pool. */
#ifndef FOVEA_OP_BROADCAST_H
#define FOVEA_OP_BROADCAST_H

#include "graph/operator.h"

#define BROADCAST_OPERANDS 4

/* The inner loop: out[i] = f(in[0][i * stride[0]], in[1][i * stride[1]], ...) for i < count; strides are 0 or 1. `out`
 * may be any of the operands whose stride is 1. */
struct broadcast_row {
    const void *in[BROADCAST_OPERANDS];
    int64_t stride[BROADCAST_OPERANDS];
    void *out;
    int64_t count;
};
typedef void broadcast_loop(const struct broadcast_row *row, const void *argument);

/* `out` has the broadcast shape of the operands; every tensor holds data. */
struct broadcast_call {
    broadcast_loop *loop;
    const void *argument; /* handed on */
    const struct tensor *operands[BROADCAST_OPERANDS];
    int count;
    struct tensor *out;
};
void broadcast_run(struct thread_pool *pool, const struct broadcast_call *call);

/* ---- shared steps of operators that broadcast ---- */

/* All inputs are there and of one type; the output has it too, in the broadcast shape. */
int infer_broadcast_same(struct infer_context *context, struct error *error);
/* All inputs are there and of one type; the output is bool in the broadcast shape. */
int infer_broadcast_bool(struct infer_context *context, struct error *error);
/* Runs `loop` over the node's inputs, two or three. */
void compute_broadcast(const struct compute_context *context, broadcast_loop *loop, const void *argument);
/* Hands `gradient` (NULL: an emission failed) to input `index`, summed over what was broadcast. */
int give_gradient(struct gradient_context *context, int index, struct value *gradient, struct error *error);
/* A node without attributes; NULL if an operand is NULL, because its own emission failed. */
struct value *emit_one(struct graph *graph, const char *op_type, struct value *a, struct error *error);
struct value *emit_two(struct graph *graph, const char *op_type, struct value *a, struct value *b, struct error *error);
/* condition ? a : b */
struct value *emit_where(struct graph *graph, struct value *condition, struct value *a, struct value *b,
                         struct error *error);

/* Code of the loop that computes with a type: its storage type, but UINT64 for itself, whose order is not that of the
 * int64 it is held in. */
enum dtype loop_type(enum dtype dtype);

#endif
