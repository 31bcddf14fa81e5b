/* The parts of Resize: resize_read.c says what is asked, resize_taps.c where cells come from, resize_passes.c does it.
 */
#ifndef FOVEA_OP_RESIZE_H
#define FOVEA_OP_RESIZE_H

#include "op/resize_taps.h"

/* Inputs of Resize from opset 11 on; those of the gradient are dy and the same. */
enum { RESIZE_X, RESIZE_ROI, RESIZE_SCALES, RESIZE_SIZES };

/* Of Upsample and Resize; those of opset 10 and older ask for the mode only. */
struct resize_settings {
    enum resize_word { WORD_NEAREST, WORD_LINEAR, WORD_CUBIC, WORD_BILINEAR } mode;
    enum resize_transform coordinate_transformation_mode;
    enum resize_rounding nearest_mode;
    enum resize_policy { POLICY_STRETCH, POLICY_NOT_LARGER, POLICY_NOT_SMALLER } keep_aspect_ratio_policy;
    float cubic_coeff_a, extrapolation_value;
    bool exclude_outside, antialias;
    bool whole_lengths; /* as struct resize has it; pass/follow_exporter.c sets it */
    struct ints axes;
    struct floats scales;    /* of Upsample up to opset 8 */
    struct ints input_shape; /* of the gradient, as the next */
    bool simple;             /* the resize knew the mode only */
    struct ints part; /* of a confined node, per axis: cells of the whole input, the first at hand, the first that
                         is made, how many are */
};

/* Of Upsample and Resize at all opsets. */
extern const struct attribute_rule resize_attributes[];

struct resize_operands {
    const struct tensor *roi, *scales, *sizes; /* NULL or empty: not given */
    const float *scale_list;                   /* Upsample 7 */
    int scale_count;
};

/* Whether the node is of opset 10 or Upsample: these know the mode only. */
bool resize_is_simple(const struct node *node);
struct resize_operands resize_operands(const struct node *node, const struct tensor *const *inputs, int count);
/* Resolves attributes and operands for an input of shape `x`; refuses unknown or empty sizes. */
int resize_read(const struct node *node, const struct shape *x, const struct resize_operands *operands,
                struct resize *resize, struct error *error);

/* Whether align_corners meets a length that a scale leaves fractional: ONNX's reference divides by that, exporters and
 * other runtimes by the cells that are made. Fills `axis` with the first such. Needs known shapes. */
bool resize_exporters_differ(const struct node *node, struct resize_axis *axis);

/* Bytes that resize_run needs as context->scratch. */
size_t resize_scratch(const struct resize *resize, enum dtype storage);
/* All passes from `from` to `to`; `transposed` takes a tensor of the output's shape back to the input's. */
void resize_run(struct compute_context *context, const struct resize *resize, bool transposed, const void *from,
                void *to);

#endif
