/* BatchNormalization (ONNX 7, 9, 14, 15): inference form, training form, and their gradients. */
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "kernel/kernels.h"
#include "kernel/row_kernel.h"
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
static const struct attribute_rule gradient_attributes[] = {
    {EPSILON},
    {0},
};

static const struct attribute_rule training_gradient_attributes[] = {
    {EPSILON},
    {FLAG_ATTRIBUTE(struct batch_normalization_settings, held, 0)},
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

/* The planes [N * C] of `cells` elements, of which plane i belongs to channel i % channels. */
struct channel_planes {
    const struct kernels *kernels;
    int64_t batch, channels, cells;
    const float *x, *dy;
    float *y;
    const float *factor, *shift; /* per channel */
};

static struct channel_planes planes_of(const struct compute_context *context, const struct shape *shape)
{
    return (struct channel_planes){.kernels = context->kernels,
                                   .batch = shape->dims[0],
                                   .channels = shape->dims[1],
                                   .cells = shape_product(shape, 2, shape->rank)};
}

static void run_affine(void *argument, int64_t begin, int64_t end)
{
    const struct channel_planes *planes = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t channel = i % planes->channels, at = i * planes->cells;
        planes->kernels->affine(planes->x + at, planes->factor[channel], planes->shift ? planes->shift[channel] : 0,
                                planes->y + at, planes->cells);
    }
}

static void apply_affine(struct compute_context *context, const struct channel_planes *planes)
{
    struct row_task task = {run_affine, (void *)planes};
    rows_run(context->pool, &task, planes->batch * planes->channels, planes->cells);
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

/* ---- statistics over the batch ---- */

#define PIECE 4096 /* elements that are summed in float */

static double sum_in_pieces(const struct kernels *kernels, const float *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i += PIECE)
        sum += (double)kernels->sum(x + i, int64_min(count - i, PIECE));
    return sum;
}

/* Sum of (x - x_centre) * (y - y_centre). */
static double product_in_pieces(const struct kernels *kernels, const float *x, float x_centre, const float *y,
                                float y_centre, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i += PIECE)
        sum += (double)kernels->centred_dot(x + i, x_centre, y + i, y_centre, int64_min(count - i, PIECE));
    return sum;
}

/* Mean and variance of one channel. */
static void find_moments(const struct channel_planes *planes, int64_t c, float *mean, float *variance)
{
    int64_t stride = planes->channels * planes->cells, count = planes->batch * planes->cells;
    const float *x = planes->x + c * planes->cells;
    double sum = 0, squares = 0;
    for (int64_t n = 0; n < planes->batch; n++)
        sum += sum_in_pieces(planes->kernels, x + n * stride, planes->cells);
    *mean = (float)(sum / (double)count);
    for (int64_t n = 0; n < planes->batch; n++)
        squares += product_in_pieces(planes->kernels, x + n * stride, *mean, x + n * stride, *mean, planes->cells);
    *variance = (float)(squares / (double)count);
}

/* Sums of dy, and of dy * (x - mean), of one channel. */
static void find_products(const struct channel_planes *planes, int64_t c, float mean, double sums[2])
{
    int64_t stride = planes->channels * planes->cells;
    sums[0] = sums[1] = 0;
    for (int64_t n = 0; n < planes->batch; n++) {
        int64_t at = n * stride + c * planes->cells;
        double own[2];
        planes->kernels->row->gradient_sums(planes->dy + at, planes->x + at, mean, NULL, planes->cells, own);
        sums[0] += own[0];
        sums[1] += own[1];
    }
}

