#include <math.h>

#include "analysis/erf.h"

static double clamp_index(double position, int64_t size)
{
    double nearest = floor(position + 0.5);
    return fmin(fmax(nearest, 0), (double)(size - 1));
}

static void measure_pixel(struct erf_metrics *metrics, double value, double y, double x, const double centre[2])
{
    double distance = hypot(y - centre[0], x - centre[1]);
    metrics->sum += value;
    metrics->centre_of_mass[0] += value * y;
    metrics->centre_of_mass[1] += value * x;
    for (int i = 0; i < ERF_RADII; i++)
        metrics->mass_within[i] += distance <= metrics->radii[i] ? value : 0;
}

static void divide_by_sum(struct erf_metrics *metrics)
{
    double scale = metrics->sum > 0 ? 1 / metrics->sum : 0;
    for (int axis = 0; axis < 2; axis++)
        metrics->centre_of_mass[axis] *= scale;
    for (int i = 0; i < ERF_RADII; i++)
        metrics->mass_within[i] *= scale;
    metrics->border_share *= scale;
}

void erf_measure(const double *map, int64_t height, int64_t width, const double centre[2], struct erf_metrics *metrics)
{
    /* The radii of the authors' tool OpenERF. */
    *metrics = (struct erf_metrics){.radii = {5, 10, 20, 30, 40, 60, 80}, .min = HUGE_VAL, .max = -HUGE_VAL};
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            double value = map[y * width + x];
            measure_pixel(metrics, value, (double)y, (double)x, centre);
            metrics->min = fmin(metrics->min, value);
            if (value > metrics->max) {
                metrics->max = value;
                metrics->argmax[0] = y;
                metrics->argmax[1] = x;
            }
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1)
                metrics->border_share += value;
        }
    }
    metrics->centre_value =
        map[(int64_t)clamp_index(centre[0], height) * width + (int64_t)clamp_index(centre[1], width)];
    divide_by_sum(metrics);
}
