#include "op/normalization.h"

#include <math.h>

#include "base/number.h"
#include "kernel/kernels.h"
#include "kernel/row_kernel.h"
#include "op/families.h"

struct gradient_settings {
    float epsilon;
    struct ints layout; /* rows, count, row_period, block */
    bool centred, held;
};

static const struct attribute_rule gradient_attributes[] = {
    {FLOAT_ATTRIBUTE(struct gradient_settings, epsilon, 1e-5f)},
    {INTS_ATTRIBUTE(struct gradient_settings, layout), .required = true},
    {FLAG_ATTRIBUTE(struct gradient_settings, centred, 1)},
    {FLAG_ATTRIBUTE(struct gradient_settings, held, 0)},
    {0},
};

int64_t normalization_parameters(const struct normalization *normalization)
{
    return normalization->row_period * (normalization->count / normalization->block);
}

struct row_work {
    const struct normalization *normalization;
    const struct kernels *kernels;
    const float *x, *scale, *bias, *dy;
    float *y; /* dx in the gradient */
    float *means, *inverses;
    float *scale_gradient, *bias_gradient;
};

static void row_statistics(const struct row_work *work, const float *x, float *mean, float *inverse)
{
    const struct normalization *normalization = work->normalization;
    float variance;
    work->kernels->row->statistics(x, normalization->count, normalization->centred, mean, &variance);
    *inverse = (float)(1 / sqrt((double)variance + normalization->epsilon));
}

static const float *row_parameters(const struct row_work *work, const float *parameters, int64_t row)
{
    const struct normalization *normalization = work->normalization;
    return parameters ? parameters + row % normalization->row_period * (normalization->count / normalization->block)
                      : NULL;
}

static void run_forward(void *argument, int64_t begin, int64_t end)
{
    const struct row_work *work = argument;
    int64_t count = work->normalization->count, block = work->normalization->block;
    for (int64_t row = begin; row < end; row++) {
        const float *x = work->x + row * count;
        float *y = work->y + row * count, mean, inverse;
        const float *scale = row_parameters(work, work->scale, row), *bias = row_parameters(work, work->bias, row);
        row_statistics(work, x, &mean, &inverse);
        if (work->means)
            work->means[row] = mean;
        if (work->inverses)
            work->inverses[row] = inverse;
        if (block == 1) {
            work->kernels->row->normalise(x, mean, inverse, scale, bias, y, count);
            continue;
        }
        for (int64_t i = 0; i < count / block; i++) {
            float factor = inverse * scale[i];
            work->kernels->affine(x + i * block, factor, (bias ? bias[i] : 0) - mean * factor, y + i * block, block);
        }
    }
}

void normalization_run(struct compute_context *context, const struct normalization *normalization, float *means,
                       float *inverses)
{
    struct row_work work = {.normalization = normalization,
                            .kernels = context->kernels,
                            .x = context->inputs[0]->data,
                            .scale = context->inputs[1]->data,
                            .bias = operand_data(context, 2),
                            .y = context->outputs[0]->data,
                            .means = means,
                            .inverses = inverses};
    struct row_task task = {run_forward, &work};
    rows_run(context->pool, &task, normalization->rows, normalization->count * 3);
}

/* ---- NormalizationGradient(dy, x, scale) -> dx, dscale, dbias ---- */

int normalization_gradient(struct gradient_context *context, const struct normalization *normalization,
                           struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0], *gradients[3] = {NULL};
    for (int i = 1; i < node->output_count; i++) {
        if (context->output_gradients[i])
            return error_set(error, ERROR_UNSUPPORTED, "the statistics' outputs have no gradient");
    }
    if (!dy)
        return 0;
    bool bias = node->input_count > 2 && context->wanted[2];
    const int64_t layout[4] = {normalization->rows, normalization->count, normalization->row_period,
                               normalization->block};
    if (emit_many(context->graph, "NormalizationGradient", EMIT_INPUTS(dy, node->inputs[0], node->inputs[1]),
                  EMIT_ATTRIBUTES(EMIT_INTS("layout", layout, 4), EMIT_INT("centred", normalization->centred),
                                  EMIT_FLOAT("epsilon", (float)normalization->epsilon),
                                  EMIT_INT("held", context->held)),
                  gradients, bias || context->wanted[1] ? 3 : 1, error))
        return -1;
    for (int i = 0; i < node->input_count && i < 3; i++) {
        if (context->wanted[i])
            context->input_gradients[i] = gradients[i];
    }
    return 0;
}