/* A channel of the batch is read several times in a row, all but the first from the second-level cache. */
static void run_channels(struct compute_context *context, const struct channel_planes *planes, void *job,
                         void (*run)(void *, int64_t, int64_t))
{
    struct row_task task = {run, job};
    rows_run(context->pool, &task, planes->channels, planes->batch * planes->cells);
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
        find_moments(planes, c, &job->mean[c], &job->variance[c]);
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
    struct channel_planes planes = planes_of(context, &context->inputs[X]->shape);
    float *first = context->scratch, *second = first + planes.channels;
    planes.x = context->inputs[X]->data;
    planes.y = context->outputs[0]->data;
    if (is_training(context->node)) {
        struct batch_job job = {
            planes, context->inputs[SCALE]->data, context->inputs[BIAS]->data, epsilon_of(context->node), first,
            second};
        run_channels(context, &planes, &job, normalise_channels);
        write_statistics(context, first, second, planes.channels);
        return 0;
    }
    inference_factors(context, planes.channels, first, second);
    planes.factor = first;
    planes.shift = second;
    apply_affine(context, &planes);
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

/* Checks dy [N, C, ...] and that the inputs from `first` on are vectors of C. */
static int check_gradient(const struct infer_context *context, int first, struct error *error)
{
    const struct shape *dy = &context->inputs[0]->shape;
    if (dy->rank < 2 || shape_count(dy) == 0)
        return error_set(error, ERROR_INPUT, "the output gradient is empty");
    if (operand_storage(context, 1, error))
        return -1;
    for (int i = first; i < context->input_count; i++) {
        if (operand_vector(context, i, dy->dims[1], error))
            return -1;
    }
    return 0;
}

static int infer_input_gradient(struct infer_context *context, struct error *error)
{
    return check_gradient(context, 1, error) ? -1 : infer_same(context, error);
}

static size_t scratch_input_gradient(const struct compute_context *context)
{
    return (size_t)context->inputs[0]->shape.dims[1] * sizeof(float);
}

/* dx = dy * scale / sqrt(variance + epsilon) */
static int compute_input_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct channel_planes planes = planes_of(context, &context->inputs[0]->shape);
    const float *scale = context->inputs[1]->data, *variance = context->inputs[2]->data;
    double epsilon = epsilon_of(context->node);
    float *factor = context->scratch;
    for (int64_t c = 0; c < planes.channels; c++)
        factor[c] = (float)((double)scale[c] / sqrt((double)variance[c] + epsilon));
    planes.x = context->inputs[0]->data;
    planes.y = context->outputs[0]->data;
    planes.factor = factor;
    apply_affine(context, &planes);
    return 0;
}

