/* BatchNormalization (ONNX 7, 9, 14, 15): inference form and training form. */
#include <math.h>
#include <stdio.h>

#include "op/channel_planes.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE };

#define EPSILON FLOAT_ATTRIBUTE(struct batch_normalization_settings, epsilon, 1e-5f)

static const struct attribute_rule attributes[] = {
    {EPSILON},
    {FLOAT_ATTRIBUTE(struct batch_normalization_settings, momentum, 0.9f)},
    {FLAG_ATTRIBUTE(struct batch_normalization_settings, spatial, 1), .until = 8},
    {FLAG_ATTRIBUTE(struct batch_normalization_settings, training_mode, 0), .since = 14},
    {0},
};
static double epsilon_of(const struct node *node)
{
    const struct batch_normalization_settings *settings = node->settings;
    return (double)settings->epsilon;
}

/* From opset 14 an attribute says so; before, the presence of the further outputs does. */
static bool is_training(const struct node *node)
{
    const struct batch_normalization_settings *settings = node->settings;
    if (node->opset >= 14)
        return settings->training_mode;
    for (int i = 1; i < node->output_count; i++) {
        if (node->outputs[i])
            return true;
    }
    return false;
}

static bool remark_batch_normalization(const struct node *node, struct operator_remark *remark)
{
    if (!node->settings || !is_training(node))
        return false;
    remark->unsteady = true;
    snprintf(remark->text, sizeof remark->text,
             "normalises by the statistics of the batch that it is given, as in training: export the network in eval "
             "mode");
    return true;
}

static int infer_batch_normalization(struct infer_context *context, struct error *error)
{
    const struct batch_normalization_settings *settings = context->node->settings;
    const struct tensor *x = context->inputs[X];
    if (x->shape.rank < 2)
        return error_set(error, ERROR_INPUT, "the input has %d axes, expected at least N x C", x->shape.rank);
    if (!settings->spatial)
        return error_set(error, ERROR_UNSUPPORTED, "statistics per position (spatial = 0) are not supported");
    if (operand_storage(context, SCALE, error))
        return -1;
    for (int i = SCALE; i <= VARIANCE; i++) {
        if (operand_vector(context, i, x->shape.dims[1], error))
            return -1;
    }
    bool training = is_training(context->node);
    if (training && shape_count(&x->shape) == 0)
        return error_set(error, ERROR_INPUT, "the statistics of an empty input are asked");
    for (int i = 1; i < context->output_count; i++) {
        if (!operand_output(context->node, i))
            continue;
        if (!training)
            return error_set(error, ERROR_INPUT, "output %d exists in training mode only", i);
        if (infer_output(context, i, context->inputs[MEAN]->dtype, 1, &x->shape.dims[1], error))
            return -1;
    }
    return infer_output(context, 0, x->dtype, x->shape.rank, x->shape.dims, error);
}

/* In double: variances may be denormal, and the factor is used for a whole plane. */
static void inference_factors(const struct compute_context *context, int64_t channels, float *factor, float *shift)
{
    const float *scale = context->inputs[SCALE]->data, *bias = context->inputs[BIAS]->data;
    const float *mean = context->inputs[MEAN]->data, *variance = context->inputs[VARIANCE]->data;
    double epsilon = epsilon_of(context->node);
    for (int64_t c = 0; c < channels; c++) {
        double a = (double)scale[c] / sqrt((double)variance[c] + epsilon);
        factor[c] = (float)a;
        shift[c] = (float)((double)bias[c] - (double)mean[c] * a);
    }
}

/* ONNX 14: running = given * momentum + batch * (1 - momentum), population variance. Before, two more outputs hold the
 * batch's own mean and variance. */
static void write_statistics(const struct compute_context *context, const float *mean, const float *variance,
                             int64_t channels)
{
    const struct batch_normalization_settings *settings = context->node->settings;
    float momentum = settings->momentum;
    const float *const given[] = {context->inputs[MEAN]->data, context->inputs[VARIANCE]->data};
    const float *const batch[] = {mean, variance};
    for (int output = 1; output <= 4; output++) {
        float *to = operand_result(context, output);
        int which = (output - 1) % 2;
        for (int64_t c = 0; to && c < channels; c++)
            to[c] = output <= 2 ? given[which][c] * momentum + batch[which][c] * (1 - momentum) : batch[which][c];
    }
}

static size_t scratch_batch_normalization(const struct compute_context *context)
{
    return 2 * (size_t)context->inputs[X]->shape.dims[1] * sizeof(float);
}

struct batch_job {
    struct channel_planes planes;
    const float *scale, *bias;
    double epsilon;
    float *mean, *variance;
};

static void normalise_channels(void *argument, int64_t begin, int64_t end)
{
    const struct batch_job *job = argument;
    const struct channel_planes *planes = &job->planes;
    for (int64_t c = begin; c < end; c++) {
        channel_moments(planes, c, &job->mean[c], &job->variance[c]);
        double a = (double)job->scale[c] / sqrt((double)job->variance[c] + job->epsilon);
        float shift = (float)((double)job->bias[c] - (double)job->mean[c] * a);
        for (int64_t n = 0; n < planes->batch; n++) {
            int64_t at = (n * planes->channels + c) * planes->cells;
            planes->kernels->affine(planes->x + at, (float)a, shift, planes->y + at, planes->cells);
        }
    }
}

