/* ConvInputGradient and ConvWeightGradient: the two gradients of a convolution as operators, and the way to append
 * them. */
#include "op/convolution.h"

#include <string.h>

#include "op/emit.h"
#include "op/families.h"

struct conv_gradient_settings {
    struct conv_settings forward;
    struct ints input_shape, weight_shape;
    struct ints window; /* of ConvInputGradient: begin and end per spatial axis of dy, which is zero outside */
};

static const struct attribute_rule input_attributes[] = {
    CONV_ATTRIBUTES,
    {INTS_ATTRIBUTE(struct conv_gradient_settings, input_shape), .required = true},
    {INTS_ATTRIBUTE(struct conv_gradient_settings, window)},
    {0},
};
static const struct attribute_rule weight_attributes[] = {
    CONV_ATTRIBUTES,
    {INTS_ATTRIBUTE(struct conv_gradient_settings, weight_shape), .required = true},
    {0},
};

/* Geometry of the convolution whose gradient is taken. dy may be smaller than the windows that fit (ConvTranspose with
 * output padding): the cells behind it count as zero. */
static int read_gradient(const struct conv_gradient_settings *settings, const struct shape *x, const struct shape *w,
                         const struct shape *dy, struct convolution *convolution, struct error *error)
{
    struct spatial spatial;
    if (convolution_read(&settings->forward, x, w, &spatial, convolution, NULL, error))
        return -1;
    if (dy->rank != x->rank || dy->dims[0] != x->dims[0] || dy->dims[1] != w->dims[0])
        return error_set(error, ERROR_INPUT, "the output gradient does not fit the convolution");
    for (int i = 0; i < spatial.axes; i++) {
        int axis = spatial_axis(&spatial, i);
        if (dy->dims[2 + i] < 1 || dy->dims[2 + i] > convolution->output[axis])
            return error_set(error, ERROR_INPUT,
                             "the output gradient has %lld cells along spatial axis %d, at most %lld fit",
                             (long long)dy->dims[2 + i], i, (long long)convolution->output[axis]);
        convolution->output[axis] = dy->dims[2 + i];
    }
    return 0;
}

/* ---- input gradient ---- */

static int read_input_gradient(const struct conv_gradient_settings *settings, const struct tensor *const *inputs,
                               struct shape *x, struct convolution *convolution, struct error *error)
{
    if (shape_set(x, settings->input_shape.count, settings->input_shape.values, error))
        return -1;
    return read_gradient(settings, x, &inputs[1]->shape, &inputs[0]->shape, convolution, error);
}

/* False: none is set. */
static bool read_window(struct ints given, const struct convolution *convolution, struct window *window)
{
    const int64_t *cells = given.values;
    int axes = given.count / 2;
    if (!cells)
        return false;
    for (int i = 0; i < SPATIAL_AXES; i++) {
        int from = i - (SPATIAL_AXES - axes);
        window->begin[i] = from < 0 ? 0 : cells[from];
        window->end[i] = from < 0 ? convolution->output[i] : cells[axes + from];
    }
    return true;
}

static int infer_input_gradient(struct infer_context *context, struct error *error)
{
    const struct conv_gradient_settings *settings = context->node->settings;
    struct shape x;
    struct convolution convolution;
    if (read_input_gradient(settings, context->inputs, &x, &convolution, error) || operand_types(context, 1, error))
        return -1;
    struct window window;
    if (settings->window.values && settings->window.count != 2 * (x.rank - 2))
        return error_set(error, ERROR_INPUT, "attribute window must hold begin and end of every spatial axis");
    if (read_window(settings->window, &convolution, &window)) {
        for (int i = 0; i < SPATIAL_AXES; i++) {
            if (window.begin[i] < 0 || window.begin[i] >= window.end[i] || window.end[i] > convolution.output[i])
                return error_set(error, ERROR_INPUT, "attribute window lies outside the output gradient");
        }
    }
    return infer_output(context, 0, context->inputs[0]->dtype, x.rank, x.dims, error);
}

static struct convolution input_gradient_geometry(const struct compute_context *context)
{
    struct shape x;
    struct convolution convolution = {0};
    read_input_gradient(context->node->settings, context->inputs, &x, &convolution, NULL);
    convolution_choose(context, &convolution);
    return convolution;
}

