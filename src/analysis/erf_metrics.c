#include <math.h>
#include <string.h>

#include "analysis/erf.h"

static double clamp_index(double position, int64_t size)
{
    double nearest = floor(position + 0.5);
    return fmin(fmax(nearest, 0), (double)(size - 1));
}

static void measure_pixel(struct fovea_erf *erf, double value, double y, double x)
{
    double distance = hypot(y - erf->centre[0], x - erf->centre[1]);
    erf->sum += value;
    erf->centre_of_mass[0] += value * y;
    erf->centre_of_mass[1] += value * x;
    for (int i = 0; i < FOVEA_ERF_RADII; i++)
        erf->mass_within[i] += distance <= erf->radii[i] ? value : 0;
}

static void divide_by_sum(struct fovea_erf *erf)
{
    double scale = erf->sum > 0 ? 1 / erf->sum : 0;
    for (int axis = 0; axis < 2; axis++)
        erf->centre_of_mass[axis] *= scale;
    for (int i = 0; i < FOVEA_ERF_RADII; i++)
        erf->mass_within[i] *= scale;
    erf->border_share *= scale;
}

void erf_measure(const double *map, struct fovea_erf *erf)
{
    /* The radii of the authors' tool OpenERF. */
    static const double radii[FOVEA_ERF_RADII] = {5, 10, 20, 30, 40, 60, 80};
    int64_t height = erf->height, width = erf->width;
    erf->sum = erf->border_share = 0;
    erf->min = HUGE_VAL;
    erf->max = -HUGE_VAL;
    memcpy(erf->radii, radii, sizeof radii);
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            double value = map[y * width + x];
            measure_pixel(erf, value, (double)y, (double)x);
            erf->min = fmin(erf->min, value);
            if (value > erf->max) {
                erf->max = value;
                erf->argmax[0] = y;
                erf->argmax[1] = x;
            }
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1)
                erf->border_share += value;
        }
    }
    erf->centre_value =
        map[(int64_t)clamp_index(erf->centre[0], height) * width + (int64_t)clamp_index(erf->centre[1], width)];
    divide_by_sum(erf);
}
