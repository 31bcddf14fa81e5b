/* QLinearConv (ONNX 10), QLinearMatMul (10, 21) and QGemm (com.microsoft): products of quantised tensors. */
#include "op/convolution.h"
#include "op/families.h"
#include "op/known.h"
#include "op/product.h"
#include "op/quantize_emit.h"

static const struct attribute_rule conv_attributes[] = {CONV_ATTRIBUTES, {0}};
static const struct attribute_rule gemm_attributes[] = {GEMM_ATTRIBUTES, {0}};

/* The operands become integers less their zero points, whose sums are exact in float as long as they stay below 2^24,
 * and the sum is multiplied by one number per channel: what kernels for integers give, to the bit. */
static struct value *emit_integers(struct graph *graph, const struct quantized *operand, int64_t axis,
                                   struct error *error)
{
    const struct shape scalar = {.rank = 0};
    struct quantized integers = *operand;
    integers.scale =
        emit_filled(graph, DTYPE_FLOAT, operand->zero_point ? &operand->zero_point->shape : &scalar, 1, error);
    return integers.scale ? emit_dequantized(graph, &integers, axis, error) : NULL;
}

static struct value *emit_bias(struct graph *graph, struct value *bias, struct error *error)
{
    if (bias->dtype == DTYPE_INT32)
        return emit(graph, "Cast", EMIT_INPUTS(bias), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_FLOAT)), error);
    error_set(error, ERROR_INPUT, "the bias is %s, not int32", dtype_name(bias->dtype));
    return NULL;
}

static struct value *emit_as_float(struct graph *graph, struct value *x, struct error *error)
{
    if (x->dtype == DTYPE_FLOAT)
        return x;
    return emit(graph, "Cast", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_FLOAT)), error);
}

