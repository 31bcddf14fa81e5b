/* TensorRT's InstanceNormalization_TRT and GroupNormalizationPlugin (their READMEs, NVIDIA/TensorRT plugin/),
 * mmdeploy's TRTInstanceNormalization and MMCVInstanceNormalization: the ONNX operators under other names. */
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

struct normalization_plugin_settings {
    float epsilon, eps, alpha;
    int64_t num_groups;
    bool relu;
};
static const struct attribute_rule instance_attributes[] = {
    {FLOAT_ATTRIBUTE(struct normalization_plugin_settings, epsilon, 1e-5f)},
    {FLAG_ATTRIBUTE(struct normalization_plugin_settings, relu, 0)},
    {FLOAT_ATTRIBUTE(struct normalization_plugin_settings, alpha, 0)},
    PLUGIN_ATTRIBUTES,
    {0},
};
static const struct attribute_rule group_attributes[] = {
    {FLOAT_ATTRIBUTE(struct normalization_plugin_settings, epsilon, 0)},
    {FLOAT_ATTRIBUTE(struct normalization_plugin_settings, eps, 0)},
    {INT_ATTRIBUTE(struct normalization_plugin_settings, num_groups, 0), .required = true},
    PLUGIN_ATTRIBUTES,
    {0},
};

static int expand_instance(struct expand_context *context, struct error *error)
{
    const struct normalization_plugin_settings *settings = context->node->settings;
    struct value *y = emit(context->graph, "InstanceNormalization",
                           EMIT_INPUTS(context->inputs[0], context->inputs[1], context->inputs[2]),
                           EMIT_ATTRIBUTES(EMIT_FLOAT("epsilon", settings->epsilon)), error);
    if (y && settings->relu)
        y = emit(context->graph, "LeakyRelu", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->alpha)),
                 error);
    return expansion_give(context, 0, y);
}

static int expand_group(struct expand_context *context, struct error *error)
{
    const struct normalization_plugin_settings *settings = context->node->settings;
    float epsilon = settings->eps > 0 ? settings->eps : settings->epsilon > 0 ? settings->epsilon : 1e-5f;
    return expansion_give(
        context, 0,
        emit(context->graph, "GroupNormalization",
             EMIT_INPUTS(context->inputs[0], context->inputs[1], context->inputs[2]),
             EMIT_ATTRIBUTES(EMIT_FLOAT("epsilon", epsilon), EMIT_INT("num_groups", settings->num_groups)), error));
}

#define NORMALIZATION(domain_, name_, attributes_, expand_)                                                            \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = 1, .any_domain = true, ARITY(3, 3, 1, 1),                           \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_NORMALIZES, .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT},     \
        SETTINGS(struct normalization_plugin_settings, attributes_), .infer = expansion_infer,                         \
        .compute = expansion_compute, .expand = expand_                                                                \
    }

const struct operator_definition operators_normalization_plugins[] = {
    NORMALIZATION("TRT", "InstanceNormalization_TRT", instance_attributes, expand_instance),
    NORMALIZATION("TRT", "GroupNormalizationPlugin", group_attributes, expand_group),
    NORMALIZATION("mmdeploy", "TRTInstanceNormalization", instance_attributes, expand_instance),
    NORMALIZATION("mmdeploy", "MMCVInstanceNormalization", instance_attributes, expand_instance),
    {0},
};
