/* A matrix product whose second factor, the columns of a convolution, is never stored: tiles of it are gathered from
 * the source as they are needed. Forward convolution and, per phase of the stride, its input gradient are such
 * products. */
#ifndef FOVEA_KERNEL_IMPLICIT_GEMM_H
#define FOVEA_KERNEL_IMPLICIT_GEMM_H

#include <stddef.h>

#include "kernel/convolution.h"
#include "kernel/tile.h"

/* Along one spatial axis: target cell begin + g * step, for g in [0, grid), reads the source cells
 * g * source_stride + offset + i * offset_step for tap i, which is the kernel's tap first_tap + i * tap_step. */
struct implicit_axis {
    int64_t taps, first_tap, tap_step;
    int64_t source, source_stride, offset, offset_step;
    int64_t grid, target, target_begin, target_step;
};

/* Kernels of more taps are not kept in half precision. */
#define IMPLICIT_HALF_TAPS 1024

struct implicit_gemm {
    bool half;              /* weights are packed in half precision */
    int64_t rows, channels; /* of one group: target channels, source channels */
    struct implicit_axis axes[3];
    /* Weight of (row, channel, tap): row * row_stride + channel * channel_stride + tap's place in `kernel`. */
    int64_t row_stride, channel_stride, kernel[3];
};

/* Makes one long axis of neighbouring ones that are read cell by cell. */
void implicit_gemm_collapse(struct implicit_gemm *gemm);
/* Every cell is read once and written to its own place. */
bool implicit_gemm_is_plain(const struct implicit_gemm *gemm);
/* Cells of the grid, taps of a channel, terms of one sum. */
int64_t implicit_gemm_cells(const struct implicit_gemm *gemm);
int64_t implicit_gemm_taps(const struct implicit_gemm *gemm);
int64_t implicit_gemm_depth(const struct implicit_gemm *gemm);
/* Panels of rows, as many as the kernel's tiles demand and as equal as they can be, and the first row of one. */
int64_t implicit_gemm_panels(const struct implicit_gemm *gemm, const struct tile_kernel *kernel);
int64_t implicit_gemm_panel_row(const struct implicit_gemm *gemm, int64_t panels, int64_t panel);
/* Bytes of one group's packed weights, and floats of scratch per thread. */
size_t implicit_gemm_packed_bytes(const struct implicit_gemm *gemm, const struct tile_kernel *kernel);
int64_t implicit_gemm_scratch_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel);
/* The columns [begin, end) of the grid for one group of one image: out[depth, end - begin], and up to a vector more.
 * `segments`: room for implicit_gemm_segments(gemm, end - begin) of them. */
int64_t implicit_gemm_segments(const struct implicit_gemm *gemm, int64_t width);
void implicit_gemm_gather(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *source,
                          int64_t begin, int64_t end, struct tile_segment *segments, float *out);
/* Channels whose terms are summed at a time; the last may be fewer. */
int64_t implicit_gemm_chunk(const struct implicit_gemm *gemm, const struct tile_kernel *kernel);
/* One group's weights: [chunk][panel][term][rows of the kernel]. */
void implicit_gemm_pack(const struct implicit_gemm *gemm, const struct kernels *kernels, const float *weights,
                        void *packed);

/* Buffers of a whole convolution: strides per image and group in floats. `finish` may be NULL; its residual is laid out
 * as the target. */
struct implicit_operands {
    int64_t batch, groups;
    const float *source;
    float *target;
    const void *packed;
    size_t packed_stride; /* bytes from group to group */
    const struct epilogue *finish;
};
void implicit_gemm_run(const struct implicit_gemm *gemm, const struct kernels *kernels, struct thread_pool *pool,
                       const struct implicit_operands *operands, float *scratch);

#endif
