/* Operators on quantised tensors that are made of others: DequantizeLinear, the operator on floats, QuantizeLinear. */
#ifndef FOVEA_OP_QUANTIZE_EMIT_H
#define FOVEA_OP_QUANTIZE_EMIT_H

#include "op/expansion.h"

#define TYPES_BYTE (TYPE_BIT(DTYPE_INT8) | TYPE_BIT(DTYPE_UINT8))

/* A quantised tensor as operators read it; `value` is NULL when it is omitted, `zero_point` NULL counts as 0. */
struct quantized {
    struct value *value, *scale, *zero_point;
};

/* Inputs `first` to `first` + 2; an error when the tensor or its scale is omitted. */
int quantized_read(const struct expand_context *context, int first, struct quantized *quantized, struct error *error);
/* As float; several scales stand along `axis`. */
struct value *emit_dequantized(struct graph *graph, const struct quantized *from, int64_t axis, struct error *error);
/* The inputs `first` to `first` + 2 as float, with one scale for all. */
struct value *emit_dequantized_input(const struct expand_context *context, int first, struct error *error);
/* `x` quantised with the scale and zero point of `as`, as `type` where the zero point is missing. NULL for no `x`. */
struct value *emit_quantized(struct graph *graph, struct value *x, const struct quantized *as, enum dtype type,
                             int64_t axis, struct error *error);
/* Writes `y`, quantised with inputs `scale` and `scale` + 1, to output 0; without zero point in the type of input
 * `like`. 0, or -1 for no `y`. */
int quantized_write(struct expand_context *context, struct value *y, int scale, int like, struct error *error);
/* The axis along which the scales of a matrix stand: one per row, or per column, as a list or with the matrix's rank.
 */
int64_t quantized_matrix_axis(const struct value *matrix, const struct value *scale, bool per_row);

#endif
