/* Gradients of QuantizeLinear and DequantizeLinear by straight-through: rounding counts as the identity, saturated
 * elements give nothing to x (Bengio et al. 2013; the scale's part as in LSQ, Esser et al. 2020). */
#include <math.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/quantize.h"
#include "op/settings.h"

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct quantize_settings, axis, 1)},
    {INT_ATTRIBUTE(struct quantize_settings, block_size, 0)},
    {INT_ATTRIBUTE(struct quantize_settings, quantised, 0), .required = true},
    {0},
};

static struct value *input_of(const struct node *node, int index)
{
    return index < node->input_count ? node->inputs[index] : NULL;
}

/* The gradients of x and, when wanted, of the scale from one internal node each. The quantised type is an attribute: a
 * zero point may be missing. */
static int emit_both(struct gradient_context *context, const char *const names[2], enum dtype quantised,
                     struct error *error)
{
    struct node *node = context->node;
    const struct quantize_settings *settings = node->settings;
    struct value *dy = context->output_gradients[0];
    for (int i = 0; dy && i < 2; i++) {
        if (!context->wanted[i])
            continue;
        context->input_gradients[i] =
            emit(context->graph, names[i], EMIT_INPUTS(dy, node->inputs[0], node->inputs[1], input_of(node, 2)),
                 EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis), EMIT_INT("block_size", settings->block_size),
                                 EMIT_INT("quantised", quantised)),
                 error);
        if (!context->input_gradients[i])
            return -1;
    }
    return 0;
}

int quantize_gradient(struct gradient_context *context, struct error *error)
{
    static const char *const names[2] = {"QuantizeLinearGradient", "QuantizeLinearScaleGradient"};
    return emit_both(context, names, context->node->outputs[0]->dtype, error);
}

int dequantize_gradient(struct gradient_context *context, struct error *error)
{
    static const char *const names[2] = {"DequantizeLinearGradient", "DequantizeLinearScaleGradient"};
    return emit_both(context, names, context->node->inputs[0]->dtype, error);
}

static int read_gradient(const struct node *node, const struct tensor *const *inputs, struct quantization *quantization,
                         struct error *error)
{
    const struct quantize_settings *settings = node->settings;
    return quantization_read(node, &inputs[1]->shape, &inputs[2]->shape, (enum dtype)settings->quantised, quantization,
                             error);
}

static int check_gradient(struct infer_context *context, struct error *error)
{
    struct quantization quantization;
    if (operand_shaped_as(context, 1, 0, error) || quantization_check_zero_point(context, 2, error))
        return -1;
    return read_gradient(context->node, context->inputs, &quantization, error);
}

/* An integer x has the gradient in the type of dy. */
static int infer_x_gradient(struct infer_context *context, struct error *error)
{
    const struct tensor *dy = context->inputs[0], *x = context->inputs[1];
    enum dtype dtype = dtype_is_float(x->dtype) ? x->dtype : dy->dtype;
    return check_gradient(context, error) ? -1 : infer_output(context, 0, dtype, dy->shape.rank, dy->shape.dims, error);
}

static int infer_scale_gradient(struct infer_context *context, struct error *error)
{
    const struct tensor *scale = context->inputs[2];
    return check_gradient(context, error)
               ? -1
               : infer_output(context, 0, scale->dtype, scale->shape.rank, scale->shape.dims, error);
}

/* What the gradient of one element is made of. */
struct element {
    double dy, x, scale, zero_point;
    const struct quantization *quantization;
};
typedef double element_slope(const struct element *element);

struct gradient_job {
    struct quantization quantization;
    const struct tensor *dy, *x, *scale, *zero_point;
    struct tensor *out;
    element_slope *slope;
};

static bool saturated(const struct element *element)
{
    double ratio = element->x / element->scale;
    double value = (element->quantization->real ? ratio : nearbyint(ratio)) + element->zero_point;
    return !(value >= element->quantization->low && value <= element->quantization->high);
}

static double quantize_x(const struct element *element)
{
    return saturated(element) ? 0 : element->dy / element->scale;
}

static double quantize_scale(const struct element *element)
{
    return saturated(element) ? 0 : -element->dy * element->x / (element->scale * element->scale);
}

static double dequantize_x(const struct element *element)
{
    return element->dy * element->scale;
}

static double dequantize_scale(const struct element *element)
{
    return element->dy * (element->x - element->zero_point);
}

