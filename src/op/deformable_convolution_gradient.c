/* DeformConvGradient(dy, x, w, offset, -, mask): dx, dw, doffset, dmask; the bits of `wanted` say which are made. */
#include <string.h>

#include "base/number.h"
#include "op/deformable_convolution.h"
#include "op/families.h"

enum { WANT_X = 1, WANT_W = 2, WANT_OFFSET = 4, WANT_MASK = 8 };

static const struct attribute_rule attributes[] = {
    DEFORMABLE_ATTRIBUTES,
    {INT_ATTRIBUTE(struct deformable_settings, wanted, 0)},
    {0},
};

static int infer_gradient(struct infer_context *context, struct error *error)
{
    static const int like[4] = {1 + DEFORM_X, 1 + DEFORM_W, 1 + DEFORM_OFFSET, 1 + DEFORM_MASK};
    const int64_t none = 0;
    for (int i = 0; i < 4; i++) {
        bool there = infer_has(context, like[i]);
        const struct shape *shape = there ? &context->inputs[like[i]]->shape : NULL;
        if (infer_output(context, i, context->inputs[0]->dtype, there ? shape->rank : 1, there ? shape->dims : &none,
                         error))
            return -1;
    }
    return 0;
}

struct gradient_work {
    struct deformable deformable;
    int64_t wanted, image, first, count;
    const float *dy;
    float *columns, *dcolumns; /* [channels * taps][count] */
    float *dx, *dw, *doffset, *dmask;
};

/* A channel of x at a time: samples share cells, channels do not. */
static void scatter_channels(void *argument, int64_t begin, int64_t end)
{
    const struct gradient_work *work = argument;
    const struct deformable *deformable = &work->deformable;
    int64_t per_group = deformable->channels / deformable->offset_group, plane = deformable->height * deformable->width;
    struct deformable_sample sample;
    for (int64_t c = begin; c < end; c++) {
        float *to = work->dx + (work->image * deformable->channels + c) * plane;
        for (int64_t i = 0; i < deformable->taps * work->count; i++) {
            int64_t tap = i / work->count, point = work->first + i % work->count;
            deformable_sample_at(deformable, work->image, c / per_group, tap, point, &sample);
            float dy = work->dcolumns[(c * deformable->taps + tap) * work->count + i % work->count] *
                       deformable_mask_at(deformable, work->image, c / per_group, tap, point);
            for (int j = 0; j < 4; j++)
                to[sample.at[j]] += sample.weight[j] * dy;
        }
    }
}

/* Sums over a group's channels of dy * sample, and of dy * d(sample)/d(y, x). */
static void sum_sample(const struct gradient_work *work, int64_t group, int64_t tap, int64_t k, float sums[3])
{
    const struct deformable *deformable = &work->deformable;
    int64_t channels = deformable->channels / deformable->offset_group, plane = deformable->height * deformable->width;
    struct deformable_sample sample;
    deformable_sample_at(deformable, work->image, group, tap, work->first + k, &sample);
    sums[0] = sums[1] = sums[2] = 0;
    for (int64_t c = group * channels; c < (group + 1) * channels; c++) {
        const float *x = deformable->x + (work->image * deformable->channels + c) * plane;
        float dy = work->dcolumns[(c * deformable->taps + tap) * work->count + k];
        for (int j = 0; j < 4; j++) {
            float cell = dy * x[sample.at[j]];
            sums[0] += sample.weight[j] * cell;
            sums[1] += sample.slope[0][j] * cell;
            sums[2] += sample.slope[1][j] * cell;
        }
    }
}

/* Rows are (offset group, tap). */
static void sum_samples(void *argument, int64_t begin, int64_t end)
{
    const struct gradient_work *work = argument;
    const struct deformable *deformable = &work->deformable;
    for (int64_t i = begin; i < end; i++) {
        int64_t group = i / deformable->taps, tap = i % deformable->taps;
        int64_t number = work->image * deformable->offset_group * deformable->taps + i;
        for (int64_t k = 0; k < work->count; k++) {
            float sums[3];
            int64_t point = work->first + k;
            float mask = deformable_mask_at(deformable, work->image, group, tap, point);
            sum_sample(work, group, tap, k, sums);
            for (int axis = 0; axis < 2 && (work->wanted & WANT_OFFSET); axis++)
                work->doffset[(number * 2 + axis) * deformable->points + point] = mask * sums[1 + axis];
            if (work->wanted & WANT_MASK)
                work->dmask[number * deformable->points + point] = sums[0];
        }
    }
}

