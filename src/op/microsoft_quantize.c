/* com.microsoft: QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax, QLinearConcat,
 * QLinearReduceMean, QLinearWhere, QLinearAveragePool and QLinearGlobalAveragePool, as ONNX Runtime's quantisation
 * writes them. */
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/known.h"
#include "op/pooling.h"
#include "op/quantize_emit.h"

struct pool_layout_settings {
    struct pool_settings pool;
    bool channels_last;
};
struct mean_settings {
    struct ints axes;
    bool keepdims;
};
struct number_settings {
    int64_t axis, opset; /* opset: whose Softmax is meant */
    float alpha;
};

static const struct attribute_rule leaky_relu_attributes[] = {
    {FLOAT_ATTRIBUTE(struct number_settings, alpha, 0.01f)},
    {0},
};
static const struct attribute_rule softmax_attributes[] = {
    {INT_ATTRIBUTE(struct number_settings, axis, -1)},
    {INT_ATTRIBUTE(struct number_settings, opset, 13)},
    {0},
};
static const struct attribute_rule concat_attributes[] = {
    {INT_ATTRIBUTE(struct number_settings, axis, 0)},
    {0},
};
static const struct attribute_rule average_pool_attributes[] = {
    WINDOW_ATTRIBUTES(true, 0),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false)},
    {FLAG_ATTRIBUTE(struct pool_settings, count_include_pad, false)},
    {FLAG_ATTRIBUTE(struct pool_layout_settings, channels_last, false)},
    {0},
};
static const struct attribute_rule mean_attributes[] = {
    {INTS_ATTRIBUTE(struct mean_settings, axes)},
    {FLAG_ATTRIBUTE(struct mean_settings, keepdims, 1)},
    {0},
};
static const struct attribute_rule global_pool_attributes[] = {
    {FLAG_ATTRIBUTE(struct pool_layout_settings, channels_last, false)},
    {0},
};

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

static int expand_unary(struct expand_context *context, const char *op_type, const struct emit_attribute *attributes,
                        int count, struct error *error)
{
    struct value *x = emit_dequantized_input(context, 0, error);
    struct value *y = x ? emit(context->graph, op_type, EMIT_INPUTS(x), attributes, count, error) : NULL;
    return quantized_write(context, y, 3, 0, error);
}

/* The same between two changes of layout. */
static int expand_channels_last(struct expand_context *context, const char *op_type,
                                const struct emit_attribute *attributes, int count, struct error *error)
{
    struct value *x = emit_channels_second(context->graph, emit_dequantized_input(context, 0, error), error);
    struct value *y = x ? emit(context->graph, op_type, EMIT_INPUTS(x), attributes, count, error) : NULL;
    return quantized_write(context, emit_channels_last(context->graph, y, error), 3, 0, error);
}

static int expand_sigmoid(struct expand_context *context, struct error *error)
{
    return expand_unary(context, "Sigmoid", EMIT_NO_ATTRIBUTES, error);
}

static int expand_leaky_relu(struct expand_context *context, struct error *error)
{
    const struct number_settings *settings = context->node->settings;
    return expand_unary(context, "LeakyRelu", EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->alpha)), error);
}

static int expand_pool(struct expand_context *context, const char *op_type, struct error *error)
{
    const struct pool_layout_settings *settings = context->node->settings;
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES];
    int count = expansion_attributes(context, op_type, attributes);
    return settings->channels_last ? expand_channels_last(context, op_type, attributes, count, error)
                                   : expand_unary(context, op_type, attributes, count, error);
}

static int expand_average_pool(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "AveragePool", error);
}

static int expand_global_average_pool(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "GlobalAveragePool", error);
}

static int expand_mean(struct expand_context *context, struct error *error)
{
    const struct mean_settings *settings = context->node->settings;
    struct value *x = emit_dequantized_input(context, 0, error), *axes = NULL;
    if (x && settings->axes.count > 0)
        axes = emit_int_list(context->graph, settings->axes.values, settings->axes.count, error);
    struct value *y = x && (axes || settings->axes.count == 0)
                          ? emit(context->graph, "ReduceMean", EMIT_INPUTS(x, axes),
                                 EMIT_ATTRIBUTES(EMIT_INT("keepdims", settings->keepdims)), error)
                          : NULL;
    return quantized_write(context, y, 3, 0, error);
}

/* condition, x and its quantum, y and its quantum, the result's */
static int expand_where(struct expand_context *context, struct error *error)
{
    struct value *x = emit_dequantized_input(context, 1, error);
    struct value *y = x ? emit_dequantized_input(context, 4, error) : NULL;
    struct value *chosen = emit_where(context->graph, context->inputs[0], x, y, error);
    return quantized_write(context, chosen, 7, 1, error);
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
    const struct number_settings *settings = context->node->settings;
    int64_t axis = settings->axis;
    struct value *x = emit_dequantized_input(context, 0, error), *y = NULL;
    if (x)
        y = settings->opset < 13
                ? emit_flat_softmax(context->graph, x, axis, error)
                : emit(context->graph, "Softmax", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), error);
    return quantized_write(context, y, 3, 0, error);
}