static size_t scratch_input_gradient(const struct compute_context *context)
{
    struct convolution convolution = input_gradient_geometry(context);
    return convolution_input_gradient_scratch(&convolution, context->kernels, compute_threads(context),
                                              convolution_weights_constant(context));
}

static size_t packed_input_gradient(const struct compute_context *context)
{
    struct convolution convolution = input_gradient_geometry(context);
    return convolution_weights_known(context) ? convolution_input_gradient_packed_bytes(&convolution, context->kernels)
                                              : 0;
}

static void pack_input_gradient(const struct compute_context *context, void *packed)
{
    struct convolution convolution = input_gradient_geometry(context);
    convolution_input_gradient_pack(&convolution, context->kernels, context->inputs[1]->data, packed);
}

static const char *method_input_gradient(const struct compute_context *context)
{
    struct convolution convolution = input_gradient_geometry(context);
    return convolution_input_gradient_method(&convolution, context->kernels);
}

static int compute_input_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct conv_gradient_settings *settings = context->node->settings;
    struct convolution convolution = input_gradient_geometry(context);
    struct convolution_weights weights = {context->inputs[1]->data, context->packed};
    struct window window;
    bool restricted = read_window(settings->window, &convolution, &window);
    convolution_input_gradient(&convolution, context->kernels, context->pool, context->inputs[0]->data, &weights,
                               restricted ? &window : NULL, context->outputs[0]->data, context->scratch);
    return 0;
}

static int64_t macs_input_gradient(const struct infer_context *context)
{
    const struct shape *dy = &context->inputs[0]->shape, *w = &context->inputs[1]->shape;
    return macs_product(shape_count(dy), shape_product(w, 1, w->rank));
}

/* ---- weight gradient ---- */

static int read_weight_gradient(const struct conv_gradient_settings *settings, const struct tensor *const *inputs,
                                struct shape *w, struct convolution *convolution, struct error *error)
{
    if (shape_set(w, settings->weight_shape.count, settings->weight_shape.values, error))
        return -1;
    return read_gradient(settings, &inputs[0]->shape, w, &inputs[1]->shape, convolution, error);
}

static int infer_weight_gradient(struct infer_context *context, struct error *error)
{
    struct shape w;
    struct convolution convolution;
    if (read_weight_gradient(context->node->settings, context->inputs, &w, &convolution, error) ||
        operand_types(context, 1, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, w.rank, w.dims, error);
}

static struct convolution weight_gradient_geometry(const struct compute_context *context)
{
    struct shape w;
    struct convolution convolution = {0};
    read_weight_gradient(context->node->settings, context->inputs, &w, &convolution, NULL);
    convolution_choose(context, &convolution);
    return convolution;
}

static size_t scratch_weight_gradient(const struct compute_context *context)
{
    struct convolution convolution = weight_gradient_geometry(context);
    return convolution_weight_gradient_scratch(&convolution, context->kernels, compute_threads(context));
}

static const char *method_weight_gradient(const struct compute_context *context)
{
    struct convolution convolution = weight_gradient_geometry(context);
    return convolution_weight_gradient_method(&convolution, context->kernels);
}

static int compute_weight_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct convolution convolution = weight_gradient_geometry(context);
    convolution_weight_gradient(&convolution, context->kernels, context->pool, context->inputs[0]->data,
                                context->inputs[1]->data, context->outputs[0]->data, context->scratch);
    return 0;
}

static int64_t macs_weight_gradient(const struct infer_context *context)
{
    struct shape w;
    struct convolution convolution;
    if (read_weight_gradient(context->node->settings, context->inputs, &w, &convolution, NULL))
        return 0;
    return macs_product(shape_count(&context->inputs[1]->shape), shape_product(&w, 1, w.rank));
}

/* ---- appending ---- */

