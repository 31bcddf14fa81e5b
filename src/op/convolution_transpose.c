/* ConvTranspose (ONNX 1, 11, 22): the input gradient of the convolution that maps its output to its input. */
#include "op/convolution.h"

#include "op/emit.h"
#include "op/families.h"

static const struct attribute_rule attributes[] = {
    WINDOW_ATTRIBUTES(false, 0),
    {INT_ATTRIBUTE(struct conv_transpose_settings, group, 1)},
    {INTS_ATTRIBUTE(struct conv_transpose_settings, output_padding)},
    {INTS_ATTRIBUTE(struct conv_transpose_settings, output_shape)},
    {0},
};

/* Sets size and pads of one axis of the output. `size` is output_shape's value or 0. */
static int resolve_axis(struct spatial *spatial, int axis, int64_t output_padding, int64_t size, struct error *error)
{
    /* spatial->output is the node's input here: the small side of the convolution. */
    int64_t span = spatial->stride[axis] * (spatial->output[axis] - 1) + spatial_extent(spatial, axis) + output_padding;
    bool same = spatial->auto_pad == AUTO_PAD_SAME_UPPER || spatial->auto_pad == AUTO_PAD_SAME_LOWER;
    if (size == 0 && same)
        size = spatial->output[axis] * spatial->stride[axis];
    if (size > 0) {
        /* A size beyond the span leaves zeros at the end. */
        int64_t total = span > size ? span - size : 0;
        int64_t begin = spatial->auto_pad == AUTO_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        spatial->pad_begin[axis] = begin;
        spatial->pad_end[axis] = total - begin;
    } else {
        size = span - spatial->pad_begin[axis] - spatial->pad_end[axis];
    }
    if (size < 1)
        return error_set(error, ERROR_INPUT, "the output is empty along spatial axis %d",
                         axis - (SPATIAL_AXES - spatial->axes));
    spatial->input[axis] = size;
    return 0;
}

/* `spatial` and `convolution` describe the convolution from the output y back to x. */
static int transpose_read(const struct conv_transpose_settings *settings, const struct shape *x, const struct shape *w,
                          struct spatial *spatial, struct convolution *convolution, struct shape *y,
                          struct error *error)
{
    if (w->rank != x->rank || w->rank < 3)
        return error_set(error, ERROR_INPUT, "the weight has %d axes, the input %d", w->rank, x->rank);
    if (spatial_read(&settings->window, x, w->dims + 2, spatial, error))
        return -1;
    int64_t output_padding[SPATIAL_AXES], output_shape[SPATIAL_AXES];
    if (spatial_list(settings->output_padding, "output_padding", spatial->axes, 0, 0, output_padding, error) ||
        spatial_list(settings->output_shape, "output_shape", spatial->axes, 1, 0, output_shape, error))
        return -1;
    for (int i = 0; i < SPATIAL_AXES; i++)
        spatial->output[i] = spatial->input[i];
    for (int i = 0; i < spatial->axes; i++) {
        if (resolve_axis(spatial, spatial_axis(spatial, i), output_padding[i], output_shape[i], error))
            return -1;
    }
    int64_t group = settings->group;
    if (w->dims[0] != x->dims[1] || w->dims[1] < 1 || w->dims[1] > SHAPE_MAX_ELEMENTS || group < 1 ||
        x->dims[1] % group != 0)
        return error_set(error, ERROR_INPUT,
                         "the input has %lld channels in %lld groups, the weight is for %lld (%lld outputs in each)",
                         (long long)x->dims[1], (long long)group, (long long)w->dims[0], (long long)w->dims[1]);
    int64_t dims[SHAPE_MAX_RANK] = {x->dims[0], w->dims[1] * group};
    spatial_tail(spatial, spatial->input, dims + 2);
    if (shape_set(y, x->rank, dims, error))
        return -1;
    convolution_fill(spatial, x->dims[0], dims[1], x->dims[1], group, convolution);
    if (convolution_complete(convolution, error))
        return -1;
    /* With large output padding more windows would fit than x has: those behind it are zero. */
    for (int i = 0; i < SPATIAL_AXES; i++) {
        if (convolution->output[i] < spatial->output[i])
            return error_set(error, ERROR_INPUT,
                             "the pads cut off all that the last input cell gives along spatial axis %d",
                             i - (SPATIAL_AXES - spatial->axes));
        convolution->output[i] = spatial->output[i];
    }
    return 0;
}

static int infer_transpose(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0], *w = context->inputs[1];
    struct spatial spatial;
    struct convolution convolution;
    struct shape y;
    if (transpose_read(context->node->settings, &x->shape, &w->shape, &spatial, &convolution, &y, error) ||
        operand_types(context, 1, error) || operand_vector(context, 2, y.dims[1], error))
        return -1;
    return infer_output(context, 0, x->dtype, y.rank, y.dims, error);
}

static struct convolution transpose_geometry(const struct compute_context *context)
{
    struct spatial spatial;
    struct convolution convolution = {0};
    struct shape y;
    transpose_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape, &spatial,
                   &convolution, &y, NULL);
    convolution_choose(context, &convolution);
    return convolution;
}

static size_t scratch_transpose(const struct compute_context *context)
{
    struct convolution convolution = transpose_geometry(context);
    return convolution_input_gradient_scratch(&convolution, context->kernels, compute_threads(context),
                                              convolution_weights_constant(context));
}

