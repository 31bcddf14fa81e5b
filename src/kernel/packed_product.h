/* Products whose right side is packed for a while, by one thread: those of attention. */
#ifndef FOVEA_KERNEL_PACKED_PRODUCT_H
#define FOVEA_KERNEL_PACKED_PRODUCT_H

#include "kernel/kernels.h"
#include "kernel/product_blocks.h"

/* A matrix w [depth, columns] in panels of columns. */
struct packed_matrix {
    int64_t depth, columns;
    float *data;
};

/* Floats of it. */
int64_t packed_matrix_floats(const struct kernels *kernels, int64_t depth, int64_t columns);
void packed_matrix_set(const struct packed_matrix *matrix, const struct kernels *kernels,
                       const struct product_source *source);

/* y [rows, columns] = x [rows, depth] w, or added to y where `adds`; of w its first `depth` rows, and at least its
 * first `columns` columns: those of the last panel are written, too. */
struct packed_product {
    int64_t rows, depth, columns;
    const float *x; /* of row r and term k at r * x_row + k * x_step */
    int64_t x_row, x_step;
    bool adds;
    float *y; /* rows `y_row` apart */
    int64_t y_row;
};
void packed_product_run(const struct packed_product *product, const struct kernels *kernels,
                        const struct packed_matrix *matrix);

#endif
