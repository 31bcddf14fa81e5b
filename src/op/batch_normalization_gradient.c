/* Gradients of BatchNormalization: of its inference form, and of the training form. */
#include <math.h>

#include "kernel/row_kernel.h"
#include "op/channel_planes.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

#define EPSILON FLOAT_ATTRIBUTE(struct batch_normalization_settings, epsilon, 1e-5f)

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
    struct channel_planes planes = channel_planes_of(context, &context->inputs[0]->shape);
    const float *scale = context->inputs[1]->data, *variance = context->inputs[2]->data;
    double epsilon = epsilon_of(context->node);
    float *factor = context->scratch;
    for (int64_t c = 0; c < planes.channels; c++)
        factor[c] = (float)((double)scale[c] / sqrt((double)variance[c] + epsilon));
    planes.x = context->inputs[0]->data;
    planes.y = context->outputs[0]->data;
    planes.factor = factor;
    channel_planes_affine(context, &planes);
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
        channel_products(&job->planes, c, job->mean[c], sums);
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
    struct parameter_job job = {.planes = channel_planes_of(context, &context->inputs[0]->shape),
                                .scale = context->inputs[2]->data,
                                .mean = context->inputs[3]->data,
                                .variance = context->inputs[4]->data,
                                .epsilon = epsilon_of(context->node)};
    job.planes.dy = context->inputs[0]->data;
    job.planes.x = context->inputs[1]->data;
    for (int i = 0; i < 4; i++)
        job.results[i] = operand_result(context, i);
    channels_run(context, &job.planes, &job, sum_parameters);
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
            channel_moments(planes, c, &mean, &variance);
        channel_products(planes, c, mean, sums);
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
    struct training_job job = {.planes = channel_planes_of(context, &context->inputs[0]->shape),
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
    channels_run(context, &job.planes, &job, differentiate_channels);
    return 0;
}

const struct operator_definition operators_batch_normalization_gradient[] = {
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
