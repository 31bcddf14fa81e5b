#include "op/channel_planes.h"

#include "base/number.h"
#include "kernel/row_kernel.h"
#include "op/operand.h"

struct channel_planes channel_planes_of(const struct compute_context *context, const struct shape *shape)
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

void channel_planes_affine(struct compute_context *context, const struct channel_planes *planes)
{
    struct row_task task = {run_affine, (void *)planes};
    rows_run(context->pool, &task, planes->batch * planes->channels, planes->cells);
}

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

void channel_moments(const struct channel_planes *planes, int64_t c, float *mean, float *variance)
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

void channel_products(const struct channel_planes *planes, int64_t c, float mean, double sums[2])
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

void channels_run(struct compute_context *context, const struct channel_planes *planes, void *job,
                  void (*run)(void *, int64_t, int64_t))
{
    struct row_task task = {run, job};
    rows_run(context->pool, &task, planes->channels, planes->batch * planes->cells);
}
