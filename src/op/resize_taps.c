#include "op/resize_taps.h"
#include "base/number.h"

#include <math.h>

static double exact_coordinate(const struct resize *resize, const struct resize_axis *axis, double x)
{
    double input = (double)axis->input;
    /* The resized length may be fractional when it comes from a scale. */
    double length =
        resize->whole_lengths && resize->transform == RESIZE_ALIGN_CORNERS ? (double)axis->output : axis->scale * input;
    switch (resize->transform) {
    case RESIZE_HALF_PIXEL_SYMMETRIC: {
        double adjustment = (double)axis->output / length;
        return input / 2 * (1 - adjustment) + (x + 0.5) / axis->scale - 0.5;
    }
    case RESIZE_PYTORCH_HALF_PIXEL:
        return axis->output > 1 ? (x + 0.5) / axis->scale - 0.5 : 0;
    case RESIZE_ALIGN_CORNERS:
        return length == 1 || axis->output == 1 ? 0 : x * (input - 1) / (length - 1);
    case RESIZE_ASYMMETRIC:
        return x / axis->scale;
    case RESIZE_TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / axis->scale;
    case RESIZE_TF_CROP_AND_RESIZE:
        if (axis->output == 1)
            return 0.5 * (axis->start + axis->end) * (input - 1);
        return axis->start * (input - 1) + x * (axis->end - axis->start) * (input - 1) / ((double)axis->output - 1);
    default:
        return (x + 0.5) / axis->scale - 0.5;
    }
}

/* Scales are floats: 13.5 / 2.7 is meant to be 5, which only the float nearest to the quotient is. */
double resize_coordinate(const struct resize *resize, const struct resize_axis *axis, double x)
{
    return (double)(float)exact_coordinate(resize, axis, x);
}

bool resize_outside(const struct resize *resize, const struct resize_axis *axis, int64_t x)
{
    if (resize->transform != RESIZE_TF_CROP_AND_RESIZE)
        return false;
    double at = resize_coordinate(resize, axis, (double)x);
    return !(at >= 0 && at <= (double)(axis->input - 1));
}

static double round_coordinate(const struct resize *resize, const struct resize_axis *axis, double at)
{
    switch (resize->rounding) {
    case RESIZE_ROUND_PREFER_CEIL:
        return floor(at + 0.5);
    case RESIZE_FLOOR:
        return floor(at);
    case RESIZE_CEIL:
        return ceil(at);
    case RESIZE_SIMPLE:
        return axis->scale < 1 ? ceil(at) : floor(at);
    default:
        return ceil(at - 0.5);
    }
}

/* How much wider the filter is than when enlarging: reductions only, and only with antialias. */
static double filter_scale(const struct resize *resize, const struct resize_axis *axis)
{
    return resize->antialias && axis->scale < 1 ? axis->scale : 1;
}

/* Cells of the input grid, counted from the floor of the coordinate, in [lowest, lowest + count). */
static void footprint(const struct resize *resize, const struct resize_axis *axis, int64_t *lowest, int64_t *count)
{
    double support = resize->mode == RESIZE_LINEAR ? 1 : 2;
    *lowest = (int64_t)floor(-support / filter_scale(resize, axis)) + 1;
    *count = 2 - 2 * *lowest;
}

static double filter(const struct resize *resize, double distance)
{
    double d = fabs(distance), a = resize->cubic_a;
    if (resize->mode == RESIZE_LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

int64_t resize_tap_count(const struct resize *resize, const struct resize_axis *axis)
{
    if (resize->mode == RESIZE_NEAREST)
        return 1;
    int64_t lowest, count;
    footprint(resize, axis, &lowest, &count);
    return int64_min(count, axis->input);
}

/* Coordinates beyond any input, or not a number, count as just outside. */
static int64_t to_cell(double at, int64_t input)
{
    double limit = 4.0 * (double)input + 4;
    return !(at > -limit) ? -4 * input - 4 : at > limit ? 4 * input + 4 : (int64_t)at;
}

/* Weights beyond the input go to its edge cell, or nowhere with exclude_outside, and the sum is 1 again where asked. */
static void fill_cell(const struct resize *resize, const struct resize_axis *axis, double at, int64_t taps,
                      int64_t *first, float *weights)
{
    int64_t lowest, count, floor_cell = to_cell(floor(at), axis->input);
    footprint(resize, axis, &lowest, &count);
    double ratio = at - floor(at), scale = filter_scale(resize, axis), sum = 0;
    *first = int64_clamp(floor_cell + lowest, 0, axis->input - taps);
    for (int64_t i = 0; i < count; i++) {
        int64_t cell = floor_cell + lowest + i;
        bool outside = cell < 0 || cell >= axis->input;
        if (!(outside && resize->exclude_outside))
            sum += filter(resize, ((double)(lowest + i) - ratio) * scale);
    }
    bool normalise = (resize->antialias || resize->exclude_outside) && sum != 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t cell = floor_cell + lowest + i;
        bool outside = cell < 0 || cell >= axis->input;
        double weight = filter(resize, ((double)(lowest + i) - ratio) * scale);
        if (outside && resize->exclude_outside)
            continue;
        weights[int64_clamp(int64_clamp(cell, 0, axis->input - 1) - *first, 0, taps - 1)] +=
            (float)(normalise ? weight / sum : weight);
    }
}

void resize_fill_taps(const struct resize *resize, const struct resize_axis *axis, int64_t *first, float *weights)
{
    int64_t taps = resize_tap_count(resize, axis);
    for (int64_t x = 0; x < axis->made; x++) {
        double at = resize_coordinate(resize, axis, (double)(axis->made_first + x));
        float *own = weights + x * taps;
        for (int64_t i = 0; i < taps; i++)
            own[i] = 0;
        first[x] = 0;
        if (resize_outside(resize, axis, axis->made_first + x))
            continue;
        if (resize->mode == RESIZE_NEAREST) {
            first[x] = int64_clamp(to_cell(round_coordinate(resize, axis, at), axis->input), 0, axis->input - 1);
            own[0] = 1;
        } else {
            fill_cell(resize, axis, at, taps, &first[x], own);
        }
        first[x] -= axis->held_first;
    }
}

struct interval resize_reach(const struct resize *resize, const struct resize_axis *axis, int64_t x)
{
    if (!axis->active)
        return (struct interval){x, x};
    /* The same far limit as the other unclipped intervals. */
    const double limit = 0x1p40;
    double at = resize_coordinate(resize, axis, (double)x);
    at = !(at > -limit) ? -limit : at > limit ? limit : at;
    if (resize->mode == RESIZE_NEAREST) {
        int64_t cell = (int64_t)round_coordinate(resize, axis, at);
        return (struct interval){cell, cell};
    }
    double scale = filter_scale(resize, axis);
    if (scale == 1 && at == floor(at)) /* both filters are 0 at whole distances */
        return (struct interval){(int64_t)at, (int64_t)at};
    double support = (resize->mode == RESIZE_LINEAR ? 1 : 2) / scale;
    return (struct interval){(int64_t)floor(at - support) + 1, (int64_t)ceil(at + support) - 1};
}
