#include "op/product.h"

struct plain_product {
    enum dtype storage;
    const struct gemm *gemm;
    const void *a, *b;
    void *c;
    const int64_t *offset_a, *offset_b, *offset_c;
};

/* One row of one product; ACCUMULATOR is unsigned for integers, whose overflow then wraps. */
#define DEFINE_ROW(NAME, TYPE, ACCUMULATOR, CONVERT)                                                                   \
    static void row_##NAME(const struct plain_product *product, int64_t batch, int64_t row)                            \
    {                                                                                                                  \
        const struct gemm *gemm = product->gemm;                                                                       \
        const TYPE *a = (const TYPE *)product->a + product->offset_a[batch];                                           \
        const TYPE *b = (const TYPE *)product->b + product->offset_b[batch];                                           \
        TYPE *c = (TYPE *)product->c + product->offset_c[batch] + row * gemm->ldc;                                     \
        ACCUMULATOR alpha = (ACCUMULATOR)CONVERT((double)gemm->alpha),                                                 \
                    beta = (ACCUMULATOR)CONVERT((double)gemm->beta);                                                   \
        for (int64_t j = 0; j < gemm->n; j++)                                                                          \
            c[j] = gemm->beta == 0 ? 0 : (TYPE)(beta * (ACCUMULATOR)c[j]);                                             \
        for (int64_t p = 0; p < gemm->k; p++) {                                                                        \
            TYPE left = gemm->transpose_a ? a[p * gemm->lda + row] : a[row * gemm->lda + p];                           \
            ACCUMULATOR factor = alpha * (ACCUMULATOR)left;                                                            \
            for (int64_t j = 0; j < gemm->n; j++) {                                                                    \
                TYPE right = gemm->transpose_b ? b[j * gemm->ldb + p] : b[p * gemm->ldb + j];                          \
                c[j] = (TYPE)((ACCUMULATOR)c[j] + factor * (ACCUMULATOR)right);                                        \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_ROW(double, double, double, )
DEFINE_ROW(int32, int32_t, uint32_t, number_to_int32)
DEFINE_ROW(int64, int64_t, uint64_t, number_to_int64)

static void run_rows(void *argument, int64_t begin, int64_t end)
{
    const struct plain_product *product = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t batch = i / product->gemm->m, row = i % product->gemm->m;
        if (product->storage == DTYPE_DOUBLE)
            row_double(product, batch, row);
        else if (product->storage == DTYPE_INT32)
            row_int32(product, batch, row);
        else
            row_int64(product, batch, row);
    }
}

void product_plain(enum dtype storage, const struct gemm *gemm, struct thread_pool *pool, int64_t count, const void *a,
                   const int64_t *offset_a, const void *b, const int64_t *offset_b, void *c, const int64_t *offset_c)
{
    struct plain_product product = {storage, gemm, a, b, c, offset_a, offset_b, offset_c};
    struct row_task task = {run_rows, &product};
    rows_run(pool, &task, count * gemm->m, gemm->n * (gemm->k > 0 ? gemm->k : 1));
}

enum packed_form product_packed_form(const struct compute_context *context, const struct linear *linear)
{
    if (linear_half_applies(linear, context->kernels))
        return PACKED_HALVES;
    return linear->transposed ? PACKED_TRANSPOSED : PACKED_PANELS;
}
