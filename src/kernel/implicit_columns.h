/* How the columns of an implicit product lie in memory while it is computed. A column is a cell of the grid, a row a
 * tap of a channel. Columns follow each other as the cells do, so that a tap along the kernel's height reads what
 * another reads some rows of the grid further on: such taps share one plane, which holds the rows that any of them
 * reads. Only taps along the width, and those that fall between strides, have planes of their own. */
#ifndef FOVEA_KERNEL_IMPLICIT_COLUMNS_H
#define FOVEA_KERNEL_IMPLICIT_COLUMNS_H

#include "kernel/implicit_gemm.h"

struct implicit_columns {
    int64_t period;       /* taps y and y + period share planes */
    int64_t shift;        /* rows between them */
    int64_t lowest, halo; /* rows before the first cell's, and rows beyond the cells' */
    int64_t planes;       /* of one channel */
};

/* Planes for every tap, or shared ones where there are such. */
struct implicit_columns implicit_columns(const struct implicit_gemm *gemm, bool share);
/* Floats from plane to plane for `width` cells, an odd number of cache lines: rows of a tile then spread over the sets
 * of a cache. */
int64_t implicit_columns_pitch(const struct implicit_gemm *gemm, const struct implicit_columns *columns, int64_t width);
/* Fills out[channel][plane][pitch] for the cells [begin, end) of `channels` channels from `source` on, and up to a
 * vector more. */
void implicit_columns_gather(const struct implicit_gemm *gemm, const struct implicit_columns *columns,
                             const struct tile_kernel *kernel, const float *source, int64_t channels, int64_t begin,
                             int64_t end, int64_t pitch, struct tile_segment *segments, float *out);
/* offsets[channel * taps + tap]: where in `out` the row of the first cell begins. */
void implicit_columns_offsets(const struct implicit_gemm *gemm, const struct implicit_columns *columns,
                              int64_t channels, int64_t pitch, int32_t *offsets);

#endif