static int infer_parameter_gradient(struct infer_context *context, struct error *error)
{
    if (check_gradient(context, 2, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    for (int i = 0; i < context->output_count; i++) {
        if (infer_output(context, i, context->inputs[2]->dtype, 1, &context->inputs[0]->shape.dims[1], error))
            return -1;
    }
    return 0;
}

struct parameter_job {
    struct channel_planes planes;
    const float *scale, *mean, *variance;
    double epsilon;
    float *results[4];
};

/* With r = 1 / sqrt(variance + epsilon), S = sum dy, P = sum dy (x - mean): dscale = r P, dbias = S,
 * dmean = -scale r S, dvariance = -scale r^3 P / 2. */
static void sum_parameters(void *argument, int64_t begin, int64_t end)
{
    const struct parameter_job *job = argument;
    for (int64_t c = begin; c < end; c++) {
        double r = 1 / sqrt((double)job->variance[c] + job->epsilon), g = (double)job->scale[c], sums[2];
        find_products(&job->planes, c, job->mean[c], sums);
        const double values[4] = {r * sums[1], sums[0], -g * r * sums[0], -0.5 * g * r * r * r * sums[1]};
        for (int i = 0; i < 4; i++) {
            if (job->results[i])
                job->results[i][c] = (float)values[i];
        }
    }
}

static int compute_parameter_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct parameter_job job = {.planes = planes_of(context, &context->inputs[0]->shape),
                                .scale = context->inputs[2]->data,
                                .mean = context->inputs[3]->data,
                                .variance = context->inputs[4]->data,
                                .epsilon = epsilon_of(context->node)};
    job.planes.dy = context->inputs[0]->data;
    job.planes.x = context->inputs[1]->data;
    for (int i = 0; i < 4; i++)
        job.results[i] = operand_result(context, i);
    run_channels(context, &job.planes, &job, sum_parameters);
    return 0;
}

static int infer_training_gradient(struct infer_context *context, struct error *error)
{
    if (check_gradient(context, 2, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    if (context->input_count == 4)
        return error_set(error, ERROR_INPUT, "mean and variance are given both or none");
    for (int i = 1; i < context->output_count; i++) {
        if (infer_output(context, i, context->inputs[2]->dtype, 1, &context->inputs[0]->shape.dims[1], error))
            return -1;
    }
    return infer_output(context, 0, context->inputs[0]->dtype, context->inputs[0]->shape.rank,
                        context->inputs[0]->shape.dims, error);
}

struct training_job {
    struct channel_planes planes;
    const float *scale, *mean, *variance; /* the moments of the batch, or NULL: they are found again */
    double epsilon;
    bool held;
    float *dscale, *dbias;
};

/* dx = scale r (dy - S / M - (x - mean) r^2 P / M) with M elements a channel, without the last where r is held
 * constant. */
static void differentiate_channels(void *argument, int64_t begin, int64_t end)
{
    const struct training_job *job = argument;
    const struct channel_planes *planes = &job->planes;
    double count = (double)(planes->batch * planes->cells);
    for (int64_t c = begin; c < end; c++) {
        float mean = job->mean ? job->mean[c] : 0, variance = job->mean ? job->variance[c] : 0;
        double sums[2];
        if (!job->mean)
            find_moments(planes, c, &mean, &variance);
        find_products(planes, c, mean, sums);
        double r = 1 / sqrt((double)variance + job->epsilon), a = (double)job->scale[c] * r;
        const struct row_gradient row = {.mean = mean,
                                         .by_dy = (float)a,
                                         .by_x = (float)(job->held ? 0 : -a * r * r * sums[1] / count),
                                         .constant = (float)(-a * sums[0] / count)};
        if (job->dscale)
            job->dscale[c] = (float)(r * sums[1]);
        if (job->dbias)
            job->dbias[c] = (float)sums[0];
        for (int64_t n = 0; n < planes->batch && planes->y; n++) {
            int64_t at = (n * planes->channels + c) * planes->cells;
            planes->kernels->row->gradient(planes->dy + at, planes->x + at, NULL, &row, planes->y + at, planes->cells);
        }
    }
}

static int compute_training_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct batch_normalization_settings *settings = context->node->settings;
    struct training_job job = {.planes = planes_of(context, &context->inputs[0]->shape),
                               .scale = context->inputs[2]->data,
                               .mean = operand_data(context, 3),
                               .variance = operand_data(context, 4),
                               .epsilon = epsilon_of(context->node),
                               .held = settings->held,
                               .dscale = operand_result(context, 1),
                               .dbias = operand_result(context, 2)};
    job.planes.dy = context->inputs[0]->data;
    job.planes.x = context->inputs[1]->data;
    job.planes.y = operand_result(context, 0);
    run_channels(context, &job.planes, &job, differentiate_channels);
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
    {.domain = DOMAIN_INTERNAL,
     .name = "BatchNormalizationInputGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_IN_PLACE,
     .roles = {ROLE_DATA, ROLE_SCALE, ROLE_VARIANCE},
     SETTINGS(struct batch_normalization_settings, gradient_attributes),
     .infer = infer_input_gradient,
     .compute = compute_input_gradient,
     .scratch = scratch_input_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "BatchNormalizationParameterGradient",
     .since = 1,
     ARITY(5, 5, 1, 4),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_SCALE, ROLE_MEAN, ROLE_VARIANCE},
     SETTINGS(struct batch_normalization_settings, gradient_attributes),
     .infer = infer_parameter_gradient,
     .compute = compute_parameter_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "BatchNormalizationTrainingGradient",
     .since = 1,
     ARITY(3, 5, 1, 3),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_SCALE, ROLE_MEAN, ROLE_VARIANCE},
     SETTINGS(struct batch_normalization_settings, training_gradient_attributes),
     .infer = infer_training_gradient,
     .compute = compute_training_gradient},
    {0},
};
