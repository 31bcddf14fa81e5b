/* ConvInteger and MatMulInteger (ONNX 10): exact products of bytes in int32, on the kernels for float. A float holds
 * the integers up to 2^24: operands of longer sums are split at 16, so that every sum of a part's products stays below.
 */
#include "op/convolution.h"
#include "op/families.h"
#include "op/quantize_emit.h"

static const struct attribute_rule conv_attributes[] = {CONV_ATTRIBUTES, {0}};

/* Terms of a sum that float gives exactly. An operand less its zero point is within 255, its part of sixteens within 16
 * times 16, its rest within 15. */
enum {
    SPLIT = 16,
    TERMS_WHOLE = (1 << 24) / (255 * 255),
    TERMS_SPLIT = (1 << 24) / (16 * 255),
    TERMS_BOTH_SPLIT = (1 << 24) / (16 * 16)
};

typedef struct value *emit_product(struct expand_context *context, struct value *a, struct value *b,
                                   struct error *error);

/* An operand as float less its zero point, in one part or two. */
struct operand_parts {
    struct value *parts[2];
    int count;
};

/* Sixteens and rest. The gradient reaches the operand through the rest alone, where it is the whole. */
static int split_operand(struct graph *graph, struct operand_parts *operand, struct error *error)
{
    struct value *whole = operand->parts[0], *split = emit_number_like(graph, whole, SPLIT, error);
    struct value *high = split ? emit(graph, "Div", EMIT_INPUTS(whole, split), EMIT_NO_ATTRIBUTES, error) : NULL;
    high = high ? emit(graph, "Floor", EMIT_INPUTS(high), EMIT_NO_ATTRIBUTES, error) : NULL;
    high = high ? emit(graph, "Mul", EMIT_INPUTS(high, split), EMIT_NO_ATTRIBUTES, error) : NULL;
    operand->parts[0] = high ? emit(graph, "Sub", EMIT_INPUTS(whole, high), EMIT_NO_ATTRIBUTES, error) : NULL;
    operand->parts[1] = high;
    operand->count = 2;
    return operand->parts[0] ? 0 : -1;
}

static int read_operand(const struct expand_context *context, int index, bool matrix, struct operand_parts *operand,
                        struct error *error)
{
    struct quantized from = {.value = context->inputs[index], .zero_point = expansion_input(context, index + 2)};
    const struct shape scalar = {.rank = 0};
    if (!(TYPE_BIT(from.value->dtype) & TYPES_BYTE))
        return error_set(error, ERROR_INPUT, "input %d is %s, not int8 or uint8", index, dtype_name(from.value->dtype));
    from.scale =
        emit_filled(context->graph, DTYPE_FLOAT, from.zero_point ? &from.zero_point->shape : &scalar, 1, error);
    if (!from.scale)
        return -1;
    int64_t axis = matrix ? quantized_matrix_axis(from.value, from.scale, index == 0) : 0;
    operand->parts[0] = emit_dequantized(context->graph, &from, axis, error);
    operand->count = 1;
    return operand->parts[0] ? 0 : -1;
}

/* The sum of the parts' products, each an exact integer. */
static int sum_products(struct expand_context *context, const struct operand_parts operands[2], emit_product *product,
                        struct error *error)
{
    struct graph *graph = context->graph;
    const struct quantized integer = {.scale = emit_scalar(graph, DTYPE_FLOAT, 1, error)};
    struct value *sum = NULL;
    for (int i = 0; integer.scale && i < operands[0].count * operands[1].count; i++) {
        struct value *a = operands[0].parts[i % operands[0].count], *b = operands[1].parts[i / operands[0].count];
        struct value *term = emit_quantized(graph, product(context, a, b, error), &integer, DTYPE_INT32, 0, error);
        sum = sum && term ? emit(graph, "Add", EMIT_INPUTS(sum, term), EMIT_NO_ATTRIBUTES, error) : term;
        if (!sum)
            return -1;
    }
    context->outputs[0] = sum;
    return sum ? 0 : -1;
}

static int expand_product(struct expand_context *context, bool matrix, int64_t terms, emit_product *product,
                          struct error *error)
{
    struct operand_parts operands[2];
    if (terms > TERMS_BOTH_SPLIT)
        return error_set(error, ERROR_UNSUPPORTED, "sums of %lld products of integers are not supported (limit %d)",
                         (long long)terms, TERMS_BOTH_SPLIT);
    for (int i = 0; i < 2; i++) {
        if (read_operand(context, i, matrix, &operands[i], error) ||
            (terms > (i == 0 ? TERMS_SPLIT : TERMS_WHOLE) && split_operand(context->graph, &operands[i], error)))
            return -1;
    }
    return sum_products(context, operands, product, error);
}

static struct value *emit_conv(struct expand_context *context, struct value *a, struct value *b, struct error *error)
{
    return expansion_conv(context, a, b, NULL, error);
}

static int expand_conv(struct expand_context *context, struct error *error)
{
    const struct shape *weights = &context->inputs[1]->shape;
    int64_t terms = weights->rank > 1 ? shape_product(weights, 1, weights->rank) : 0;
    return expand_product(context, false, terms, emit_conv, error);
}

static struct value *emit_matmul(struct expand_context *context, struct value *a, struct value *b, struct error *error)
{
    return emit(context->graph, "MatMul", EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error);
}

static int expand_matmul(struct expand_context *context, struct error *error)
{
    const struct shape *a = &context->inputs[0]->shape;
    return expand_product(context, true, a->rank > 0 ? a->dims[a->rank - 1] : 0, emit_matmul, error);
}

#define INTEGER(name_, traits_, expand_)                                                                               \
    .domain = "", .name = name_, .since = 10, ARITY(2, 4, 1, 1), .types = TYPES_BYTE,                                  \
    .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_PRODUCT | (traits_),                                                \
    .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_QUANTUM}, .infer = expansion_infer, .compute = expansion_compute,           \
    .expand = expand_

const struct operator_definition operators_integer_product[] = {
    {INTEGER("ConvInteger", OPERATOR_CONVOLUTION, expand_conv), SETTINGS(struct conv_settings, conv_attributes)},
    {INTEGER("MatMulInteger", OPERATOR_MATRIX, expand_matmul)},
    {0},
};
