/* How matrix products are cut into blocks for the tiles of product_kernel.h. */
#ifndef FOVEA_KERNEL_PRODUCT_BLOCKS_H
#define FOVEA_KERNEL_PRODUCT_BLOCKS_H

#include <stddef.h>

#include "kernel/kernels.h"
#include "kernel/product_kernel.h"

/* Terms of a sum before they join y. The panel's part of w for them (72 KB with AVX-512, 36 KB with AVX2) stays in the
 * second-level cache beside the rows of x, a tile's rows of x (12 KB, 6 KB) in the first-level one; joining costs a
 * hundredth of the products; and float32's error stays that of short sums. */
#define PRODUCT_CHUNK 384
/* Chunks are nearly equal: one has fewer terms than these. */
#define PRODUCT_MOST_TERMS (PRODUCT_CHUNK * 3 / 2)

/* Columns in panels of nearly equal numbers of vectors: the first `wide` have one more than the others. */
struct product_panels {
    int vector;
    int64_t columns, count, wide, vectors; /* vectors: of those that are not wide */
};

struct product_panel {
    int64_t column, columns; /* the first one, how many there are */
    int vectors;
};

struct product_panels product_panels(const struct product_kernel *kernel, int64_t columns);
struct product_panel product_panel(const struct product_panels *panels, int64_t index);
/* Terms [begin, end) of chunk `index` of product_chunks(). */
int64_t product_chunks(int64_t depth);
void product_chunk(int64_t depth, int64_t index, int64_t *begin, int64_t *end);

/* All rows of one panel for one chunk, in tiles of nearly equal numbers of rows; `tile` names the first of `rows` rows
 * and what the tiles have in common. `ahead`: where the next panel's part of w is, which the first tiles fetch into the
 * second-level cache (NULL: nowhere). */
void product_rows(const struct product_kernel *kernel, struct product_tile tile, int64_t rows, const float *ahead);

/* w [depth, columns], its rows `stride` apart, or [columns, depth] when `transposed`; all elements count `factor`. */
struct product_source {
    const float *w;
    bool transposed;
    int64_t stride;
    float factor;
};
/* out[k * width + j] = factor * w[first + k][column + j] for k < depth and j < columns, zero for columns <= j < width.
 */
void product_pack(const struct product_source *source, const struct kernels *kernels, int64_t first, int64_t depth,
                  int64_t column, int64_t columns, int64_t width, float *out);
/* out[k * width + j] = from[j * stride + k] for k < depth and j < columns, zero for columns <= j < width. */
void product_transpose(const float *from, int64_t stride, const struct kernels *kernels, int64_t depth, int64_t columns,
                       int64_t width, float *out);

#endif
