/* CausalConvWithState (ONNX 27): a depthwise convolution [batch, channels, length] that sees the past alone, in parts
 * of a sequence: the last cells of one are the state of the next. Made of Concat or Pad, Conv, Slice and Swish. */
#include "op/expansion.h"
#include "op/families.h"
#include "op/operand.h"

enum { INPUT, WEIGHT, BIAS, PAST };

enum causal_activation { CAUSAL_NONE, CAUSAL_SILU, CAUSAL_SWISH };
struct causal_settings {
    enum causal_activation activation;
};

static const char *const activations[] = {"none", "silu", "swish", NULL};
static const struct attribute_rule attributes[] = {
    {WORD_ATTRIBUTE(struct causal_settings, activation, CAUSAL_NONE, activations)},
    {0},
};

static int infer_causal(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[INPUT]->shape, *w = &context->inputs[WEIGHT]->shape;
    char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
    if (operand_types(context, 1, error))
        return -1;
    if (x->rank != 3 || w->rank != 3 || w->dims[0] != x->dims[1] || w->dims[1] != 1 || w->dims[2] < 1)
        return error_set(error, ERROR_INPUT,
                         "the input must be [batch, channels, length], the weights [channels, 1, k], not %s and %s",
                         shape_text(x, text), shape_text(w, other));
    const struct shape state = {.rank = 3, .dims = {x->dims[0], x->dims[1], w->dims[2] - 1}};
    if (infer_has(context, PAST) && !shape_equal(&context->inputs[PAST]->shape, &state))
        return error_set(error, ERROR_INPUT, "the state is %s, expected %s",
                         shape_text(&context->inputs[PAST]->shape, text), shape_text(&state, other));
    if (operand_vector(context, BIAS, x->dims[1], error))
        return -1;
    return infer_output(context, 0, context->inputs[INPUT]->dtype, 3, x->dims, error) ||
                   infer_output(context, 1, context->inputs[INPUT]->dtype, 3, state.dims, error)
               ? -1
               : 0;
}

/* The input behind its past, which is zeros where there is none. */
static struct value *emit_sequence(struct expand_context *context, int64_t past_length, struct error *error)
{
    struct value *x = context->inputs[INPUT], *past = expansion_input(context, PAST);
    const int64_t pads[6] = {0, 0, past_length, 0, 0, 0};
    if (past_length == 0)
        return x;
    if (past)
        return emit(context->graph, "Concat", EMIT_INPUTS(past, x), EMIT_ATTRIBUTES(EMIT_INT("axis", 2)), error);
    struct value *list = emit_int_list(context->graph, pads, 6, error);
    return list ? emit(context->graph, "Pad", EMIT_INPUTS(x, list), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int expand_causal(struct expand_context *context, struct error *error)
{
    const struct causal_settings *settings = context->node->settings;
    struct value *weight = context->inputs[WEIGHT];
    int64_t length = context->inputs[INPUT]->shape.dims[2], past_length = weight->shape.dims[2] - 1;
    struct value *sequence = emit_sequence(context, past_length, error);
    if (!sequence)
        return -1;
    struct value *y = emit(context->graph, "Conv", EMIT_INPUTS(sequence, weight, expansion_input(context, BIAS)),
                           EMIT_ATTRIBUTES(EMIT_INT("group", weight->shape.dims[0])), error);
    if (y && settings->activation != CAUSAL_NONE)
        y = emit(context->graph, "Swish", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, error);
    context->outputs[0] = y;
    if (y && expansion_wants(context, 1))
        context->outputs[1] = emit_slice(context->graph, sequence, 2, length, length + past_length, error);
    return y && (!expansion_wants(context, 1) || context->outputs[1]) ? 0 : -1;
}

const struct operator_definition operators_causal_convolution[] = {
    {.domain = "",
     .name = "CausalConvWithState",
     .since = 27,
     ARITY(2, 4, 1, 2),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_DATA},
     SETTINGS(struct causal_settings, attributes),
     .infer = infer_causal,
     .compute = expansion_compute,
     .expand = expand_causal},
    {0},
};
