/* What QuantizeLinear, DequantizeLinear and their gradients share: which scale belongs to which element. */
#ifndef FOVEA_OP_QUANTIZE_H
#define FOVEA_OP_QUANTIZE_H

#include "op/operand.h"

/* x as [outer, size, inner]; the scale is one number, [size], or [outer, blocks, inner] with blocks of `block`. */
struct quantization {
    int64_t outer, size, inner;
    enum { QUANTIZED_TENSOR, QUANTIZED_AXIS, QUANTIZED_BLOCKS } grain;
    int64_t block, blocks;
    double low, high; /* range of the quantised type */
    bool real;        /* it is a float: nothing is rounded to integers */
};

/* How `x` is cut by the axis and block_size of the node (struct quantize_settings) with scales of `scale`; `quantised`
 * is the quantised type. */
int quantization_read(const struct node *node, const struct shape *x, const struct shape *scale, enum dtype quantised,
                      struct quantization *quantization, struct error *error);

/* The zero point, input `scale` + 1 where it is there, has the shape of the scale; one element fits one of any shape.
 */
int quantization_check_zero_point(const struct infer_context *context, int scale, struct error *error);

/* Index of the scale of the elements [outer, at, 0...]; those along inner follow with the step quantization_step(). */
static inline int64_t quantization_index(const struct quantization *quantization, int64_t outer, int64_t at)
{
    switch (quantization->grain) {
    case QUANTIZED_TENSOR:
        return 0;
    case QUANTIZED_AXIS:
        return at;
    default:
        return (outer * quantization->blocks + at / quantization->block) * quantization->inner;
    }
}

static inline int64_t quantization_step(const struct quantization *quantization)
{
    return quantization->grain == QUANTIZED_BLOCKS ? 1 : 0;
}

/* Gradients of both operators; see quantize_gradient.c. */
int quantize_gradient(struct gradient_context *context, struct error *error);
int dequantize_gradient(struct gradient_context *context, struct error *error);

#endif
