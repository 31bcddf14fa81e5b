/* How a plane lies in scratch for the depthwise kernels: with its borders, split by columns into as many parts as the
 * stride, so that each tap reads whole vectors. */
#ifndef FOVEA_KERNEL_DEPTHWISE_LAYOUT_H
#define FOVEA_KERNEL_DEPTHWISE_LAYOUT_H

#include "kernel/convolution.h"
#include "kernel/depthwise.h"

/* Target cell t reads source cells [origin + t * stride, + reach). Those outside [begin, end) are zero. */
struct depthwise_axis {
    int64_t origin, stride, reach, targets, begin, end;
};

/* Column begin + i of a row lies in part i % stride, place i / stride. Between the parts and the rows are zeros enough
 * for what is read before and behind each. Planes follow each other. */
struct depthwise_layout {
    struct depthwise_axis rows, columns;
    int64_t lead, part, row; /* floats: before the first row, of a part, of a row */
    int64_t band, plane;     /* target rows that are worked on at a time; floats of the plane that they read */
};

/* How the convolution's outputs in the window read its input. */
struct depthwise_axis depthwise_output_axis(const struct convolution *convolution, int axis,
                                            const struct window *window);

/* A share of the threads' first-level caches: half of it, the other half is for weights and what is written. */
#define DEPTHWISE_CACHE_FLOATS 3584

/* Rows and columns are cut to what is read. Bands are as high as the cache holds, whole tiles of rows, and no higher
 * than `most` rows. */
struct depthwise_layout depthwise_layout(struct depthwise_axis rows, struct depthwise_axis columns, int vector,
                                         int64_t most);
/* Floats of so many planes that are needed together or of as many as the cache holds, and the vectors more that are
 * read behind them, for any part of these targets. */
int64_t depthwise_scratch_floats(const struct depthwise_axis *rows, const struct depthwise_axis *columns, int vector,
                                 int64_t together);
/* The side of a kernel that the loops have a form for, or 0. */
int64_t depthwise_square(const struct convolution *convolution);
/* Where the first target cell reads the cell `row` and `column` behind its first. */
int32_t depthwise_offset(const struct depthwise_layout *layout, int64_t row, int64_t column);
/* The same for all taps. */
void depthwise_offsets(const struct depthwise_layout *layout, const struct convolution *convolution, int32_t *offsets);
/* `planes` planes of the source, `plane` floats apart with rows of `width`, for the band of target rows from `first`.
 * Elements beside the source are not written: they are zero from depthwise_clear() on. */
int64_t depthwise_spread_floats(const struct depthwise_layout *layout, int vector, int64_t planes);
void depthwise_clear(const struct depthwise_layout *layout, int vector, int64_t planes, float *to);
void depthwise_spread_band(const struct depthwise_layout *layout, const struct depthwise_kernel *kernel,
                           const float *source, int64_t plane, int64_t width, int64_t planes, int64_t first, float *to);

#endif