static struct element element_at(const struct gradient_job *job, int64_t at, int64_t of)
{
    return (struct element){.dy = tensor_number(job->dy, at),
                            .x = tensor_number(job->x, at),
                            .scale = tensor_number(job->scale, of),
                            .zero_point = job->zero_point ? tensor_number(job->zero_point, of) : 0,
                            .quantization = &job->quantization};
}

static void slope_rows(void *argument, int64_t begin, int64_t end)
{
    const struct gradient_job *job = argument;
    const struct quantization *q = &job->quantization;
    for (int64_t row = begin; row < end; row++) {
        int64_t scale = quantization_index(q, row / q->size, row % q->size), step = quantization_step(q);
        for (int64_t i = 0; i < q->inner; i++) {
            struct element element = element_at(job, row * q->inner + i, scale + i * step);
            tensor_set_number(job->out, row * q->inner + i, job->slope(&element));
        }
    }
}

static int start_job(const struct compute_context *context, element_slope *slope, struct gradient_job *job,
                     struct error *error)
{
    *job = (struct gradient_job){.dy = context->inputs[0],
                                 .x = context->inputs[1],
                                 .scale = context->inputs[2],
                                 .zero_point = context->input_count > 3 ? context->inputs[3] : NULL,
                                 .out = context->outputs[0],
                                 .slope = slope};
    return read_gradient(context->node, context->inputs, &job->quantization, error);
}

static int compute_x(struct compute_context *context, element_slope *slope, struct error *error)
{
    struct gradient_job job;
    if (start_job(context, slope, &job, error))
        return -1;
    const struct quantization *q = &job.quantization;
    rows_run(context->pool, &(struct row_task){slope_rows, &job}, q->outer * q->size, q->inner);
    return 0;
}

/* Sums in double, each scale's elements in order. */
static int compute_scale(struct compute_context *context, element_slope *slope, struct error *error)
{
    struct gradient_job job;
    if (start_job(context, slope, &job, error))
        return -1;
    const struct quantization *q = &job.quantization;
    double *sums = context->scratch;
    int64_t scales = shape_count(&job.scale->shape), rows = q->outer * q->size;
    for (int64_t i = 0; i < scales; i++)
        sums[i] = 0;
    for (int64_t row = 0; row < rows; row++) {
        int64_t scale = quantization_index(q, row / q->size, row % q->size), step = quantization_step(q);
        for (int64_t i = 0; i < q->inner; i++) {
            struct element element = element_at(&job, row * q->inner + i, scale + i * step);
            sums[scale + i * step] += slope(&element);
        }
    }
    for (int64_t i = 0; i < scales; i++)
        tensor_set_number(job.out, i, sums[i]);
    return 0;
}

static size_t scratch_scale(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[2]->shape) * sizeof(double);
}

static int compute_quantize_x(struct compute_context *context, struct error *error)
{
    return compute_x(context, quantize_x, error);
}

static int compute_quantize_scale(struct compute_context *context, struct error *error)
{
    return compute_scale(context, quantize_scale, error);
}

static int compute_dequantize_x(struct compute_context *context, struct error *error)
{
    return compute_x(context, dequantize_x, error);
}

static int compute_dequantize_scale(struct compute_context *context, struct error *error)
{
    return compute_scale(context, dequantize_scale, error);
}

#define GRADIENT(name_, infer_, compute_, scratch_)                                                                    \
    {                                                                                                                  \
        .domain = DOMAIN_INTERNAL, .name = name_, .since = 1, ARITY(3, 4, 1, 1), .types = TYPES_FLOAT,                 \
        .traits = OPERATOR_OTHER, .roles = {ROLE_DATA, ROLE_DATA, ROLE_QUANTUM},                                       \
        SETTINGS(struct quantize_settings, attributes), .infer = infer_, .compute = compute_, .scratch = scratch_      \
    }

const struct operator_definition operators_quantize_gradient[] = {
    GRADIENT("QuantizeLinearGradient", infer_x_gradient, compute_quantize_x, NULL),
    GRADIENT("QuantizeLinearScaleGradient", infer_scale_gradient, compute_quantize_scale, scratch_scale),
    GRADIENT("DequantizeLinearGradient", infer_x_gradient, compute_dequantize_x, NULL),
    GRADIENT("DequantizeLinearScaleGradient", infer_scale_gradient, compute_dequantize_scale, scratch_scale),
    {0},
};
