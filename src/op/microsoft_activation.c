/* com.microsoft: Gelu, BiasGelu, FastGelu, QuickGelu, as ONNX Runtime's optimiser writes them. */
#include "op/expansion.h"
#include "op/families.h"

struct quick_gelu_settings {
    float alpha;
};

static const struct attribute_rule quick_gelu_attributes[] = {
    {FLOAT_ATTRIBUTE(struct quick_gelu_settings, alpha, 1.702f)},
    {0},
};

static struct value *with_bias(struct expand_context *context, struct error *error)
{
    struct value *bias = expansion_input(context, 1);
    return bias ? emit(context->graph, "Add", EMIT_INPUTS(context->inputs[0], bias), EMIT_NO_ATTRIBUTES, error)
                : context->inputs[0];
}

static int expand_gelu(struct expand_context *context, const char *approximate, struct error *error)
{
    struct value *x = with_bias(context, error);
    context->outputs[0] = x ? emit(context->graph, "Gelu", EMIT_INPUTS(x),
                                   EMIT_ATTRIBUTES(EMIT_STRING("approximate", approximate)), error)
                            : NULL;
    return context->outputs[0] ? 0 : -1;
}

static int expand_gelu_erf(struct expand_context *context, struct error *error)
{
    return expand_gelu(context, "none", error);
}

static int expand_gelu_tanh(struct expand_context *context, struct error *error)
{
    return expand_gelu(context, "tanh", error);
}

/* x sigmoid(alpha x) */
static int expand_quick_gelu(struct expand_context *context, struct error *error)
{
    const struct quick_gelu_settings *settings = context->node->settings;
    context->outputs[0] = emit(context->graph, "Swish", EMIT_INPUTS(context->inputs[0]),
                               EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->alpha)), error);
    return context->outputs[0] ? 0 : -1;
}

#define ACTIVATION(name_, min_inputs_, max_inputs_, expand_)                                                           \
    .domain = "com.microsoft", .name = name_, .since = 1, ARITY(min_inputs_, max_inputs_, 1, 1), .types = TYPES_FLOAT, \
    .traits = OPERATOR_POINTWISE | OPERATOR_ACTIVATION, .roles = {ROLE_DATA, ROLE_SHIFT}, .infer = expansion_infer,    \
    .compute = expansion_compute, .expand = expand_

const struct operator_definition operators_microsoft_activation[] = {
    {ACTIVATION("Gelu", 1, 1, expand_gelu_erf)},
    {ACTIVATION("BiasGelu", 2, 2, expand_gelu_erf)},
    {ACTIVATION("FastGelu", 1, 2, expand_gelu_tanh)},
    {ACTIVATION("QuickGelu", 1, 1, expand_quick_gelu), SETTINGS(struct quick_gelu_settings, quick_gelu_attributes)},
    {0},
};
