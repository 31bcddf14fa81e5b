#include "kernel/few_rows.h"

#include "base/number.h"

/* What lies between two uses of a block of w, for the next row of x, stays in the first-level cache: PRODUCT_STREAMS
 * pieces of so many floats, 16 KB. A single row needs no blocks. */
#define BLOCK 512

/* y [rows, columns] of x [rows, depth] and w, which is [depth, columns], or [columns, depth] when `dots`. */
struct few_rows {
    int64_t rows, columns, depth;
    bool dots;
    const float *x, *w;
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
                kernel->add_rows(factors[r], few->w + k * few->w_row + j, few->w_row, count,
                                 int64_min(block, few->columns - j), few->y + r * few->y_row + j);
        }
    }
}

/* Each element is the product of a row of x and a row of w, eight of these at a time. */
static void multiply_rows(const struct product_kernel *kernel, const struct few_rows *few, int64_t first)
{
    float partial[FEW_ROWS][PRODUCT_STREAMS * PRODUCT_MAX_VECTOR], sums[PRODUCT_STREAMS];
    int64_t count = int64_min(PRODUCT_STREAMS, few->columns - first), block = few->rows == 1 ? few->depth : BLOCK;
    for (int64_t k = 0; k < few->depth; k += block) {
        const float *w[PRODUCT_STREAMS];
        for (int64_t i = 0; i < PRODUCT_STREAMS; i++)
            w[i] = few->w + (first + int64_min(i, count - 1)) * few->w_row + k;
        for (int64_t r = 0; r < few->rows; r++)
            kernel->dot_rows(few->x + r * few->x_row + k, w, int64_min(block, few->depth - k), k > 0, partial[r]);
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

void few_rows_run(const struct product_kernel *kernel, const struct gemm *gemm, const float *a, const float *b,
                  float *c)
{
    struct few_rows few = {.depth = gemm->k, .alpha = gemm->alpha, .beta = gemm->beta, .y = c, .y_row = gemm->ldc};
    if (is_few(gemm)) {
        few.rows = gemm->m;
        few.columns = gemm->n;
        few.dots = gemm->transpose_b;
        few.x = a;
        few.x_row = gemm->lda;
        few.w = b;
        few.w_row = gemm->ldb;
    } else { /* the column as a row, of the transposed product */
        few.rows = 1;
        few.columns = gemm->m;
        few.dots = !gemm->transpose_a;
        few.x = b;
        few.w = a;
        few.w_row = gemm->lda;
    }
    if (!few.dots) {
        add_rows(kernel, &few);
        return;
    }
    for (int64_t first = 0; first < few.columns; first += PRODUCT_STREAMS)
        multiply_rows(kernel, &few, first);
}
