/* Layer normalisations as ONNX Runtime writes them: LayerNormalization and SimplifiedLayerNormalization (in its own
 * domain, or in ONNX's before opset 17), SkipLayerNormalization, SkipSimplifiedLayerNormalization. */
#include "op/expansion.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

static const struct attribute_rule layer_attributes[] = {
    {INT_ATTRIBUTE(struct normalization_settings, axis, -1)},
    {FLOAT_ATTRIBUTE(struct normalization_settings, epsilon, 1e-5f)},
    {IGNORED_ATTRIBUTE("stash_type")},
    {0},
};
static const struct attribute_rule skip_attributes[] = {
    {FLOAT_ATTRIBUTE(struct normalization_settings, epsilon, 1e-12f)},
    {0},
};

/* 1 / sqrt(mean of squares + epsilon) from the axis on. */
static struct value *emit_inverse_rms(struct graph *graph, struct value *x, int64_t axis, float epsilon,
                                      struct error *error)
{
    int64_t axes[SHAPE_MAX_RANK];
    int first, count = 0;
    if (shape_axis(axis, x->shape.rank, &first, error))
        return NULL;
    for (int i = first; i < x->shape.rank; i++)
        axes[count++] = i;
    struct value *list = emit_int_list(graph, axes, count, error),
                 *added = emit_number_like(graph, x, (double)epsilon, error);
    struct value *square = list && added ? emit(graph, "Mul", EMIT_INPUTS(x, x), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *mean =
        square ? emit(graph, "ReduceMean", EMIT_INPUTS(square, list), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *sum = mean ? emit(graph, "Add", EMIT_INPUTS(mean, added), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *root = sum ? emit(graph, "Sqrt", EMIT_INPUTS(sum), EMIT_NO_ATTRIBUTES, error) : NULL;
    return root ? emit(graph, "Reciprocal", EMIT_INPUTS(root), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int emit_centred(struct expand_context *context, struct value *x, struct value *scale, struct value *bias,
                        const struct normalization_settings *settings, struct error *error)
{
    struct value *results[3] = {NULL};
    int count = expansion_wants(context, 2) ? 3 : expansion_wants(context, 1) ? 2 : 1;
    if (emit_many(context->graph, "LayerNormalization", EMIT_INPUTS(x, scale, bias),
                  EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis), EMIT_FLOAT("epsilon", settings->epsilon)), results,
                  count, error))
        return -1;
    for (int i = 0; i < count; i++)
        context->outputs[i] = results[i];
    return 0;
}

/* `inverse`: the output that shows 1 / rms. */
static int emit_rms(struct expand_context *context, struct value *x, struct value *scale,
                    const struct normalization_settings *settings, int inverse, struct error *error)
{
    context->outputs[0] =
        emit(context->graph, "RMSNormalization", EMIT_INPUTS(x, scale),
             EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis), EMIT_FLOAT("epsilon", settings->epsilon)), error);
    if (context->outputs[0] && expansion_wants(context, inverse)) {
        context->outputs[inverse] = emit_inverse_rms(context->graph, x, settings->axis, settings->epsilon, error);
        return context->outputs[inverse] ? 0 : -1;
    }
    return context->outputs[0] ? 0 : -1;
}

static int expand_layer(struct expand_context *context, struct error *error)
{
    return emit_centred(context, context->inputs[0], context->inputs[1], expansion_input(context, 2),
                        context->node->settings, error);
}

static int expand_simplified(struct expand_context *context, struct error *error)
{
    return emit_rms(context, context->inputs[0], context->inputs[1], context->node->settings, 1, error);
}

/* input + skip + bias, which is output 3 as well. */
static struct value *emit_sum(struct expand_context *context, struct value *bias, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *sum =
        emit(graph, "Add", EMIT_INPUTS(context->inputs[0], context->inputs[1]), EMIT_NO_ATTRIBUTES, error);
    if (sum && bias)
        sum = emit(graph, "Add", EMIT_INPUTS(sum, bias), EMIT_NO_ATTRIBUTES, error);
    if (sum && expansion_wants(context, 3))
        context->outputs[3] = sum;
    return sum;
}

/* Over the last axis. */
static struct normalization_settings skip_settings(const struct node *node)
{
    const struct normalization_settings *settings = node->settings;
    return (struct normalization_settings){.axis = -1, .epsilon = settings->epsilon};
}

static int expand_skip(struct expand_context *context, struct error *error)
{
    const struct normalization_settings settings = skip_settings(context->node);
    struct value *sum = emit_sum(context, expansion_input(context, 4), error);
    return sum ? emit_centred(context, sum, context->inputs[2], expansion_input(context, 3), &settings, error) : -1;
}

static int expand_skip_simplified(struct expand_context *context, struct error *error)
{
    if (expansion_wants(context, 1))
        return error_set(error, ERROR_UNSUPPORTED, "the output of the mean is not supported");
    const struct normalization_settings settings = skip_settings(context->node);
    struct value *sum = emit_sum(context, expansion_input(context, 3), error);
    return sum ? emit_rms(context, sum, context->inputs[2], &settings, 2, error) : -1;
}

#define LAYER(domain_, name_, until_, max_inputs_, max_outputs_, expand_)                                              \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = 1, .until = until_, ARITY(2, max_inputs_, 1, max_outputs_),         \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_NORMALIZES | OPERATOR_NORMALIZES_ROWS,                        \
        .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT}, SETTINGS(struct normalization_settings, layer_attributes),       \
        .infer = expansion_infer, .compute = expansion_compute, .expand = expand_                                      \
    }
#define SKIP(name_, max_inputs_, expand_, ...)                                                                         \
    {                                                                                                                  \
        .domain = "com.microsoft", .name = name_, .since = 1, ARITY(3, max_inputs_, 1, 4),                             \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_NORMALIZES, .roles = {ROLE_TERM, ROLE_TERM, __VA_ARGS__},     \
        SETTINGS(struct normalization_settings, skip_attributes), .infer = expansion_infer,                            \
        .compute = expansion_compute, .expand = expand_                                                                \
    }

const struct operator_definition operators_microsoft_normalization[] = {
    LAYER("", "LayerNormalization", 16, 3, 3, expand_layer),
    LAYER("", "SimplifiedLayerNormalization", 0, 2, 2, expand_simplified),
    LAYER("com.microsoft", "LayerNormalization", 0, 3, 3, expand_layer),
    LAYER("com.microsoft", "SimplifiedLayerNormalization", 0, 2, 2, expand_simplified),
    SKIP("SkipLayerNormalization", 5, expand_skip, ROLE_SCALE, ROLE_SHIFT),
    SKIP("SkipSimplifiedLayerNormalization", 4, expand_skip_simplified, ROLE_SCALE, ROLE_SHIFT),
    {0},
};
