/* What the pooling operators share. */
#ifndef FOVEA_OP_POOLING_H
#define FOVEA_OP_POOLING_H

#include "kernel/pooling.h"
#include "op/spatial.h"

/* Of MaxPool, AveragePool, LpPool and their gradients. */
struct pool_settings {
    struct window_settings window;
    bool ceil_mode, count_include_pad;
    int64_t storage_order, p;
    struct ints input_shape; /* of the gradients */
};

/* Geometry of a pool node on an input of `shape`: attributes, auto_pad and ceil_mode resolved. */
int pooling_read(const struct pool_settings *settings, const struct shape *shape, struct spatial *spatial,
                 struct pooling *pooling, struct error *error);
/* Shape rule of a pool: output 0 (and 1, if present, as int64) of the resolved sizes. */
int pooling_infer(struct infer_context *context, struct error *error);
/* Field rule of a pool. */
int pooling_field(struct field_context *context, struct error *error);
/* Appends `op_type` (attributes of the pool, resolved, and `input_shape`) on the given inputs. */
struct value *emit_pooling_gradient(const struct gradient_context *context, const char *op_type,
                                    struct value *const *inputs, int input_count, struct error *error);
/* Geometry of a gradient node made by emit_pooling_gradient; `dy` must be the pool's output. */
int pooling_read_gradient(const struct pool_settings *settings, const struct shape *dy, struct shape *x,
                          struct pooling *pooling, struct error *error);

/* ---- pooling_plain.c: any storage type, through double ---- */

enum pooling_kind { POOLING_MAX, POOLING_AVERAGE, POOLING_LP };

/* `p` is the norm's order for POOLING_LP; `indices` as pooling_max. */
void pooling_plain(const struct pooling *pooling, enum pooling_kind kind, double p, struct thread_pool *pool,
                   const struct tensor *x, struct tensor *y, int64_t *indices);
/* dx of POOLING_LP: sum over windows of dy sign(x) |x|^(p-1) y^(1-p), 0 where y is 0. */
void pooling_lp_gradient(const struct pooling *pooling, double p, struct thread_pool *pool, const float *x,
                         const float *y, const float *dy, float *dx);

#endif