static int check_layout(const struct ints *layout, struct error *error)
{
    if (layout->count != 4)
        return error_set(error, ERROR_INPUT, "attribute layout needs 4 numbers");
    for (int i = 0; i < 4; i++) {
        if (layout->values[i] < 1 || layout->values[i] > SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_INPUT, "attribute layout is out of range");
    }
    if (layout->values[0] % layout->values[2] != 0 || layout->values[1] % layout->values[3] != 0)
        return error_set(error, ERROR_INPUT, "attribute layout does not divide");
    return 0;
}

static struct normalization normalization_of(const struct gradient_settings *settings)
{
    const int64_t *layout = settings->layout.values;
    return (struct normalization){.rows = layout[0],
                                  .count = layout[1],
                                  .row_period = layout[2],
                                  .block = layout[3],
                                  .centred = settings->centred,
                                  .epsilon = (double)settings->epsilon,
                                  .held = settings->held};
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    const struct gradient_settings *settings = context->node->settings;
    const struct tensor *dy = context->inputs[0], *scale = context->inputs[2];
    if (operand_storage(context, 1, error) || operand_shaped_as(context, 1, 0, error) ||
        check_layout(&settings->layout, error))
        return -1;
    const struct normalization normalization = normalization_of(settings);
    if (macs_product(normalization.rows, normalization.count) != shape_count(&dy->shape) ||
        normalization_parameters(&normalization) != shape_count(&scale->shape))
        return error_set(error, ERROR_INPUT, "attribute layout does not fit the operands");
    for (int i = 1; i < context->output_count; i++) {
        if (infer_output(context, i, scale->dtype, scale->shape.rank, scale->shape.dims, error))
            return -1;
    }
    return infer_output(context, 0, context->inputs[1]->dtype, dy->shape.rank, dy->shape.dims, error);
}

/* Sums of g = dy scale and of g (x - mean) over a row. */
static void sum_row(const struct row_work *work, const float *dy, const float *x, float mean, const float *scale,
                    double sums[2])
{
    int64_t count = work->normalization->count, block = work->normalization->block;
    sums[0] = sums[1] = 0;
    if (block == 1)
        work->kernels->row->gradient_sums(dy, x, mean, scale, count, sums);
    for (int64_t i = 0; block > 1 && i < count / block; i++) {
        double own[2];
        work->kernels->row->gradient_sums(dy + i * block, x + i * block, mean, NULL, block, own);
        sums[0] += (double)scale[i] * own[0];
        sums[1] += (double)scale[i] * own[1];
    }
}

/* dx = inverse (g - mean(g) - (x - mean) inverse^2 mean(g (x - mean))), the first mean only if centred, the second only
 * if the inverse deviation is not held constant. */
static void run_input_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct row_work *work = argument;
    int64_t count = work->normalization->count, block = work->normalization->block;
    for (int64_t row = begin; row < end; row++) {
        const float *x = work->x + row * count, *dy = work->dy + row * count;
        const float *scale = row_parameters(work, work->scale, row);
        float mean, inverse;
        double sums[2];
        row_statistics(work, x, &mean, &inverse);
        work->means[row] = mean;
        work->inverses[row] = inverse;
        if (!work->y)
            continue;
        float *dx = work->y + row * count;
        sum_row(work, dy, x, mean, scale, sums);
        double factor = (double)inverse, offset = work->normalization->centred ? sums[0] / (double)count : 0;
        double slope = work->normalization->held ? 0 : sums[1] / (double)count * factor * factor;
        struct row_gradient gradient = {mean, inverse, (float)(-slope * factor), (float)(-offset * factor)};
        if (block == 1)
            work->kernels->row->gradient(dy, x, scale, &gradient, dx, count);
        for (int64_t i = 0; block > 1 && i < count / block; i++) {
            gradient.by_dy = inverse * scale[i];
            work->kernels->row->gradient(dy + i * block, x + i * block, NULL, &gradient, dx + i * block, block);
        }
    }
}

