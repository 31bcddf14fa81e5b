/* DeformConv's geometry, samples and columns, shared by the forward run and the gradients. */
#ifndef FOVEA_OP_DEFORMABLE_CONVOLUTION_H
#define FOVEA_OP_DEFORMABLE_CONVOLUTION_H

#include "kernel/gemm.h"
#include "op/spatial.h"

enum { DEFORM_X, DEFORM_W, DEFORM_OFFSET, DEFORM_B, DEFORM_MASK, DEFORM_INPUTS };

/* Of DeformConv and its gradient. */
struct deformable_settings {
    struct window_settings window;
    int64_t group, offset_group;
    int64_t wanted; /* of the gradient: bit i for its output i */
};
#define DEFORMABLE_ATTRIBUTES                                                                                          \
    WINDOW_LISTS(false, 0), {INT_ATTRIBUTE(struct deformable_settings, group, 1)},                                     \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct deformable_settings, offset_group, 1)                                                     \
    }

struct deformable {
    int64_t images, channels, height, width; /* of X */
    int64_t outputs, rows, columns, points;  /* output channels; output size; rows * columns */
    int64_t kernel[2], taps, stride[2], pad[2], dilation[2];
    int64_t group, offset_group;
    const float *x, *w, *offset, *mask; /* mask NULL: none */
    struct thread_pool *pool;
    const struct kernels *kernels;
};

/* Geometry from the shapes of the inputs in DEFORM order (NULL: omitted) and the attributes. */
int deformable_read(const struct deformable_settings *settings, const struct shape *const shapes[DEFORM_INPUTS],
                    struct deformable *deformable, struct error *error);

/* The four cells that the sample of (offset group, tap) reads for an output point, with weights (0 outside), and how
 * these change along y and x. */
struct deformable_sample {
    int64_t at[4];
    float weight[4], slope[2][4];
};
void deformable_sample_at(const struct deformable *deformable, int64_t image, int64_t group, int64_t tap, int64_t point,
                          struct deformable_sample *sample);
/* The mask's number for it; 1 without a mask. */
float deformable_mask_at(const struct deformable *deformable, int64_t image, int64_t group, int64_t tap, int64_t point);
/* Points that are worked on at once. */
#define DEFORMABLE_BLOCK 512
/* columns[channels * taps][count]: masked samples for the points first .. first + count - 1 of one image. */
void deformable_gather(const struct deformable *deformable, int64_t image, int64_t first, int64_t count,
                       float *columns);
/* Product of a group: weights [outputs / group, channels / group * taps] by columns of `count` points. */
struct gemm deformable_product(const struct deformable *deformable, int64_t count);

#endif