struct value *emit_convolution(struct graph *graph, const char *op_type, const struct spatial *spatial, int64_t groups,
                               struct value *a, struct value *b, const char *shape_name, const struct shape *shape,
                               struct error *error)
{
    struct spatial_lists lists;
    struct emit_attribute attributes[SPATIAL_ATTRIBUTES + 2];
    spatial_attributes(spatial, &lists, attributes);
    attributes[SPATIAL_ATTRIBUTES] = EMIT_INT("group", groups);
    if (shape)
        attributes[SPATIAL_ATTRIBUTES + 1] = EMIT_INTS(shape_name, shape->dims, shape->rank);
    return emit(graph, op_type, EMIT_INPUTS(a, b), attributes, SPATIAL_ATTRIBUTES + 1 + (shape != NULL), error);
}

struct value *emit_convolution_input_gradient(struct graph *graph, const struct spatial *spatial, int64_t groups,
                                              struct value *dy, struct value *w, const struct shape *x,
                                              struct error *error)
{
    return emit_convolution(graph, "ConvInputGradient", spatial, groups, dy, w, "input_shape", x, error);
}

struct value *emit_convolution_weight_gradient(struct graph *graph, const struct spatial *spatial, int64_t groups,
                                               struct value *x, struct value *dy, const struct shape *w,
                                               struct error *error)
{
    return emit_convolution(graph, "ConvWeightGradient", spatial, groups, x, dy, "weight_shape", w, error);
}

/* [out, in, ...] summed over `in`, in the order of the channels. */
static struct value *sum_weights(struct graph *graph, const struct value *w, struct error *error)
{
    const struct tensor *from = constant_data(w->constant, error);
    struct shape shape = w->shape;
    shape.dims[1] = 1;
    struct value *sum = from ? emit_filled(graph, w->dtype, &shape, 0, error) : NULL;
    int64_t taps = shape_product(&shape, 2, shape.rank), inputs = w->shape.dims[1];
    for (int64_t i = 0; sum && i < shape.dims[0] * taps; i++) {
        double total = 0;
        for (int64_t channel = 0; channel < inputs; channel++)
            total += tensor_number(from, (i / taps * inputs + channel) * taps + i % taps);
        tensor_set_number(&sum->constant->tensor, i, total);
    }
    return sum;
}

int emit_pixel_sum(struct graph *graph, struct value **gradient, struct error *error)
{
    const struct node *node = (*gradient)->producer;
    struct shape x = (*gradient)->shape;
    struct spatial spatial;
    struct convolution convolution;
    if (!node || strcmp(node->op_type, "ConvInputGradient") != 0 || !node->inputs[1]->constant || x.dims[1] == 1)
        return 0;
    const struct conv_gradient_settings *settings = node->settings;
    if (settings->forward.group != 1 || settings->window.values)
        return 0;
    if (convolution_read(&settings->forward, &x, &node->inputs[1]->shape, &spatial, &convolution, NULL, error))
        return -1;
    struct value *w = sum_weights(graph, node->inputs[1], error);
    x.dims[1] = 1;
    *gradient = w ? emit_convolution_input_gradient(graph, &spatial, 1, node->inputs[0], w, &x, error) : NULL;
    return *gradient ? 1 : -1;
}

struct value *emit_channel_sum(struct graph *graph, struct value *dy, struct error *error)
{
    int64_t axes[SHAPE_MAX_RANK];
    int count = 0;
    for (int i = 0; i < dy->shape.rank; i++) {
        if (i != 1)
            axes[count++] = i;
    }
    struct value *list = emit_int_list(graph, axes, count, error);
    return list ? emit(graph, "ReduceSum", EMIT_INPUTS(dy, list), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error)
                : NULL;
}

const struct operator_definition operators_convolution_gradient[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "ConvInputGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT},
     SETTINGS(struct conv_gradient_settings, input_attributes),
     .infer = infer_input_gradient,
     .compute = compute_input_gradient,
     .macs = macs_input_gradient,
     .packed_bytes = packed_input_gradient,
     .pack = pack_input_gradient,
     .method = method_input_gradient,
     .scratch = scratch_input_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "ConvWeightGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT,
     .roles = {ROLE_DATA},
     SETTINGS(struct conv_gradient_settings, weight_attributes),
     .infer = infer_weight_gradient,
     .compute = compute_weight_gradient,
     .macs = macs_weight_gradient,
     .method = method_weight_gradient,
     .scratch = scratch_weight_gradient},
    {0},
};
