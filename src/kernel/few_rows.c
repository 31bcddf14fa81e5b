#include "kernel/few_rows.h"

#include "base/number.h"

/* What lies between two uses of a block of w, for the next row of x, stays in the first-level cache: PRODUCT_STREAMS
 * pieces of so many floats, 16 KB. A single row needs no blocks. */
#define BLOCK 512

/* y [rows, columns] of x [rows, depth] and w, which is [depth, columns], or [columns, depth] when `dots`. */
struct few_rows {
    int64_t rows, columns, depth;
    bool dots, half; /* half: w is in half precision */
    const float *x;
    const void *w;
    int64_t x_row, w_row, y_row;
    float alpha, beta;
    float *y;
};

static bool is_column(const struct gemm *gemm)
{
    return gemm->n == 1 && gemm->ldc == 1 && (gemm->transpose_b || gemm->ldb == 1);
}

static bool is_few(const struct gemm *gemm)
{
    return gemm->m <= FEW_ROWS && (!gemm->transpose_a || (gemm->m == 1 && gemm->lda == 1));
}

bool few_rows_applies(const struct gemm *gemm)
{
    return is_few(gemm) || is_column(gemm);
}

static void scale(float factor, float *y, int64_t count)
{
    for (int64_t j = 0; j < count; j++)
        y[j] = factor == 0 ? 0 : factor * y[j];
}

/* Where element `place` of w is. */
static const void *weights_at(const struct few_rows *few, int64_t place)
{
    return (const char *)few->w + place * (int64_t)(few->half ? sizeof(uint16_t) : sizeof(float));
}

/* Each row of w is added to y, eight at a time. */
static void add_rows(const struct product_kernel *kernel, const struct few_rows *few)
{
    int64_t block = few->rows == 1 ? few->columns : BLOCK;
    for (int64_t r = 0; r < few->rows; r++)
        scale(few->beta, few->y + r * few->y_row, few->columns);
    for (int64_t k = 0; k < few->depth; k += PRODUCT_STREAMS) {
        int count = (int)int64_min(PRODUCT_STREAMS, few->depth - k);
        float factors[FEW_ROWS][PRODUCT_STREAMS];
        for (int64_t r = 0; r < few->rows; r++) {
            for (int i = 0; i < count; i++)
                factors[r][i] = few->alpha * few->x[r * few->x_row + k + i];
        }
        for (int64_t j = 0; j < few->columns; j += block) {
            for (int64_t r = 0; r < few->rows; r++)
                kernel->add_rows(factors[r], weights_at(few, k * few->w_row + j), few->half, few->w_row, count,
                                 int64_min(block, few->columns - j), few->y + r * few->y_row + j);
        }
    }
}

/* Each element is the product of a row of x and a row of w, eight of these at a time. */
static void multiply_rows(const struct product_kernel *kernel, const struct few_rows *few, int64_t first)
{
    float partial[FEW_ROWS][PRODUCT_STREAMS * PRODUCT_MAX_VECTOR], sums[PRODUCT_STREAMS];
    int64_t count = int64_min(PRODUCT_STREAMS, few->columns - first),
            block = few->rows == 1 ? int64_max(few->depth, 1) : BLOCK;
    for (int64_t k = 0; k == 0 || k < few->depth; k += block) { /* sums of nothing are zero */
        const void *w[PRODUCT_STREAMS];
        for (int64_t i = 0; i < PRODUCT_STREAMS; i++)
            w[i] = weights_at(few, (first + int64_min(i, count - 1)) * few->w_row + k);
        for (int64_t r = 0; r < few->rows; r++)
            kernel->dot_rows(few->x + r * few->x_row + k, w, few->half, int64_min(block, few->depth - k), k > 0,
                             partial[r]);
    }
    for (int64_t r = 0; r < few->rows; r++) {
        kernel->fold_rows(partial[r], sums);
        for (int64_t i = 0; i < count; i++) {
            float *y = &few->y[r * few->y_row + first + i];
            float sum = few->alpha * (few->depth > 0 ? sums[i] : 0);
            *y = few->beta == 0 ? sum : sum + few->beta * *y;
        }
    }
}

static struct few_rows rows_of(const struct gemm *gemm, const float *a, const void *b, float *c)
{
    return (struct few_rows){.rows = gemm->m,
                             .columns = gemm->n,
                             .depth = gemm->k,
                             .dots = gemm->transpose_b,
                             .x = a,
                             .w = b,
                             .x_row = gemm->lda,
                             .w_row = gemm->ldb,
                             .y_row = gemm->ldc,
                             .alpha = gemm->alpha,
                             .beta = gemm->beta,
                             .y = c};
}

static void run(const struct product_kernel *kernel, const struct few_rows *few)
{
    if (!few->dots) {
        add_rows(kernel, few);
        return;
    }
    for (int64_t first = 0; first < few->columns; first += PRODUCT_STREAMS)
        multiply_rows(kernel, few, first);
}

void few_rows_run(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const float *b,
                  float *c)
{
    struct few_rows few = rows_of(gemm, a, b, c);
    if (!is_few(gemm)) { /* the column as a row, of the transposed product */
        few.rows = 1;
        few.columns = gemm->m;
        few.dots = !gemm->transpose_a;
        few.x = b;
        few.w = a;
        few.w_row = gemm->lda;
    }
    run(kernel, &few);
}

void few_rows_run_half(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const uint16_t *b,
                       float *c)
{
    struct few_rows few = rows_of(gemm, a, b, c);
    few.half = true;
    run(kernel, &few);
}