/* alpha scale_a scale_b / scale_y, whose elements stand along axis `channel` of y. */
static struct value *emit_factor(const struct expand_context *context, const struct quantized operands[2],
                                 struct value *output_scale, double alpha, const struct value *y, int channel,
                                 struct error *error)
{
    struct graph *graph = context->graph;
    struct value *a = emit_as_float(graph, operands[0].scale, error);
    struct value *b = a ? emit_as_float(graph, operands[1].scale, error) : NULL;
    struct value *factor = b ? emit(graph, "Mul", EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
    if (factor && alpha != 1) {
        struct value *number = emit_number_like(graph, factor, alpha, error);
        factor = number ? emit(graph, "Mul", EMIT_INPUTS(factor, number), EMIT_NO_ATTRIBUTES, error) : NULL;
    }
    if (factor && output_scale) {
        struct value *scale = emit_as_float(graph, output_scale, error);
        factor = scale ? emit(graph, "Div", EMIT_INPUTS(factor, scale), EMIT_NO_ATTRIBUTES, error) : NULL;
    }
    if (!factor)
        return NULL;
    int64_t dims[SHAPE_MAX_RANK] = {shape_count(&factor->shape)};
    int rank = dims[0] == 1 ? 0 : y->shape.rank - channel;
    for (int i = 1; i < rank; i++)
        dims[i] = 1;
    return emit_reshape(graph, factor, rank, dims, error);
}

/* Output 0 from the sums `y`: multiplied, and quantised where there is a scale of the output (input `output`). */
static int write_product(struct expand_context *context, struct value *y, const struct quantized operands[2],
                         double alpha, int channel, int output, struct error *error)
{
    struct graph *graph = context->graph;
    struct quantized as = {.scale = expansion_input(context, output),
                           .zero_point = expansion_input(context, output + 1)};
    struct value *factor = y ? emit_factor(context, operands, as.scale, alpha, y, channel, error) : NULL;
    y = factor ? emit(graph, "Mul", EMIT_INPUTS(y, factor), EMIT_NO_ATTRIBUTES, error) : NULL;
    if (y && as.scale) {
        const struct shape scalar = {.rank = 0};
        as.scale = emit_filled(graph, DTYPE_FLOAT, as.zero_point ? &as.zero_point->shape : &scalar, 1, error);
        y = as.scale ? emit_quantized(graph, y, &as, context->inputs[0]->dtype, 0, error) : NULL;
    }
    context->outputs[0] = y;
    return y ? 0 : -1;
}

/* The scales of the first operand and of the output are one number each, those of the second a list. */
static int check_scales(const struct expand_context *context, const struct quantized operands[2], int output,
                        int64_t channels, struct error *error)
{
    const struct value *y = expansion_input(context, output);
    int64_t count = shape_count(&operands[1].scale->shape);
    if (shape_count(&operands[0].scale->shape) != 1)
        return error_set(error, ERROR_INPUT, "input 0 must have one scale");
    if (y && shape_count(&y->shape) != 1)
        return error_set(error, ERROR_INPUT, "the output must have one scale");
    if (count != 1 && (operands[1].scale->shape.rank != 1 || count != channels))
        return error_set(error, ERROR_INPUT, "input 3 has %lld scales for %lld channels", (long long)count,
                         (long long)channels);
    return 0;
}

static int read_operands(const struct expand_context *context, struct quantized operands[2], struct error *error)
{
    return quantized_read(context, 0, &operands[0], error) || quantized_read(context, 3, &operands[1], error) ? -1 : 0;
}

/* The weights' scales stand along their output channels. */
static int expand_conv(struct expand_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct quantized operands[2];
    struct value *bias = expansion_input(context, 8), *y = NULL;
    if (read_operands(context, operands, error))
        return -1;
    const struct shape *weights = &operands[1].value->shape;
    if (!expansion_input(context, 6))
        return error_set(error, ERROR_INPUT, "the scale of the output is missing");
    if (check_scales(context, operands, 6, weights->rank > 0 ? weights->dims[0] : 0, error))
        return -1;
    struct value *x = emit_integers(graph, &operands[0], 0, error);
    struct value *w = x ? emit_integers(graph, &operands[1], 0, error) : NULL;
    struct value *b = w && bias ? emit_bias(graph, bias, error) : NULL;
    if (w && (b || !bias))
        y = expansion_conv(context, x, w, b, error);
    return write_product(context, y, operands, 1, 1, 6, error);
}

/* Scales may stand along rows and columns: the matrices become floats. */
static int expand_matmul(struct expand_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct quantized operands[2];
    struct value *matrices[2];
    if (read_operands(context, operands, error))
        return -1;
    for (int i = 0; i < 2; i++) {
        int64_t axis = quantized_matrix_axis(operands[i].value, operands[i].scale, i == 0);
        if (!(matrices[i] = emit_dequantized(graph, &operands[i], axis, error)))
            return -1;
    }
    struct value *y = emit(graph, "MatMul", EMIT_INPUTS(matrices[0], matrices[1]), EMIT_NO_ATTRIBUTES, error);
    return quantized_write(context, y, 6, 0, error);
}

/* alpha (op(A) op(B) + C); without a scale of the output it stays a float. */
static int expand_gemm(struct expand_context *context, struct error *error)
{
    const struct gemm_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct quantized operands[2];
    struct value *bias = expansion_input(context, 6), *y = NULL;
    if (read_operands(context, operands, error))
        return -1;
    const struct shape *matrix = &operands[1].value->shape;
    if (check_scales(context, operands, 7, matrix->rank == 2 ? matrix->dims[!settings->transB] : 0, error))
        return -1;
    struct value *a = emit_integers(graph, &operands[0], 0, error);
    struct value *b = a ? emit_integers(graph, &operands[1], settings->transB ? 0 : 1, error) : NULL;
    struct value *c = b && bias ? emit_bias(graph, bias, error) : NULL;
    if (b && (c || !bias))
        y = emit(graph, "Gemm", EMIT_INPUTS(a, b, c),
                 EMIT_ATTRIBUTES(EMIT_INT("transA", settings->transA), EMIT_INT("transB", settings->transB)), error);
    return write_product(context, y, operands, (double)settings->alpha, 1, 7, error);
}

#define FIRST_ROLES ROLE_DATA, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM
#define PRODUCT(domain_, name_, since_, types_, expand_)                                                               \
    .domain = domain_, .name = name_, .since = since_, .types = types_, .infer = expansion_infer,                      \
    .compute = expansion_compute, .expand = expand_

const struct operator_definition operators_quantize_product[] = {
    {PRODUCT("", "QLinearConv", 10, TYPES_BYTE, expand_conv), ARITY(8, 9, 1, 1),
     .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {FIRST_ROLES, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_SHIFT}, SETTINGS(struct conv_settings, conv_attributes)},
    {PRODUCT("", "QLinearMatMul", 10, TYPES_BYTE | TYPES_FLOAT8, expand_matmul), ARITY(8, 8, 1, 1),
     .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_PRODUCT | OPERATOR_MATRIX, .roles = {FIRST_ROLES}},
    {PRODUCT("com.microsoft", "QGemm", 1, TYPES_BYTE, expand_gemm), ARITY(6, 9, 1, 1),
     .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_PRODUCT | OPERATOR_MATRIX,
     .roles = {FIRST_ROLES, ROLE_SHIFT, ROLE_QUANTUM}, SETTINGS(struct gemm_settings, gemm_attributes)},
    {0},
};
