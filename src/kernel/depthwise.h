/* One plane of a depthwise convolution. */
#ifndef FOVEA_KERNEL_DEPTHWISE_H
#define FOVEA_KERNEL_DEPTHWISE_H

#include "kernel/kernels.h"

/* x [input_height, input_width], w [kernel_height, kernel_width], y [output_height, output_width]; the outputs in
 * [row_begin, row_end) x [column_begin, column_end) are written as bias + products. */
struct depthwise_plane {
    const float *x, *w;
    float *y;
    float bias;
    int64_t input_height, input_width, output_width, kernel_height, kernel_width;
    int64_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int64_t row_begin, row_end, column_begin, column_end;
};

#endif
