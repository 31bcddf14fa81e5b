/* Conv (ONNX 1, 11, 22) and FusedConv, the internal form with residual and activation. */
#include "op/convolution.h"

#include "op/confine.h"
#include "op/families.h"

static const struct attribute_rule attributes[] = {CONV_ATTRIBUTES, {0}};
static const struct attribute_rule fused_attributes[] = {
    CONV_ATTRIBUTES,
    {INT_ATTRIBUTE(struct conv_settings, activation, UNARY_IDENTITY)},
    {FLOAT_ATTRIBUTE(struct conv_settings, alpha, 0)},
    {FLOAT_ATTRIBUTE(struct conv_settings, beta, 0)},
    {0},
};

void convolution_fill(const struct spatial *spatial, int64_t batch, int64_t input_channels, int64_t output_channels,
                      int64_t groups, struct convolution *convolution)
{
    *convolution = (struct convolution){
        .batch = batch, .groups = groups, .input_channels = input_channels, .output_channels = output_channels};
    for (int i = 0; i < SPATIAL_AXES; i++) {
        convolution->input[i] = spatial->input[i];
        convolution->kernel[i] = spatial->kernel[i];
        convolution->output[i] = spatial->output[i];
        convolution->stride[i] = spatial->stride[i];
        convolution->dilation[i] = spatial->dilation[i];
        convolution->pad_begin[i] = spatial->pad_begin[i];
        convolution->pad_end[i] = spatial->pad_end[i];
    }
}

int convolution_read(const struct conv_settings *settings, const struct shape *x, const struct shape *w,
                     struct spatial *spatial, struct convolution *convolution, struct shape *output,
                     struct error *error)
{
    if (w->rank != x->rank || w->rank < 3)
        return error_set(error, ERROR_INPUT, "the weight has %d axes, the input %d", w->rank, x->rank);
    int64_t group = settings->group;
    if (spatial_read(&settings->window, x, w->dims + 2, spatial, error) || spatial_slide(spatial, error))
        return -1;
    if (group < 1 || x->dims[1] % group != 0 || w->dims[0] % group != 0)
        return error_set(error, ERROR_INPUT, "attribute group is %lld with %lld input and %lld output channels",
                         (long long)group, (long long)x->dims[1], (long long)w->dims[0]);
    if (w->dims[0] < 1 || w->dims[1] != x->dims[1] / group)
        return error_set(error, ERROR_INPUT,
                         "the input has %lld channels in %lld groups, the weight is for %lld in each, %lld outputs",
                         (long long)x->dims[1], (long long)group, (long long)w->dims[1], (long long)w->dims[0]);
    convolution_fill(spatial, x->dims[0], x->dims[1], w->dims[0], group, convolution);
    if (convolution_complete(convolution, error))
        return -1;
    if (output) {
        int64_t dims[SHAPE_MAX_RANK] = {x->dims[0], w->dims[0]};
        spatial_tail(spatial, spatial->output, dims + 2);
        return shape_set(output, x->rank, dims, error);
    }
    return 0;
}

static int infer_conv(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0], *w = context->inputs[1];
    const struct conv_settings *settings = context->node->settings;
    struct spatial spatial;
    struct convolution convolution;
    struct shape output;
    if (convolution_read(settings, &x->shape, &w->shape, &spatial, &convolution, &output, error))
        return -1;
    if (operand_types(context, 1, error) || operand_vector(context, 2, w->shape.dims[0], error))
        return -1;
    if (infer_has(context, 3) && !shape_equal(&context->inputs[3]->shape, &output))
        return error_set(error, ERROR_INPUT, "the residual must have the shape of the output");
    if (settings->activation < 0 || settings->activation >= UNARY_COUNT)
        return error_set(error, ERROR_INPUT, "attribute activation is out of range");
    return infer_output(context, 0, x->dtype, output.rank, output.dims, error);
}

void convolution_choose(const struct compute_context *context, struct convolution *convolution)
{
    convolution->direct = context->direct;
    convolution->half = context->half && convolution_weights_constant(context);
}

/* The geometry that infer accepted. */
static struct convolution conv_geometry(const struct compute_context *context)
{
    struct spatial spatial;
    struct convolution convolution = {0};
    convolution_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape, &spatial,
                     &convolution, NULL, NULL);
    convolution_choose(context, &convolution);
    return convolution;
}

bool convolution_weights_constant(const struct compute_context *context)
{
    const struct value *weights = context->node->inputs[1];
    return weights && weights->constant;
}

bool convolution_weights_known(const struct compute_context *context)
{
    return context->inputs[1]->data || convolution_weights_constant(context);
}

static size_t scratch_conv(const struct compute_context *context)
{
    struct convolution convolution = conv_geometry(context);
    return convolution_forward_scratch(&convolution, context->kernels, compute_threads(context),
                                       convolution_weights_constant(context));
}

static size_t packed_conv(const struct compute_context *context)
{
    struct convolution convolution = conv_geometry(context);
    return convolution_weights_known(context) ? convolution_packed_bytes(&convolution, context->kernels) : 0;
}

