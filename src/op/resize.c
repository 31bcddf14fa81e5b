/* Resize (ONNX 10, 11, 13, 18, 19) and Upsample (7, 9): one pass per axis; the gradient runs the passes transposed. */
#include "op/resize.h"

#include <string.h>

#include "base/number.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", NULL};
static const char *const transforms[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                         "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};

#define RESIZE_WORD(field_, default_, words_) WORD_ATTRIBUTE(struct resize_settings, field_, default_, words_)
#define RESIZE_ATTRIBUTES                                                                                              \
    {RESIZE_WORD(mode, WORD_NEAREST, modes)},                                                                          \
        {RESIZE_WORD(coordinate_transformation_mode, RESIZE_HALF_PIXEL, transforms), .since = 11},                     \
        {RESIZE_WORD(nearest_mode, RESIZE_ROUND_PREFER_FLOOR, roundings), .since = 11},                                \
        {RESIZE_WORD(keep_aspect_ratio_policy, POLICY_STRETCH, policies), .since = 18},                                \
        {FLOAT_ATTRIBUTE(struct resize_settings, cubic_coeff_a, -0.75f), .since = 11},                                 \
        {FLOAT_ATTRIBUTE(struct resize_settings, extrapolation_value, 0), .since = 11},                                \
        {FLAG_ATTRIBUTE(struct resize_settings, exclude_outside, 0), .since = 11},                                     \
        {FLAG_ATTRIBUTE(struct resize_settings, antialias, 0), .since = 18},                                           \
        {FLAG_ATTRIBUTE(struct resize_settings, whole_lengths, 0)}, {INTS_ATTRIBUTE(struct resize_settings, part)},    \
    {                                                                                                                  \
        INTS_ATTRIBUTE(struct resize_settings, axes), .since = 18                                                      \
    }

const struct attribute_rule resize_attributes[] = {
    RESIZE_ATTRIBUTES,
    {FLOATS_ATTRIBUTE(struct resize_settings, scales), .until = 8, .required = true},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    RESIZE_ATTRIBUTES,
    {INTS_ATTRIBUTE(struct resize_settings, input_shape), .required = true},
    {FLAG_ATTRIBUTE(struct resize_settings, simple, 0)},
    {0},
};

/* ---- forward ---- */

static int infer_resize(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[RESIZE_X];
    struct resize_operands operands = resize_operands(context->node, context->inputs, context->input_count);
    struct resize resize;
    if (resize_read(context->node, &x->shape, &operands, &resize, error))
        return -1;
    enum dtype storage = dtype_storage(x->dtype);
    if (resize.mode != RESIZE_NEAREST && storage != DTYPE_FLOAT && storage != DTYPE_DOUBLE)
        return error_set(error, ERROR_UNSUPPORTED, "interpolation of %s is not supported", dtype_name(x->dtype));
    if (resize.transform == RESIZE_TF_CROP_AND_RESIZE && storage != DTYPE_FLOAT && storage != DTYPE_DOUBLE)
        return error_set(error, ERROR_UNSUPPORTED, "tf_crop_and_resize of %s is not supported", dtype_name(x->dtype));
    int64_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < resize.rank; i++)
        dims[i] = resize.axes[i].made;
    return infer_output(context, 0, x->dtype, resize.rank, dims, error);
}

static size_t scratch_bytes(const struct compute_context *context, const struct shape *x)
{
    struct resize_operands operands = resize_operands(context->node, context->inputs, context->input_count);
    struct resize resize;
    return resize_read(context->node, x, &operands, &resize, NULL)
               ? 0
               : resize_scratch(&resize, dtype_storage(context->inputs[0]->dtype));
}

static size_t scratch_resize(const struct compute_context *context)
{
    return scratch_bytes(context, &context->inputs[RESIZE_X]->shape);
}

