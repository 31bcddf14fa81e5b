/* SwiGLU (ONNX 28; Shazeer, arXiv 2002.05202): Swish(A) B, made of both. */
#include "op/expansion.h"
#include "op/families.h"
#include "op/operand.h"

struct swiglu_settings {
    float alpha;
};

static const struct attribute_rule attributes[] = {
    {FLOAT_ATTRIBUTE(struct swiglu_settings, alpha, 1)},
    {0},
};

/* Nothing is broadcast. */
static int infer_swiglu(struct infer_context *context, struct error *error)
{
    if (operand_types(context, 1, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    return infer_same(context, error);
}

static int expand_swiglu(struct expand_context *context, struct error *error)
{
    const struct swiglu_settings *settings = context->node->settings;
    struct value *gate = emit(context->graph, "Swish", EMIT_INPUTS(context->inputs[0]),
                              EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->alpha)), error);
    context->outputs[0] =
        gate ? emit(context->graph, "Mul", EMIT_INPUTS(gate, context->inputs[1]), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->outputs[0] ? 0 : -1;
}

const struct operator_definition operators_swiglu[] = {
    {.domain = "",
     .name = "SwiGLU",
     .since = 28,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POINTWISE | OPERATOR_MULTIPLIES,
     .roles = {ROLE_FACTOR},
     SETTINGS(struct swiglu_settings, attributes),
     .infer = infer_swiglu,
     .compute = expansion_compute,
     .expand = expand_swiglu},
    {0},
};
