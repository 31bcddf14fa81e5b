#include "kernel/product_blocks.h"

#include "base/number.h"

struct product_panels product_panels(const struct product_kernel *kernel, int64_t columns)
{
    int64_t vectors = (columns + kernel->vector - 1) / kernel->vector;
    int64_t count = (vectors + kernel->vectors - 1) / kernel->vectors;
    return (struct product_panels){.vector = kernel->vector,
                                   .columns = columns,
                                   .count = count,
                                   .wide = count > 0 ? vectors % count : 0,
                                   .vectors = count > 0 ? vectors / count : 0};
}

struct product_panel product_panel(const struct product_panels *panels, int64_t index)
{
    int64_t first = index * panels->vectors + int64_min(index, panels->wide);
    int64_t vectors = panels->vectors + (index < panels->wide), column = first * panels->vector;
    return (struct product_panel){.column = column,
                                  .columns = int64_min(vectors * panels->vector, panels->columns - column),
                                  .vectors = (int)vectors};
}

int64_t product_chunks(int64_t depth)
{
    return depth <= PRODUCT_CHUNK ? 1 : (depth + PRODUCT_CHUNK / 2) / PRODUCT_CHUNK;
}

void product_chunk(int64_t depth, int64_t index, int64_t *begin, int64_t *end)
{
    int64_t chunks = product_chunks(depth), size = (depth + chunks - 1) / chunks;
    *begin = int64_min(index * size, depth);
    *end = int64_min(*begin + size, depth);
}

void product_rows(const struct product_kernel *kernel, struct product_tile tile, int64_t rows, const float *ahead)
{
    int64_t tiles = (rows + kernel->rows - 1) / kernel->rows;
    int64_t fetching = ahead ? ((int64_t)tile.vectors * kernel->vector + PRODUCT_LINE - 1) / PRODUCT_LINE : 0;
    for (int64_t t = 0, row = 0; t < tiles; t++) {
        tile.rows = (int)((rows - row + tiles - t - 1) / (tiles - t));
        tile.ahead = t < fetching ? ahead + t * tile.depth * PRODUCT_LINE : tile.w;
        kernel->multiply(&tile);
        row += tile.rows;
        tile.x += tile.rows * tile.x_row;
        tile.y += tile.rows * tile.y_row;
        tile.residual = tile.residual ? tile.residual + tile.rows * tile.residual_row : NULL;
    }
}

static void clear_rest(int64_t depth, int64_t columns, int64_t width, float *out)
{
    for (int64_t k = 0; k < depth && columns < width; k++) {
        for (int64_t j = columns; j < width; j++)
            out[k * width + j] = 0;
    }
}

void product_transpose(const float *from, int64_t stride, const struct kernels *kernels, int64_t depth, int64_t columns,
                       int64_t width, float *out)
{
    kernels->transpose(from, stride, out, width, columns, depth);
    clear_rest(depth, columns, width, out);
}

void product_pack(const struct product_source *source, const struct kernels *kernels, int64_t first, int64_t depth,
                  int64_t column, int64_t columns, int64_t width, float *out)
{
    int64_t stride = source->stride;
    if (source->transposed) {
        product_transpose(source->w + column * stride + first, stride, kernels, depth, columns, width, out);
        for (int64_t i = 0; i < depth * width && source->factor != 1; i++)
            out[i] *= source->factor;
        return;
    }
    const float *from = source->w + first * stride + column;
    for (int64_t k = 0; k < depth; k++) {
        for (int64_t j = 0; j < columns; j++)
            out[k * width + j] = source->factor * from[k * stride + j];
    }
    clear_rest(depth, columns, width, out);
}
