#include "op/quantize_emit.h"

#include "op/known.h"

/* The zero point in the shape of the scale: files mix scalars and lists of one, or give one for many scales. */
static struct value *shaped_as_scale(struct graph *graph, const struct quantized *quantized, struct error *error)
{
    struct value *zero_point = quantized->zero_point;
    const struct shape *shape = &quantized->scale->shape;
    if (shape_equal(&zero_point->shape, shape) || shape_count(&zero_point->shape) != 1)
        return zero_point;
    if (shape_count(shape) == 1)
        return emit_reshape(graph, zero_point, shape->rank, shape->dims, error);
    struct value *dims = emit_int_list(graph, shape->dims, shape->rank, error);
    return dims ? emit(graph, "Expand", EMIT_INPUTS(zero_point, dims), EMIT_NO_ATTRIBUTES, error) : NULL;
}

int quantized_read(const struct expand_context *context, int first, struct quantized *quantized, struct error *error)
{
    *quantized = (struct quantized){expansion_input(context, first), expansion_input(context, first + 1),
                                    expansion_input(context, first + 2)};
    if (!quantized->value || !quantized->scale)
        return error_set(error, ERROR_INPUT, "input %d or its scale is missing", first);
    return 0;
}

struct value *emit_dequantized(struct graph *graph, const struct quantized *from, int64_t axis, struct error *error)
{
    struct value *zero_point = from->zero_point ? shaped_as_scale(graph, from, error) : NULL;
    if (from->zero_point && !zero_point)
        return NULL;
    return emit(graph, "DequantizeLinear", EMIT_INPUTS(from->value, from->scale, zero_point),
                EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INT("output_dtype", DTYPE_FLOAT)), error);
}

struct value *emit_dequantized_input(const struct expand_context *context, int first, struct error *error)
{
    struct quantized from;
    if (quantized_read(context, first, &from, error))
        return NULL;
    if (shape_count(&from.scale->shape) != 1) {
        error_set(error, ERROR_INPUT, "input %d must have one scale", first);
        return NULL;
    }
    return emit_dequantized(context->graph, &from, 0, error);
}

struct value *emit_quantized(struct graph *graph, struct value *x, const struct quantized *as, enum dtype type,
                             int64_t axis, struct error *error)
{
    struct value *zero_point = x && as->zero_point ? shaped_as_scale(graph, as, error) : NULL;
    if (!x || (as->zero_point && !zero_point))
        return NULL;
    return emit(graph, "QuantizeLinear", EMIT_INPUTS(x, as->scale, zero_point),
                EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INT("precision", DTYPE_FLOAT),
                                EMIT_INT("output_dtype", zero_point ? zero_point->dtype : type)),
                error);
}

int quantized_write(struct expand_context *context, struct value *y, int scale, int like, struct error *error)
{
    const struct quantized as = {y, expansion_input(context, scale), expansion_input(context, scale + 1)};
    if (!y)
        return -1;
    if (!as.scale)
        return error_set(error, ERROR_INPUT, "the scale of the output is missing");
    context->outputs[0] = emit_quantized(context->graph, y, &as, context->inputs[like]->dtype,
                                         quantized_matrix_axis(y, as.scale, true), error);
    return context->outputs[0] ? 0 : -1;
}

int64_t quantized_matrix_axis(const struct value *matrix, const struct value *scale, bool per_row)
{
    int rank = matrix->shape.rank;
    if (rank < 2)
        return 0;
    if (scale->shape.rank < 2) /* a list */
        return per_row ? rank - 2 : rank - 1;
    /* [..., rows, 1] or [..., 1, columns]: the other axis is one block */
    return scale->shape.dims[scale->shape.rank - 1] == 1 ? rank - 1 : rank - 2;
}