/* Scale and zero point of the output come first, then three inputs a tensor. */
static int expand_concat(struct expand_context *context, struct error *error)
{
    const struct number_settings *settings = context->node->settings;
    struct memory *memory = context->graph->context->memory;
    int count = (context->input_count - 2) / 3;
    if (2 + 3 * count != context->input_count)
        return error_set(error, ERROR_INPUT, "a tensor has no scale or no zero point");
    struct value **parts = memory_allocate(memory, (size_t)count + 1, sizeof(struct value *), error), *y = NULL;
    bool complete = parts != NULL;
    for (int i = 0; complete && i < count; i++)
        complete = (parts[i] = emit_dequantized_input(context, 2 + 3 * i, error)) != NULL;
    if (complete)
        y = emit(context->graph, "Concat", parts, count, EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis)), error);
    memory_release(memory, parts);
    return quantized_write(context, y, 0, 2, error);
}

#define QUANTIZED(name_, min_, max_, types_, expand_, traits_, ...)                                                    \
    .domain = "com.microsoft", .name = name_, .since = 1, ARITY(min_, max_, 1, 1), .types = types_,                    \
    .traits = OPERATOR_STRAIGHT_THROUGH | (traits_), .roles = {__VA_ARGS__}, .infer = expansion_infer,                 \
    .compute = expansion_compute, .expand = expand_
/* A tensor with its scale and zero point. */
#define WITH_QUANTUM(role_) role_, ROLE_QUANTUM, ROLE_QUANTUM

const struct operator_definition operators_microsoft_quantize[] = {
    {QUANTIZED("QLinearAdd", 2, 8, TYPES_BYTE, expand_add, OPERATOR_SUM, WITH_QUANTUM(ROLE_TERM),
               WITH_QUANTUM(ROLE_TERM))},
    {QUANTIZED("QLinearMul", 2, 8, TYPES_BYTE, expand_mul, OPERATOR_MULTIPLIES, WITH_QUANTUM(ROLE_FACTOR),
               WITH_QUANTUM(ROLE_FACTOR))},
    {QUANTIZED("QLinearSigmoid", 2, 5, TYPES_BYTE, expand_sigmoid, OPERATOR_ACTIVATION | OPERATOR_GATE,
               WITH_QUANTUM(ROLE_DATA))},
    {QUANTIZED("QLinearLeakyRelu", 2, 5, TYPES_BYTE, expand_leaky_relu, OPERATOR_ACTIVATION, WITH_QUANTUM(ROLE_DATA)),
     SETTINGS(struct number_settings, leaky_relu_attributes)},
    {QUANTIZED("QLinearSoftmax", 2, 5, TYPES_BYTE, expand_softmax, OPERATOR_SOFTMAX, WITH_QUANTUM(ROLE_DATA)),
     SETTINGS(struct number_settings, softmax_attributes)},
    {QUANTIZED("QLinearConcat", 5, -1, TYPE_BIT(DTYPE_FLOAT), expand_concat, OPERATOR_MOVES, ROLE_QUANTUM, ROLE_QUANTUM,
               WITH_QUANTUM(ROLE_DATA), WITH_QUANTUM(ROLE_DATA), WITH_QUANTUM(ROLE_DATA), ROLE_DATA),
     SETTINGS(struct number_settings, concat_attributes)},
    {QUANTIZED("QLinearAveragePool", 2, 5, TYPES_BYTE, expand_average_pool, OPERATOR_POOLS, WITH_QUANTUM(ROLE_DATA)),
     SETTINGS(struct pool_layout_settings, average_pool_attributes)},
    {QUANTIZED("QLinearGlobalAveragePool", 5, 5, TYPES_BYTE, expand_global_average_pool,
               OPERATOR_POOLS | OPERATOR_GLOBAL_POOL | OPERATOR_REDUCES, WITH_QUANTUM(ROLE_DATA)),
     SETTINGS(struct pool_layout_settings, global_pool_attributes)},
    {QUANTIZED("QLinearReduceMean", 4, 5, TYPES_BYTE, expand_mean, OPERATOR_REDUCES, WITH_QUANTUM(ROLE_DATA)),
     SETTINGS(struct mean_settings, mean_attributes)},
    {QUANTIZED("QLinearWhere", 8, 9, TYPE_BIT(DTYPE_BOOL), expand_where, OPERATOR_SELECTS, ROLE_MASK,
               WITH_QUANTUM(ROLE_CHOICE), WITH_QUANTUM(ROLE_CHOICE))},
    {0},
};