static int compute_batch_normalization(struct compute_context *context, struct error *error)
{
    (void)error;
    struct channel_planes planes = channel_planes_of(context, &context->inputs[X]->shape);
    float *first = context->scratch, *second = first + planes.channels;
    planes.x = context->inputs[X]->data;
    planes.y = context->outputs[0]->data;
    if (is_training(context->node)) {
        struct batch_job job = {
            planes, context->inputs[SCALE]->data, context->inputs[BIAS]->data, epsilon_of(context->node), first,
            second};
        channels_run(context, &planes, &job, normalise_channels);
        write_statistics(context, first, second, planes.channels);
        return 0;
    }
    inference_factors(context, planes.channels, first, second);
    planes.factor = first;
    planes.shift = second;
    channel_planes_affine(context, &planes);
    return 0;
}

/* ---- gradients ---- */

static int gradient_inference(struct gradient_context *context, struct value *dy, struct error *error)
{
    struct node *node = context->node;
    struct value *const *in = node->inputs;
    struct emit_attribute epsilon = EMIT_FLOAT("epsilon", (float)epsilon_of(node));
    if (context->wanted[X]) {
        context->input_gradients[X] = emit(context->graph, "BatchNormalizationInputGradient",
                                           EMIT_INPUTS(dy, in[SCALE], in[VARIANCE]), &epsilon, 1, error);
        if (!context->input_gradients[X])
            return -1;
    }
    if (!context->wanted[SCALE] && !context->wanted[BIAS] && !context->wanted[MEAN] && !context->wanted[VARIANCE])
        return 0;
    struct value *parameters[4];
    if (emit_many(context->graph, "BatchNormalizationParameterGradient",
                  EMIT_INPUTS(dy, in[X], in[SCALE], in[MEAN], in[VARIANCE]), &epsilon, 1, parameters, 4, error))
        return -1;
    for (int i = SCALE; i <= VARIANCE; i++) {
        if (context->wanted[i])
            context->input_gradients[i] = parameters[i - SCALE];
    }
    return 0;
}

/* Whether its running statistics are the batch's. */
static bool gives_moments(const struct node *node)
{
    const struct batch_normalization_settings *settings = node->settings;
    return node->opset >= 14 && settings->momentum == 0 && node->output_count > 2 && node->outputs[1] &&
           node->outputs[2];
}

/* The running statistics carry no gradient. */
static int gradient_batch_normalization(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0];
    if (!dy)
        return 0;
    if (!is_training(node))
        return gradient_inference(context, dy, error);
    bool moments = gives_moments(node);
    struct value *const operands[] = {dy, node->inputs[X], node->inputs[SCALE], moments ? node->outputs[1] : NULL,
                                      moments ? node->outputs[2] : NULL};
    const struct emit_attribute settings[] = {EMIT_FLOAT("epsilon", (float)epsilon_of(node)),
                                              EMIT_INT("held", context->held)};
    struct value *gradients[3];
    if (emit_many(context->graph, "BatchNormalizationTrainingGradient", operands, moments ? 5 : 3, settings, 2,
                  gradients, 3, error))
        return -1;
    for (int i = X; i <= BIAS; i++) {
        if (context->wanted[i])
            context->input_gradients[i] = gradients[i];
    }
    return 0;
}

static int field_batch_normalization(struct field_context *context, struct error *error)
{
    (void)error;
    if (context->input != X) {
        context->reads[0] = context->cells[1];
        return 0;
    }
    for (int i = 0; i < context->inputs[X]->shape.rank; i++)
        context->reads[i] = context->cells[i];
    context->global = is_training(context->node);
    return 0;
}

/* All channels of a box of places; with a batch's own statistics, all. */
static int confine_batch_normalization(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct shape *x = &context->node->inputs[X]->shape;
    confine_whole(context, is_training(context->node) ? 0 : 1, is_training(context->node) ? x->rank : 2);
    for (int i = 0; i < x->rank; i++)
        context->reads[X][i] = context->cells[i];
    return 0;
}

const struct operator_definition operators_batch_normalization[] = {
    {.domain = "",
     .name = "BatchNormalization",
     .since = 7,
     ARITY(5, 5, 1, 5),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_NORMALIZES,
     .roles = {ROLE_DATA, ROLE_SCALE, ROLE_SHIFT, ROLE_MEAN, ROLE_VARIANCE},
     SETTINGS(struct batch_normalization_settings, attributes),
     .infer = infer_batch_normalization,
     .compute = compute_batch_normalization,
     .gradient = gradient_batch_normalization,
     .field = field_batch_normalization,
     .confine = confine_batch_normalization,
     .remarks = remark_batch_normalization,
     .scratch = scratch_batch_normalization},
    {0},
};
