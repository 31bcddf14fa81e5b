/* com.microsoft: QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax, QLinearConcat,
 * QLinearAveragePool and QLinearGlobalAveragePool, as ONNX Runtime's quantisation writes them. */
#include "op/families.h"
#include "op/known.h"
#include "op/quantize_emit.h"

static int expand_binary(struct expand_context *context, const char *op_type, struct error *error)
{
    struct value *a = emit_dequantized_input(context, 0, error);
    struct value *b = a ? emit_dequantized_input(context, 3, error) : NULL;
    struct value *y = b ? emit(context->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
    return quantized_write(context, y, 6, 0, error);
}

static int expand_add(struct expand_context *context, struct error *error)
{
    return expand_binary(context, "Add", error);
}

static int expand_mul(struct expand_context *context, struct error *error)
{
    return expand_binary(context, "Mul", error);
}

/* `op_type` with those of the named attributes that the node has. */
static int expand_unary(struct expand_context *context, const char *op_type, const char *const *names,
                        struct error *error)
{
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES];
    int count = expansion_attributes(context, names, attributes);
    struct value *x = emit_dequantized_input(context, 0, error);
    struct value *y = x ? emit(context->graph, op_type, EMIT_INPUTS(x), attributes, count, error) : NULL;
    return quantized_write(context, y, 3, 0, error);
}

static int expand_sigmoid(struct expand_context *context, struct error *error)
{
    return expand_unary(context, "Sigmoid", (const char *const[]){NULL}, error);
}

static int expand_leaky_relu(struct expand_context *context, struct error *error)
{
    return expand_unary(context, "LeakyRelu", (const char *const[]){"alpha", NULL}, error);
}

static int expand_pool(struct expand_context *context, const char *op_type, struct error *error)
{
    static const char *const names[] = {"auto_pad",     "ceil_mode", "count_include_pad", "dilations",
                                        "kernel_shape", "pads",      "strides",           NULL};
    if (node_int(context->node, "channels_last", 0) != 0)
        return error_set(error, ERROR_UNSUPPORTED, "channels_last is not supported");
    return expand_unary(context, op_type, names, error);
}

static int expand_average_pool(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "AveragePool", error);
}

static int expand_global_average_pool(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "GlobalAveragePool", error);
}

/* Softmax of all axes from `axis` on as one, as it was before opset 13. */
static struct value *emit_flat_softmax(struct graph *graph, struct value *x, int64_t axis, struct error *error)
{
    int from;
    if (shape_axis(axis, x->shape.rank, &from, error))
        return NULL;
    const int64_t dims[2] = {shape_product(&x->shape, 0, from), shape_product(&x->shape, from, x->shape.rank)};
    struct value *y = emit_reshape(graph, x, 2, dims, error);
    y = y ? emit(graph, "Softmax", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), error) : NULL;
    return y ? emit_reshape(graph, y, x->shape.rank, x->shape.dims, error) : NULL;
}

static int expand_softmax(struct expand_context *context, struct error *error)
{
    int64_t axis = node_int(context->node, "axis", -1), opset = node_int(context->node, "opset", 13);
    struct value *x = emit_dequantized_input(context, 0, error), *y = NULL;
    if (x)
        y = opset < 13
                ? emit_flat_softmax(context->graph, x, axis, error)
                : emit(context->graph, "Softmax", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), error);
    return quantized_write(context, y, 3, 0, error);
}

/* Scale and zero point of the output come first, then three inputs a tensor. */
static int expand_concat(struct expand_context *context, struct error *error)
{
    struct memory *memory = context->graph->context->memory;
    int count = (context->input_count - 2) / 3;
    if (2 + 3 * count != context->input_count)
        return error_set(error, ERROR_INPUT, "a tensor has no scale or no zero point");
    struct value **parts = memory_allocate(memory, (size_t)count + 1, sizeof(struct value *), error), *y = NULL;
    bool complete = parts != NULL;
    for (int i = 0; complete && i < count; i++)
        complete = (parts[i] = emit_dequantized_input(context, 2 + 3 * i, error)) != NULL;
    if (complete)
        y = emit(context->graph, "Concat", parts, count,
                 EMIT_ATTRIBUTES(EMIT_INT("axis", node_int(context->node, "axis", 0))), error);
    memory_release(memory, parts);
    return quantized_write(context, y, 0, 2, error);
}

#define QUANTIZED(name_, min_, max_, types_, expand_)                                                                  \
    {                                                                                                                  \
        .domain = "com.microsoft", .name = name_, .since = 1, .min_inputs = min_, .max_inputs = max_,                  \
        .min_outputs = 1, .max_outputs = 1, .types = types_, .flags = OPERATOR_STRAIGHT_THROUGH,                       \
        .infer = expansion_infer, .compute = expansion_compute, .expand = expand_                                      \
    }

const struct operator operators_microsoft_quantize[] = {
    QUANTIZED("QLinearAdd", 2, 8, TYPES_BYTE, expand_add),
    QUANTIZED("QLinearMul", 2, 8, TYPES_BYTE, expand_mul),
    QUANTIZED("QLinearSigmoid", 2, 5, TYPES_BYTE, expand_sigmoid),
    QUANTIZED("QLinearLeakyRelu", 2, 5, TYPES_BYTE, expand_leaky_relu),
    QUANTIZED("QLinearSoftmax", 2, 5, TYPES_BYTE, expand_softmax),
    QUANTIZED("QLinearConcat", 5, -1, TYPE_BIT(DTYPE_FLOAT), expand_concat),
    QUANTIZED("QLinearAveragePool", 2, 5, TYPES_BYTE, expand_average_pool),
    QUANTIZED("QLinearGlobalAveragePool", 5, 5, TYPES_BYTE, expand_global_average_pool),
    {0},
};
