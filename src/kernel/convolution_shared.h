/* Questions about a convolution's geometry that forward and gradients ask alike. */
#ifndef FOVEA_KERNEL_CONVOLUTION_SHARED_H
#define FOVEA_KERNEL_CONVOLUTION_SHARED_H

#include "kernel/implicit_gemm.h"

/* One tap, stride 1, no pads: the columns are the input itself. */
bool convolution_is_product(const struct convolution *convolution);
/* One input channel per group, in two dimensions. */
bool convolution_is_depthwise(const struct convolution *convolution);
/* Whether the tile kernel computes it (and its input gradient). */
bool convolution_is_tiled(const struct convolution *convolution, const struct kernels *kernels);
/* The forward product of one group for the outputs in `window`. */
struct implicit_gemm convolution_gemm(const struct convolution *convolution, const struct window *window);
/* Cells of one channel. */
int64_t convolution_plane(const int64_t size[3]);
/* Columns that are worked on at a time when the column matrix has `rows` rows. */
int64_t convolution_tile_cells(const struct convolution *convolution, int64_t rows);

#endif