static size_t packed_transpose(const struct compute_context *context)
{
    struct convolution convolution = transpose_geometry(context);
    return convolution_weights_known(context) ? convolution_input_gradient_packed_bytes(&convolution, context->kernels)
                                              : 0;
}

static void pack_transpose(const struct compute_context *context, void *packed)
{
    struct convolution convolution = transpose_geometry(context);
    convolution_input_gradient_pack(&convolution, context->kernels, context->inputs[1]->data, packed);
}

struct bias_planes {
    const struct kernels *kernels;
    const float *bias;
    float *y;
    int64_t channels, plane;
};

static void add_bias(void *argument, int64_t begin, int64_t end)
{
    const struct bias_planes *planes = argument;
    for (int64_t i = begin; i < end; i++) {
        float *plane = planes->y + i * planes->plane;
        planes->kernels->affine(plane, 1, planes->bias[i % planes->channels], plane, planes->plane);
    }
}

static int compute_transpose(struct compute_context *context, struct error *error)
{
    (void)error;
    struct convolution convolution = transpose_geometry(context);
    struct convolution_weights weights = {context->inputs[1]->data, context->packed};
    const float *bias = operand_data(context, 2);
    struct tensor *y = context->outputs[0];
    convolution_input_gradient(&convolution, context->kernels, context->pool, context->inputs[0]->data, &weights, NULL,
                               y->data, context->scratch);
    if (bias) {
        int64_t plane = shape_product(&y->shape, 2, y->shape.rank);
        struct bias_planes planes = {context->kernels, bias, y->data, y->shape.dims[1], plane};
        struct row_task task = {add_bias, &planes};
        rows_run(context->pool, &task, y->shape.dims[0] * y->shape.dims[1], plane);
    }
    return 0;
}

/* dx is the convolution of dy. With output padding of a stride or more it has cells behind x: cut off. */
static struct value *emit_input_gradient(struct graph *graph, const struct spatial *spatial, int64_t groups,
                                         struct value *dy, struct value *w, const struct shape *x, struct error *error)
{
    struct value *dx = emit_convolution(graph, "Conv", spatial, groups, dy, w, NULL, NULL, error);
    if (!dx || shape_equal(&dx->shape, x))
        return dx;
    int64_t begins[SHAPE_MAX_RANK] = {0};
    struct value *from = emit_int_list(graph, begins, x->rank, error);
    struct value *to = emit_int_list(graph, x->dims, x->rank, error);
    return from && to ? emit(graph, "Slice", EMIT_INPUTS(dx, from, to), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int gradient_transpose(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct graph *graph = context->graph;
    struct value *x = node->inputs[0], *w = node->inputs[1], *dy = context->output_gradients[0];
    struct value **gradients = context->input_gradients;
    struct spatial spatial;
    struct convolution convolution;
    struct shape y;
    if (!dy)
        return 0;
    if (transpose_read(node->settings, &x->shape, &w->shape, &spatial, &convolution, &y, error))
        return -1;
    if (context->wanted[0] &&
        !(gradients[0] = emit_input_gradient(graph, &spatial, convolution.groups, dy, w, &x->shape, error)))
        return -1;
    if (context->wanted[1] && !(gradients[1] = emit_convolution_weight_gradient(graph, &spatial, convolution.groups, dy,
                                                                                x, &w->shape, error)))
        return -1;
    if (node->input_count > 2 && context->wanted[2] && !(gradients[2] = emit_channel_sum(graph, dy, error)))
        return -1;
    return 0;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Output o = i * stride - pad + tap * dilation: the first and the last input that reach a cell of the interval. */
static int field_transpose(struct field_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0], *w = context->inputs[1];
    struct interval *reads = context->reads;
    const struct interval *cells = context->cells;
    struct spatial spatial;
    struct convolution convolution;
    struct shape y;
    if (transpose_read(context->node->settings, &x->shape, &w->shape, &spatial, &convolution, &y, error))
        return -1;
    if (context->input != 0) {
        field_full(context);
        return 0;
    }
    int64_t inputs = convolution.output_channels / convolution.groups;
    int64_t outputs = convolution.input_channels / convolution.groups;
    reads[0] = cells[0];
    reads[1].low = cells[1].low / outputs * inputs;
    reads[1].high = (cells[1].high / outputs + 1) * inputs - 1;
    for (int i = 0; i < spatial.axes; i++) {
        int axis = spatial_axis(&spatial, i);
        int64_t stride = spatial.stride[axis], pad = spatial.pad_begin[axis], extent = spatial_extent(&spatial, axis);
        reads[2 + i].low = floor_divide(cells[2 + i].low + pad - (extent - 1) + stride - 1, stride);
        reads[2 + i].high = floor_divide(cells[2 + i].high + pad, stride);
    }
    return 0;
}

static int64_t macs_transpose(const struct infer_context *context)
{
    const struct shape *x = &context->inputs[0]->shape, *w = &context->inputs[1]->shape;
    return macs_product(shape_count(x), shape_product(w, 1, w->rank));
}

const struct operator_definition operators_convolution_transpose[] = {
    {.domain = "",
     .name = "ConvTranspose",
     .since = 1,
     ARITY(2, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT},
     SETTINGS(struct conv_transpose_settings, attributes),
     .infer = infer_transpose,
     .compute = compute_transpose,
     .gradient = gradient_transpose,
     .field = field_transpose,
     .macs = macs_transpose,
     .scratch = scratch_transpose,
     .packed_bytes = packed_transpose,
     .pack = pack_transpose},
    {0},
};