static void pack_conv(const struct compute_context *context, void *packed)
{
    struct convolution convolution = conv_geometry(context);
    convolution_pack(&convolution, context->kernels, context->inputs[1]->data, packed);
}

static const char *method_conv(const struct compute_context *context)
{
    struct convolution convolution = conv_geometry(context);
    return convolution_forward_method(&convolution, context->kernels);
}

static int compute_conv(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct conv_settings *settings = context->node->settings;
    struct convolution convolution = conv_geometry(context);
    struct convolution_weights weights = {context->inputs[1]->data, context->packed};
    struct epilogue epilogue = {.bias = operand_data(context, 2),
                                .residual = operand_data(context, 3),
                                .activation = (enum unary)settings->activation,
                                .alpha = settings->alpha,
                                .beta = settings->beta};
    convolution_forward(&convolution, context->kernels, context->pool, context->inputs[0]->data, &weights, &epilogue,
                        NULL, context->outputs[0]->data, context->scratch);
    return 0;
}

static int gradient_conv(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct graph *graph = context->graph;
    struct value *x = node->inputs[0], *w = node->inputs[1], *dy = context->output_gradients[0];
    struct spatial spatial;
    struct convolution convolution;
    if (!dy)
        return 0;
    if (convolution_read(node->settings, &x->shape, &w->shape, &spatial, &convolution, NULL, error))
        return -1;
    if (context->wanted[0]) {
        context->input_gradients[0] =
            emit_convolution_input_gradient(graph, &spatial, convolution.groups, dy, w, &x->shape, error);
        if (!context->input_gradients[0])
            return -1;
    }
    if (context->wanted[1]) {
        context->input_gradients[1] =
            emit_convolution_weight_gradient(graph, &spatial, convolution.groups, x, dy, &w->shape, error);
        if (!context->input_gradients[1])
            return -1;
    }
    if (node->input_count > 2 && context->wanted[2]) {
        context->input_gradients[2] = emit_channel_sum(graph, dy, error);
        if (!context->input_gradients[2])
            return -1;
    }
    return 0;
}

static int field_conv(struct field_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0], *w = context->inputs[1];
    struct interval *reads = context->reads;
    if (context->input == 3) {
        for (int i = 0; i < context->inputs[3]->shape.rank; i++)
            reads[i] = context->cells[i];
        return 0;
    }
    if (context->input != 0) { /* every output cell reads weights of its own channel */
        reads[0] = context->cells[1];
        for (int i = 1; i < context->inputs[context->input]->shape.rank; i++)
            reads[i] = interval_full(context->inputs[context->input]->shape.dims[i]);
        return 0;
    }
    struct spatial spatial;
    struct convolution convolution;
    if (convolution_read(context->node->settings, &x->shape, &w->shape, &spatial, &convolution, NULL, error))
        return -1;
    int64_t inputs = convolution.input_channels / convolution.groups;
    int64_t outputs = convolution.output_channels / convolution.groups;
    reads[0] = context->cells[0];
    reads[1].low = context->cells[1].low / outputs * inputs;
    reads[1].high = (context->cells[1].high / outputs + 1) * inputs - 1;
    spatial_reads(&spatial, context->cells, reads);
    return 0;
}

/* All channels of a box of places. */
static int confine_conv(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct spatial spatial;
    struct convolution convolution;
    if (convolution_read(node->settings, &node->inputs[0]->shape, &node->inputs[1]->shape, &spatial, &convolution, NULL,
                         error))
        return -1;
    confine_whole(context, 1, 2);
    if (confine_slide(context, &spatial, error))
        return -1;
    if (node->input_count > 3 && node->inputs[3])
        confine_aligned(context, 3);
    return 0;
}

static int64_t macs_conv(const struct infer_context *context)
{
    const struct shape *x = &context->inputs[0]->shape, *w = &context->inputs[1]->shape;
    struct spatial spatial;
    struct convolution convolution;
    struct shape output;
    if (convolution_read(context->node->settings, x, w, &spatial, &convolution, &output, NULL))
        return 0;
    return macs_product(shape_count(&output), shape_product(w, 1, w->rank));
}

const struct operator_definition operators_convolution[] = {
    {.domain = "",
     .name = "Conv",
     .since = 1,
     ARITY(2, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT},
     SETTINGS(struct conv_settings, attributes),
     .infer = infer_conv,
     .compute = compute_conv,
     .gradient = gradient_conv,
     .field = field_conv,
     .confine = confine_conv,
     .macs = macs_conv,
     .scratch = scratch_conv,
     .packed_bytes = packed_conv,
     .pack = pack_conv,
     .method = method_conv},
    {.domain = DOMAIN_INTERNAL,
     .name = "FusedConv",
     .since = 1,
     ARITY(2, 4, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_TERM},
     SETTINGS(struct conv_settings, fused_attributes),
     .infer = infer_conv,
     .compute = compute_conv,
     .field = field_conv,
     .confine = confine_conv,
     .macs = macs_conv,
     .scratch = scratch_conv,
     .packed_bytes = packed_conv,
     .pack = pack_conv,
     .method = method_conv},
    {0},
};