/* dcolumns = w^T dy and dw += dy columns^T, group by group. */
static void multiply(const struct gradient_work *work, bool weights)
{
    const struct deformable *deformable = &work->deformable;
    const struct gemm forward = deformable_product(deformable, work->count);
    struct gemm columns = {.transpose_a = true,
                           .m = forward.k,
                           .n = work->count,
                           .k = forward.m,
                           .lda = forward.k,
                           .ldb = deformable->points,
                           .ldc = work->count,
                           .alpha = 1};
    struct gemm products = {.transpose_b = true,
                            .m = forward.m,
                            .n = forward.k,
                            .k = work->count,
                            .lda = deformable->points,
                            .ldb = work->count,
                            .ldc = forward.k,
                            .alpha = 1,
                            .beta = 1};
    for (int64_t group = 0; group < deformable->group; group++) {
        const float *dy =
            work->dy + (work->image * deformable->outputs + group * forward.m) * deformable->points + work->first;
        int64_t at = group * forward.k * work->count, w = group * forward.m * forward.k;
        if (weights)
            gemm_run(&products, deformable->kernels, deformable->pool, dy, work->columns + at, work->dw + w);
        else
            gemm_run(&columns, deformable->kernels, deformable->pool, deformable->w + w, dy, work->dcolumns + at);
    }
}

static void run_block(struct gradient_work *work)
{
    const struct deformable *deformable = &work->deformable;
    int64_t rows = deformable->offset_group * deformable->taps;
    struct row_task scatter = {scatter_channels, work}, sum = {sum_samples, work};
    if (work->wanted & WANT_W) {
        deformable_gather(deformable, work->image, work->first, work->count, work->columns);
        multiply(work, true);
    }
    if (!(work->wanted & ~WANT_W))
        return;
    multiply(work, false);
    if (work->wanted & WANT_X)
        rows_run(deformable->pool, &scatter, deformable->channels, deformable->taps * work->count * 32);
    if (work->wanted & (WANT_OFFSET | WANT_MASK))
        rows_run(deformable->pool, &sum, rows, work->count * deformable->channels * 16);
}

static size_t scratch_gradient(const struct compute_context *context)
{
    const struct shape *x = &context->inputs[1 + DEFORM_X]->shape, *w = &context->inputs[1 + DEFORM_W]->shape;
    return (size_t)(x->dims[1] * w->dims[2] * w->dims[3]) * DEFORMABLE_BLOCK * 2 * sizeof(float);
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    const struct deformable_settings *settings = context->node->settings;
    struct gradient_work work = {.wanted = settings->wanted,
                                 .dy = context->inputs[0]->data,
                                 .columns = context->scratch,
                                 .dx = context->outputs[0]->data,
                                 .dw = context->outputs[1]->data,
                                 .doffset = context->outputs[2]->data,
                                 .dmask = context->outputs[3]->data};
    struct deformable *deformable = &work.deformable;
    const struct shape *shapes[DEFORM_INPUTS];
    for (int i = 0; i < DEFORM_INPUTS; i++)
        shapes[i] = 1 + i < context->input_count && context->inputs[1 + i] ? &context->inputs[1 + i]->shape : NULL;
    if (deformable_read(settings, shapes, deformable, error))
        return -1;
    deformable->x = context->inputs[1 + DEFORM_X]->data;
    deformable->w = context->inputs[1 + DEFORM_W]->data;
    deformable->offset = context->inputs[1 + DEFORM_OFFSET]->data;
    deformable->mask = operand_data(context, 1 + DEFORM_MASK);
    deformable->pool = context->pool;
    deformable->kernels = context->kernels;
    work.dcolumns = work.columns + deformable->channels * deformable->taps * DEFORMABLE_BLOCK;
    for (int i = 0; i < 4; i++)
        memset(context->outputs[i]->data, 0, tensor_bytes(context->outputs[i]));
    for (work.image = 0; work.image < deformable->images; work.image++) {
        for (work.first = 0; work.first < deformable->points; work.first += DEFORMABLE_BLOCK) {
            int64_t left = deformable->points - work.first;
            work.count = int64_min(left, DEFORMABLE_BLOCK);
            run_block(&work);
        }
    }
    return 0;
}

const struct operator_definition operators_deformable_convolution_gradient[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "DeformConvGradient",
     .since = 1,
     ARITY(4, 6, 4, 4),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_WEIGHT, ROLE_INDICES, ROLE_SHIFT, ROLE_MASK},
     SETTINGS(struct deformable_settings, attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