/* Cells whose coordinate lies outside the input along any axis. */
static void extrapolate(const struct resize *resize, struct tensor *y)
{
    for (int i = 0; i < resize->rank; i++) {
        const struct resize_axis *axis = &resize->axes[i];
        int64_t outer = shape_product(&y->shape, 0, i), inner = shape_product(&y->shape, i + 1, y->shape.rank);
        for (int64_t j = 0; j < axis->made; j++) {
            if (!axis->active || !resize_outside(resize, axis, axis->made_first + j))
                continue;
            for (int64_t k = 0; k < outer * inner; k++) {
                int64_t at = (k / inner * axis->made + j) * inner + k % inner;
                if (dtype_storage(y->dtype) == DTYPE_DOUBLE)
                    ((double *)y->data)[at] = (double)resize->extrapolation;
                else
                    ((float *)y->data)[at] = resize->extrapolation;
            }
        }
    }
}

static int compute_resize(struct compute_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[RESIZE_X];
    struct tensor *y = context->outputs[0];
    struct resize_operands operands = resize_operands(context->node, context->inputs, context->input_count);
    struct resize resize;
    if (resize_read(context->node, &x->shape, &operands, &resize, error))
        return -1;
    resize_run(context, &resize, false, x->data, y->data);
    if (resize.transform == RESIZE_TF_CROP_AND_RESIZE)
        extrapolate(&resize, y);
    return 0;
}

/* ---- gradient ---- */

/* Upsample 7 holds its scales in an attribute. */
static struct value *emit_scales(struct graph *graph, const struct node *node, struct error *error)
{
    const struct resize_settings *settings = node->settings;
    struct tensor tensor = {.dtype = DTYPE_FLOAT};
    int64_t dims[1] = {settings->scales.count};
    struct memory *memory = graph->context->memory;
    if (shape_set(&tensor.shape, 1, dims, error) || tensor_allocate(memory, &tensor, error))
        return NULL;
    if (settings->scales.count > 0)
        memcpy(tensor.data, settings->scales.values, (size_t)settings->scales.count * sizeof(float));
    struct constant *constant = constant_create(memory, &tensor, error);
    return constant ? graph_add_constant(graph, constant, error) : NULL;
}

static int gradient_resize(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct resize_settings *settings = node->settings;
    const struct shape *x = &node->inputs[RESIZE_X]->shape;
    if (!context->output_gradients[0] || !context->wanted[RESIZE_X])
        return 0;
    struct value *inputs[4] = {context->output_gradients[0]};
    bool simple = resize_is_simple(node);
    if (simple) {
        inputs[RESIZE_SCALES] = node->input_count > 1 ? node->inputs[1] : emit_scales(context->graph, node, error);
        if (!inputs[RESIZE_SCALES])
            return -1;
    }
    for (int i = RESIZE_ROI; !simple && i < node->input_count && i <= RESIZE_SIZES; i++)
        inputs[i] = node->inputs[i];
    struct emit_attribute emitted[12] = {
        EMIT_INTS("input_shape", x->dims, x->rank),
        EMIT_INT("simple", simple),
        EMIT_STRING("mode", modes[settings->mode]),
        EMIT_STRING("coordinate_transformation_mode", transforms[settings->coordinate_transformation_mode]),
        EMIT_STRING("nearest_mode", roundings[settings->nearest_mode]),
        EMIT_STRING("keep_aspect_ratio_policy", policies[settings->keep_aspect_ratio_policy]),
        EMIT_FLOAT("cubic_coeff_a", settings->cubic_coeff_a),
        EMIT_INT("exclude_outside", settings->exclude_outside),
        EMIT_INT("antialias", settings->antialias),
        EMIT_INT("whole_lengths", settings->whole_lengths),
    };
    int count = 10;
    if (settings->axes.values)
        emitted[count++] = EMIT_INTS("axes", settings->axes.values, settings->axes.count);
    if (settings->part.values)
        emitted[count++] = EMIT_INTS("part", settings->part.values, settings->part.count);
    context->input_gradients[RESIZE_X] = emit(context->graph, "ResizeGradient", inputs, 4, emitted, count, error);
    return context->input_gradients[RESIZE_X] ? 0 : -1;
}

