/* Deformable convolutions as PyTorch's plugins export them, each a DeformConv: mmcv's and mmdeploy's MMCVDeformConv2d
 * and MMCVModulatedDeformConv2d (mmdeploy docs/en/06-custom-ops/onnxruntime.md), DCNv2 and _DCNv2 (the symbolics of
 * CharlesShang/DCNv2), TensorRT's ModulatedDeformConv2d (plugin/modulatedDeformConvPlugin). Offsets stand as y, x of
 * each tap, as DeformConv has them. */
#include "op/deformable_convolution.h"
#include "op/expansion_steps.h"
#include "op/families.h"

/* The exporters call one thing by several names. */
struct deformable_plugin_settings {
    struct ints stride, padding, dilation;
    int64_t groups, group, deform_groups, deformable_groups, deformable_group;
};
#define PLUGIN(field_) INT_ATTRIBUTE(struct deformable_plugin_settings, field_, 0)
static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct deformable_plugin_settings, stride)},
    {INTS_ATTRIBUTE(struct deformable_plugin_settings, padding)},
    {INTS_ATTRIBUTE(struct deformable_plugin_settings, dilation)},
    {PLUGIN(groups)},
    {PLUGIN(group)},
    {PLUGIN(deform_groups)},
    {PLUGIN(deformable_groups)},
    {PLUGIN(deformable_group)},
    {IGNORED_ATTRIBUTE("im2col_step")},
    {IGNORED_ATTRIBUTE("bias")},
    {IGNORED_ATTRIBUTE("name")},
    {IGNORED_ATTRIBUTE("info")},
    PLUGIN_ATTRIBUTES,
    {0},
};

/* One number for both axes, or one each; mmdeploy writes paddings twice: y, y, x, x. */
static int read_pair(struct ints list, const char *name, int64_t otherwise, int64_t pair[2], struct error *error)
{
    pair[0] = pair[1] = otherwise;
    if (list.count == 0)
        return 0;
    if (list.count > 4 || list.count == 3 ||
        (list.count == 4 && (list.values[0] != list.values[1] || list.values[2] != list.values[3])))
        return error_set(error, ERROR_UNSUPPORTED, "attribute %s must hold one number or one for each axis", name);
    pair[0] = list.values[0];
    pair[1] = list.values[list.count / 2];
    return 0;
}

static int64_t one_of(int64_t a, int64_t b, int64_t c)
{
    return a != 0 ? a : b != 0 ? b : c != 0 ? c : 1;
}

static int expand(struct expand_context *context, struct value *weights, struct value *mask, struct value *bias,
                  struct error *error)
{
    const struct deformable_plugin_settings *settings = context->node->settings;
    int64_t strides[2], padding[2], dilations[2];
    if (read_pair(settings->stride, "stride", 1, strides, error) ||
        read_pair(settings->padding, "padding", 0, padding, error) ||
        read_pair(settings->dilation, "dilation", 1, dilations, error))
        return -1;
    const int64_t pads[4] = {padding[0], padding[1], padding[0], padding[1]};
    struct value *y =
        emit(context->graph, "DeformConv", EMIT_INPUTS(context->inputs[0], weights, context->inputs[1], bias, mask),
             EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2), EMIT_INTS("pads", pads, 4),
                             EMIT_INTS("dilations", dilations, 2),
                             EMIT_INT("group", one_of(settings->groups, settings->group, 0)),
                             EMIT_INT("offset_group", one_of(settings->deform_groups, settings->deformable_groups,
                                                             settings->deformable_group))),
             error);
    return expansion_give(context, 0, y);
}

/* x, offset, mask, weights, bias */
static int expand_modulated(struct expand_context *context, struct error *error)
{
    return expand(context, context->inputs[3], context->inputs[2], expansion_input(context, 4), error);
}

/* x, offset, weights */
static int expand_plain(struct expand_context *context, struct error *error)
{
    return expand(context, context->inputs[2], NULL, NULL, error);
}

static int64_t macs(const struct infer_context *context, int weights)
{
    const struct shape *w = &context->inputs[weights]->shape, *y = &context->outputs[0].shape;
    return macs_product(shape_count(y), shape_product(w, 1, 4));
}

static int64_t macs_modulated(const struct infer_context *context)
{
    return macs(context, 3);
}

static int64_t macs_plain(const struct infer_context *context)
{
    return macs(context, 2);
}

#define DEFORMABLE(domain_, name_, least_, most_, expand_, macs_, ...)                                                 \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = 1, .any_domain = true, ARITY(least_, most_, 1, 1),                  \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION, .roles = {__VA_ARGS__},       \
        SETTINGS(struct deformable_plugin_settings, attributes), .infer = expansion_infer,                             \
        .compute = expansion_compute, .expand = expand_, .macs = macs_                                                 \
    }
#define MODULATED(domain_, name_)                                                                                      \
    DEFORMABLE(domain_, name_, 4, 5, expand_modulated, macs_modulated, ROLE_DATA, ROLE_INDICES, ROLE_FACTOR,           \
               ROLE_WEIGHT, ROLE_SHIFT)

const struct operator_definition operators_deformable_plugins[] = {
    MODULATED("mmdeploy", "MMCVModulatedDeformConv2d"),
    DEFORMABLE("mmdeploy", "MMCVDeformConv2d", 3, 3, expand_plain, macs_plain, ROLE_DATA, ROLE_INDICES, ROLE_WEIGHT),
    MODULATED("custom", "DCNv2"),
    MODULATED("custom", "_DCNv2"),
    MODULATED("TRT", "ModulatedDeformConv2d"),
    {0},
};
