/* The parts of Resize: resize_read.c says what is asked, resize_taps.c where cells come from, resize_passes.c does it.
 */
#ifndef FOVEA_OP_RESIZE_H
#define FOVEA_OP_RESIZE_H

#include "op/resize_taps.h"

/* Inputs of Resize from opset 11 on; those of the gradient are dy and the same. */
enum { RESIZE_X, RESIZE_ROI, RESIZE_SCALES, RESIZE_SIZES };

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

/* Bytes that resize_run needs as context->scratch. */
size_t resize_scratch(const struct resize *resize, enum dtype storage);
/* All passes from `from` to `to`; `transposed` takes a tensor of the output's shape back to the input's. */
void resize_run(struct compute_context *context, const struct resize *resize, bool transposed, const void *from,
                void *to);

#endif
