/* Tiles whose cells do not follow each other in the target: of a window, or of one phase of a stride. */
#ifndef FOVEA_KERNEL_IMPLICIT_TARGET_H
#define FOVEA_KERNEL_IMPLICIT_TARGET_H

#include "kernel/implicit_gemm.h"

/* The grid's cells [begin, end) of `rows` channels, from `target` into a tile (rows TILE_MAX_WIDTH apart), and back. */
void implicit_target_take(const struct implicit_gemm *gemm, const float *target, int64_t rows, int64_t begin,
                          int64_t end, float *tile);
void implicit_target_put(const struct implicit_gemm *gemm, const float *tile, int64_t rows, int64_t begin, int64_t end,
                         float *target);

#endif