static int read_gradient(const struct node *node, const struct tensor *const *inputs, int count, struct shape *x,
                         struct resize *resize, struct error *error)
{
    const struct resize_settings *settings = node->settings;
    struct resize_operands operands = resize_operands(node, inputs, count);
    if (shape_set(x, settings->input_shape.count, settings->input_shape.values, error) ||
        resize_read(node, x, &operands, resize, error))
        return -1;
    const struct shape *dy = &inputs[0]->shape;
    bool fits = dy->rank == x->rank;
    for (int i = 0; fits && i < x->rank; i++)
        fits = dy->dims[i] == resize->axes[i].made;
    return fits ? 0 : error_set(error, ERROR_INPUT, "the output gradient does not fit");
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    struct shape x;
    struct resize resize;
    if (read_gradient(context->node, context->inputs, context->input_count, &x, &resize, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, x.rank, x.dims, error);
}

static size_t scratch_gradient(const struct compute_context *context)
{
    const struct resize_settings *settings = context->node->settings;
    struct shape x;
    return shape_set(&x, settings->input_shape.count, settings->input_shape.values, NULL) ? 0
                                                                                          : scratch_bytes(context, &x);
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct shape x;
    struct resize resize;
    if (read_gradient(context->node, context->inputs, context->input_count, &x, &resize, error))
        return -1;
    resize_run(context, &resize, true, context->inputs[0]->data, context->outputs[0]->data);
    return 0;
}

static int field_resize(struct field_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[RESIZE_X];
    int count = context->node->input_count;
    struct resize_operands operands = resize_operands(context->node, context->inputs, count);
    struct resize resize;
    if (context->input != RESIZE_X) {
        field_full(context);
        return 0;
    }
    if (resize_read(context->node, &x->shape, &operands, &resize, error))
        return -1;
    for (int i = 0; i < resize.rank; i++) {
        context->reads[i].low = resize_reach(&resize, &resize.axes[i], context->cells[i].low).low;
        context->reads[i].high = resize_reach(&resize, &resize.axes[i], context->cells[i].high).high;
    }
    return 0;
}

/* A box of places, of the box that they read. */
static int confine_resize(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct known_inputs known;
    struct resize resize;
    int64_t part[4 * SHAPE_MAX_RANK];
    if (known_inputs_read(&known, node, error))
        return -1;
    struct resize_operands operands = resize_operands(node, known.pointers, node->input_count);
    if (resize_read(node, &node->inputs[RESIZE_X]->shape, &operands, &resize, error))
        return -1;
    for (int i = 0; i < resize.rank; i++) {
        const struct resize_axis *axis = &resize.axes[i];
        struct interval cells = context->cells[i];
        struct interval low = resize_reach(&resize, axis, cells.low), high = resize_reach(&resize, axis, cells.high);
        context->reads[RESIZE_X][i].low = int64_clamp(int64_min(low.low, high.low), 0, axis->input - 1);
        context->reads[RESIZE_X][i].high = int64_clamp(int64_max(low.high, high.high), 0, axis->input - 1);
        part[4 * i] = axis->input;
        part[4 * i + 1] = context->reads[RESIZE_X][i].low;
        part[4 * i + 2] = cells.low;
        part[4 * i + 3] = cells.high - cells.low + 1;
    }
    return context->part ? node_set_ints(context->part, "part", part, 4 * resize.rank, error) : 0;
}

const struct operator_definition operators_resize[] = {
    {.domain = "",
     .name = "Upsample",
     .since = 7,
     .until = 9,
     ARITY(1, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_RESAMPLES,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct resize_settings, resize_attributes),
     .infer = infer_resize,
     .compute = compute_resize,
     .gradient = gradient_resize,
     .field = field_resize,
     .confine = confine_resize,
     .scratch = scratch_resize},
    {.domain = "",
     .name = "Resize",
     .since = 10,
     .until = 10,
     ARITY(2, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_RESAMPLES,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct resize_settings, resize_attributes),
     .infer = infer_resize,
     .compute = compute_resize,
     .gradient = gradient_resize,
     .field = field_resize,
     .confine = confine_resize,
     .scratch = scratch_resize},
    {.domain = "",
     .name = "Resize",
     .since = 11,
     ARITY(1, 4, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_RESAMPLES,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct resize_settings, resize_attributes),
     .infer = infer_resize,
     .compute = compute_resize,
     .gradient = gradient_resize,
     .field = field_resize,
     .confine = confine_resize,
     .scratch = scratch_resize},
    {.domain = DOMAIN_INTERNAL,
     .name = "ResizeGradient",
     .since = 1,
     ARITY(1, 4, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct resize_settings, gradient_attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
