/* com.microsoft: DynamicQuantizeMatMul and MatMulIntegerToFloat, into which ONNX Runtime joins what its dynamic
 * quantisation writes; QLinearConv and NhwcMaxPool, which it writes for maps [N,H,W,C]. */
#include "op/convolution.h"
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/pooling.h"
#include "op/quantize_emit.h"
#include "op/registry.h"

/* (A - a_zero) (B - b_zero) a_scale b_scale + bias */
static struct value *emit_scaled(struct graph *graph, struct value *const operands[2], struct value *const zeros[2],
                                 struct value *const scales[2], struct value *bias, struct error *error)
{
    struct value *product = emit(graph, "MatMulInteger", EMIT_INPUTS(operands[0], operands[1], zeros[0], zeros[1]),
                                 EMIT_NO_ATTRIBUTES, error);
    struct value *scale = emit_two(graph, "Mul", scales[0], scales[1], error);
    struct value *y = emit_two(graph, "Mul", emit_cast(graph, product, DTYPE_FLOAT, error), scale, error);
    return bias ? emit_two(graph, "Add", y, bias, error) : y;
}

static int expand_dynamic(struct expand_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *made[3] = {NULL};
    if (!context->inputs[2])
        return error_set(error, ERROR_INPUT, "the scale of the second operand is missing");
    if (emit_many(graph, "DynamicQuantizeLinear", EMIT_INPUTS(context->inputs[0]), EMIT_NO_ATTRIBUTES, made, 3, error))
        return -1;
    return expansion_give(context, 0,
                          emit_scaled(graph, (struct value *[]){made[0], context->inputs[1]},
                                      (struct value *[]){made[2], expansion_input(context, 3)},
                                      (struct value *[]){made[1], context->inputs[2]}, expansion_input(context, 4),
                                      error));
}

static int expand_to_float(struct expand_context *context, struct error *error)
{
    if (!context->inputs[2] || !context->inputs[3])
        return error_set(error, ERROR_INPUT, "a scale is missing");
    return expansion_give(context, 0,
                          emit_scaled(context->graph, context->inputs,
                                      (struct value *[]){expansion_input(context, 4), expansion_input(context, 5)},
                                      context->inputs + 2, expansion_input(context, 6), error));
}

/* ---- maps with channels last ---- */

#define MOST_INPUTS 9

struct layout_settings {
    struct conv_settings conv;
    bool channels_last;
};
static const struct attribute_rule conv_attributes[] = {
    CONV_ATTRIBUTES,
    {FLAG_ATTRIBUTE(struct layout_settings, channels_last, 0)},
    {0},
};
/* Expands as `as` does with the maps (inputs whose bit is set, and the output) in the order of axes that it knows. */
static int expand_turned(struct expand_context *context, const struct operator_definition *as, unsigned maps,
                         struct error *error)
{
    struct value *inputs[MOST_INPUTS] = {NULL}, *made[1] = {NULL};
    for (int i = 0; i < context->input_count && i < MOST_INPUTS; i++) {
        inputs[i] = context->inputs[i];
        if (inputs[i] && maps >> i & 1 && !(inputs[i] = emit_channels_second(context->graph, inputs[i], error)))
            return -1;
    }
    struct expand_context turned = *context;
    turned.inputs = inputs;
    turned.outputs = made;
    return as->expand(&turned, error) ? -1
                                      : expansion_give(context, 0, emit_channels_last(context->graph, made[0], error));
}

static int expand_conv(struct expand_context *context, struct error *error)
{
    const struct layout_settings *settings = context->node->settings;
    const struct operator_definition *as = operator_find("", "QLinearConv", OPSET_NEWEST);
    return settings->channels_last ? expand_turned(context, as, 1, error) : as->expand(context, error);
}

static int expand_pool(struct expand_context *context, struct error *error)
{
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES];
    int count = expansion_attributes(context, "MaxPool", attributes);
    struct value *x = emit_channels_second(context->graph, context->inputs[0], error);
    struct value *y = x ? emit(context->graph, "MaxPool", EMIT_INPUTS(x), attributes, count, error) : NULL;
    return expansion_give(context, 0, emit_channels_last(context->graph, y, error));
}

static const struct attribute_rule pool_attributes[] = {
    WINDOW_ATTRIBUTES(true, 0),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false)},
    {0},
};

#define MICROSOFT(name_, least_, most_, types_, expand_, traits_, ...)                                                 \
    .domain = "com.microsoft", .name = name_, .since = 1, ARITY(least_, most_, 1, 1), .types = types_,                 \
    .traits = traits_, .roles = {__VA_ARGS__}, .infer = expansion_infer, .compute = expansion_compute,                 \
    .expand = expand_
#define QUANTIZED_PRODUCT (OPERATOR_STRAIGHT_THROUGH | OPERATOR_PRODUCT)
#define FIRST_ROLES ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM

const struct operator_definition operators_microsoft_integer[] = {
    {MICROSOFT("DynamicQuantizeMatMul", 3, 5, TYPE_BIT(DTYPE_FLOAT), expand_dynamic,
               QUANTIZED_PRODUCT | OPERATOR_MATRIX, ROLE_WEIGHT, ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_SHIFT)},
    {MICROSOFT("MatMulIntegerToFloat", 4, 7, TYPES_BYTE, expand_to_float, QUANTIZED_PRODUCT | OPERATOR_MATRIX,
               ROLE_WEIGHT, ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_SHIFT)},
    {MICROSOFT("QLinearConv", 8, 9, TYPES_BYTE, expand_conv, QUANTIZED_PRODUCT | OPERATOR_CONVOLUTION, FIRST_ROLES,
               ROLE_QUANTUM, ROLE_QUANTUM, ROLE_SHIFT),
     SETTINGS(struct layout_settings, conv_attributes)},
    {MICROSOFT("NhwcMaxPool", 1, 1, TYPES_BYTE, expand_pool, OPERATOR_POOLS | OPERATOR_STRAIGHT_THROUGH, ROLE_DATA),
     SETTINGS(struct pool_settings, pool_attributes)},
    {0},
};
