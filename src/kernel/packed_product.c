#include "kernel/packed_product.h"

#include <math.h>

#include "base/number.h"

int64_t packed_matrix_floats(const struct kernels *kernels, int64_t depth, int64_t columns)
{
    return int64_round_up(columns, kernels->product->vector) * depth;
}

void packed_matrix_set(const struct packed_matrix *matrix, const struct kernels *kernels,
                       const struct product_source *source)
{
    struct product_panels panels = product_panels(kernels->product, matrix->columns);
    for (int64_t i = 0; i < panels.count; i++) {
        struct product_panel panel = product_panel(&panels, i);
        int64_t width = (int64_t)panel.vectors * panels.vector;
        product_pack(source, kernels, 0, matrix->depth, panel.column, panel.columns, width,
                     matrix->data + panel.column * matrix->depth);
    }
}

void packed_product_run(const struct packed_product *product, const struct kernels *kernels,
                        const struct packed_matrix *matrix)
{
    struct product_panels panels = product_panels(kernels->product, matrix->columns);
    for (int64_t i = 0; i < panels.count; i++) {
        struct product_panel panel = product_panel(&panels, i);
        int64_t width = (int64_t)panel.vectors * panels.vector;
        if (panel.column >= product->columns)
            break;
        for (int64_t chunk = 0; chunk < product_chunks(product->depth); chunk++) {
            int64_t begin, end;
            product_chunk(product->depth, chunk, &begin, &end);
            const struct product_tile tile = {.depth = end - begin,
                                              .x = product->x + begin * product->x_step,
                                              .x_row = product->x_row,
                                              .x_step = product->x_step,
                                              .w = matrix->data + panel.column * matrix->depth + begin * width,
                                              .vectors = panel.vectors,
                                              .columns = (int)panel.columns,
                                              .adds = product->adds || chunk > 0,
                                              .low = -INFINITY,
                                              .high = INFINITY,
                                              .y = product->y + panel.column,
                                              .y_row = product->y_row};
            product_rows(kernels->product, tile, product->rows, NULL);
        }
    }
}
