/* QLinearConv (ONNX 10), QLinearMatMul (10, 21) and QGemm (com.microsoft): products of quantised tensors. */
#include "op/convolution.h"
#include "op/families.h"
#include "op/product.h"
#include "op/quantize_emit.h"

static const struct attribute_rule conv_attributes[] = {CONV_ATTRIBUTES, {0}};
static const struct attribute_rule gemm_attributes[] = {GEMM_ATTRIBUTES, {0}};

/* A bias held as int32, whose scale is the product of those of the operands. */
static struct value *emit_bias(struct graph *graph, struct value *bias, const struct quantized operands[2],
                               int64_t axis, struct error *error)
{
    struct quantized from = {.value = bias};
    if (bias->dtype != DTYPE_INT32) {
        error_set(error, ERROR_INPUT, "the bias is %s, not int32", dtype_name(bias->dtype));
        return NULL;
    }
    from.scale = emit(graph, "Mul", EMIT_INPUTS(operands[0].scale, operands[1].scale), EMIT_NO_ATTRIBUTES, error);
    return from.scale ? emit_dequantized(graph, &from, axis, error) : NULL;
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
    struct value *x = emit_dequantized_input(context, 0, error);
    struct value *w = x ? emit_dequantized(graph, &operands[1], 0, error) : NULL;
    struct value *b = w && bias ? emit_bias(graph, bias, operands, 0, error) : NULL;
    if (w && (b || !bias))
        y = expansion_conv(context, x, w, b, error);
    return quantized_write(context, y, 6, 0, error);
}

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
    struct value *a = emit_dequantized_input(context, 0, error);
    struct value *b = a ? emit_dequantized(graph, &operands[1], settings->transB ? 0 : 1, error) : NULL;
    struct value *c = b && bias ? emit_bias(graph, bias, operands, -1, error) : NULL;
    if (b && (c || !bias))
        y = emit(graph, "Gemm", EMIT_INPUTS(a, b, c),
                 EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->alpha), EMIT_FLOAT("beta", settings->alpha),
                                 EMIT_INT("transA", settings->transA), EMIT_INT("transB", settings->transB)),
                 error);
    if (y && !expansion_input(context, 7)) {
        context->outputs[0] = y;
        return 0;
    }
    return quantized_write(context, y, 7, 0, error);
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
