/* Matrix products on any storage type: float through the kernels, the others by plain loops. */
#ifndef FOVEA_OP_PRODUCT_H
#define FOVEA_OP_PRODUCT_H

#include "kernel/gemm.h"
#include "kernel/linear.h"
#include "op/operand.h"
#include "op/settings.h"

#define TYPES_PRODUCT                                                                                                  \
    (TYPES_FLOAT | TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64) | TYPE_BIT(DTYPE_UINT32) | TYPE_BIT(DTYPE_UINT64))

/* As gemm_batch for `storage` DOUBLE, INT32 or INT64; integers take alpha and beta rounded to integers, and wrap. */
void product_plain(enum dtype storage, const struct gemm *gemm, struct thread_pool *pool, int64_t count, const void *a,
                   const int64_t *offset_a, const void *b, const int64_t *offset_b, void *c, const int64_t *offset_c);

/* operator_definition.packed_form of products with constant weights. */
enum packed_form product_packed_form(const struct compute_context *context, const struct linear *linear);

/* What every form of Gemm has (struct gemm_settings). */
#define GEMM_ATTRIBUTES                                                                                                \
    {FLOAT_ATTRIBUTE(struct gemm_settings, alpha, 1)}, {FLAG_ATTRIBUTE(struct gemm_settings, transA, false)},          \
    {                                                                                                                  \
        FLAG_ATTRIBUTE(struct gemm_settings, transB, false)                                                            \
    }

#endif