/* Columns whose sums stay on the stack. */
#define TILE 128

/* Parameters [from, from + columns) of blocks of one element: down the rows. */
static void column_gradients(const struct row_work *work, int64_t from, int64_t columns)
{
    const struct normalization *normalization = work->normalization;
    int64_t count = normalization->count;
    double scale[TILE] = {0}, bias[TILE] = {0};
    for (int64_t row = from / count; row < normalization->rows; row += normalization->row_period) {
        const float *x = work->x + row * count + from % count, *dy = work->dy + row * count + from % count;
        work->kernels->row->column_sums(dy, x, work->means[row], work->inverses[row], columns, scale, bias);
    }
    for (int64_t j = 0; j < columns; j++) {
        if (work->scale_gradient)
            work->scale_gradient[from + j] = (float)scale[j];
        if (work->bias_gradient)
            work->bias_gradient[from + j] = (float)bias[j];
    }
}

static void block_gradient(const struct row_work *work, int64_t parameter)
{
    const struct normalization *normalization = work->normalization;
    int64_t count = normalization->count, block = normalization->block, per_row = count / block;
    double scale = 0, bias = 0;
    for (int64_t row = parameter / per_row; row < normalization->rows; row += normalization->row_period) {
        const float *x = work->x + row * count + parameter % per_row * block;
        const float *dy = work->dy + row * count + parameter % per_row * block;
        double sums[2];
        work->kernels->row->gradient_sums(dy, x, work->means[row], NULL, block, sums);
        scale += sums[1] * (double)work->inverses[row];
        bias += sums[0];
    }
    if (work->scale_gradient)
        work->scale_gradient[parameter] = (float)scale;
    if (work->bias_gradient)
        work->bias_gradient[parameter] = (float)bias;
}

static void run_parameter_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct row_work *work = argument;
    if (work->normalization->block > 1) {
        for (int64_t i = begin; i < end; i++)
            block_gradient(work, i);
        return;
    }
    int64_t count = work->normalization->count;
    for (int64_t from = begin, columns; from < end; from += columns) {
        columns = int64_min(end - from, TILE);
        int64_t left_in_row = count - from % count;
        columns = int64_min(columns, left_in_row);
        column_gradients(work, from, columns);
    }
}

static size_t scratch_gradient(const struct compute_context *context)
{
    return 2 * (size_t)normalization_of(context->node->settings).rows * sizeof(float);
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct normalization normalization = normalization_of(context->node->settings);
    struct row_work work = {.normalization = &normalization,
                            .kernels = context->kernels,
                            .dy = context->inputs[0]->data,
                            .x = context->inputs[1]->data,
                            .scale = context->inputs[2]->data,
                            .y = operand_result(context, 0),
                            .means = context->scratch,
                            .scale_gradient = operand_result(context, 1),
                            .bias_gradient = operand_result(context, 2)};
    work.inverses = work.means + normalization.rows;
    struct row_task rows = {run_input_gradient, &work}, parameters = {run_parameter_gradient, &work};
    rows_run(context->pool, &rows, normalization.rows, normalization.count * 4);
    if (work.scale_gradient || work.bias_gradient)
        rows_run(context->pool, &parameters, normalization_parameters(&normalization),
                 normalization.rows / normalization.row_period * normalization.block * 4);
    return 0;
}

const struct operator_definition operators_normalization_gradient[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "NormalizationGradient",
     .since = 1,
     ARITY(3, 3, 1, 3),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_SCALE},
     SETTINGS(struct gradient_settings, gradient_attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
