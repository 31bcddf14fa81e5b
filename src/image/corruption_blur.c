#include <math.h>
#include <string.h>

#include "base/number.h"
#include "image/corruption_steps.h"

static int64_t clamped(int64_t index, int64_t size)
{
    return int64_clamp(index, 0, size - 1);
}

/* One line, weights given for distances 0 to reach; the edge is repeated. */
static void blur_one_line(const float *from, float *to, int64_t length, int64_t step, const double *weights,
                          int64_t reach)
{
    for (int64_t i = 0; i < length; i++) {
        double sum = weights[0] * (double)from[i * step];
        for (int64_t d = 1; d <= reach; d++)
            sum += weights[d] * (double)(from[clamped(i - d, length) * step] + from[clamped(i + d, length) * step]);
        to[i * step] = (float)sum;
    }
}

#define MOST_REACH 512

void blur_gaussian(struct planes *planes, double sigma)
{
    double weights[MOST_REACH + 1], total = 0;
    int64_t reach = (int64_t)ceil(4 * sigma), plane = planes->height * planes->width;
    reach = reach > MOST_REACH ? MOST_REACH : reach;
    for (int64_t d = 0; d <= reach; d++) {
        weights[d] = exp(-(double)(d * d) / (2 * sigma * sigma));
        total += d ? 2 * weights[d] : weights[d];
    }
    for (int64_t d = 0; d <= reach; d++)
        weights[d] /= total;
    for (int64_t c = 0; c < planes->channels; c++) {
        float *values = planes->values + c * plane, *work = planes->work + c * plane;
        for (int64_t y = 0; y < planes->height; y++)
            blur_one_line(values + y * planes->width, work + y * planes->width, planes->width, 1, weights, reach);
        for (int64_t x = 0; x < planes->width; x++)
            blur_one_line(work + x, values + x, planes->height, planes->width, weights, reach);
    }
}

/* Mean over the offsets that `covers` weighs, within `reach` of every pixel. */
struct stencil {
    double radius, length, angle; /* length 0: a disk */
};

/* The share of a pixel at (dy, dx) that the stencil covers, with a soft edge of one pixel. */
static double covers(const struct stencil *stencil, int64_t dy, int64_t dx)
{
    if (stencil->length == 0)
        return fmin(fmax(stencil->radius + 0.5 - hypot((double)dy, (double)dx), 0), 1);
    double along = (double)dx * cos(stencil->angle) + (double)dy * sin(stencil->angle);
    double beside = (double)dy * cos(stencil->angle) - (double)dx * sin(stencil->angle);
    return fmin(fmax(stencil->length / 2 + 0.5 - fabs(along), 0), 1) * fmin(fmax(1 - fabs(beside), 0), 1);
}

static void blur_stencil(struct planes *planes, const struct stencil *stencil, int64_t reach)
{
    int64_t plane = planes->height * planes->width;
    double total = 0;
    memset(planes->work, 0, (size_t)(planes->channels * plane) * sizeof *planes->work);
    for (int64_t dy = -reach; dy <= reach; dy++) {
        for (int64_t dx = -reach; dx <= reach; dx++) {
            double weight = covers(stencil, dy, dx);
            total += weight;
            for (int64_t i = 0; weight > 0 && i < planes->channels * plane; i++) {
                int64_t y = clamped(i % plane / planes->width + dy, planes->height);
                int64_t x = clamped(i % planes->width + dx, planes->width);
                planes->work[i] += (float)weight * planes->values[i / plane * plane + y * planes->width + x];
            }
        }
    }
    for (int64_t i = 0; i < planes->channels * plane; i++)
        planes->values[i] = planes->work[i] / (float)total;
}

void blur_disk(struct planes *planes, double radius)
{
    const struct stencil stencil = {radius, 0, 0};
    blur_stencil(planes, &stencil, (int64_t)ceil(radius + 0.5));
}

void blur_line(struct planes *planes, double length, double angle)
{
    const struct stencil stencil = {0, fmax(length, 1e-9), angle};
    blur_stencil(planes, &stencil, (int64_t)ceil(length / 2 + 1));
}
