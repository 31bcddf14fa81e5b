#include "analysis/imbalance.h"

#include <math.h>

/* Mean absolute difference of the given order along one axis: `step` between neighbours, `length` pixels in each of
 * `lines` lines that begin `line_step` apart. */
static double mean_difference(const double *map, int order, int64_t length, int64_t step, int64_t lines,
                              int64_t line_step)
{
    double sum = 0;
    if (length <= order)
        return 0;
    for (int64_t line = 0; line < lines; line++) {
        const double *at = map + line * line_step;
        for (int64_t i = 0; i + order < length; i++, at += step)
            sum += fabs(order == 1 ? at[step] - at[0] : at[2 * step] - 2 * at[step] + at[0]);
    }
    return sum / (double)(lines * (length - order));
}

void imbalance_measure(const double *map, int64_t height, int64_t width, double imbalance[2])
{
    for (int order = 1; order <= 2; order++)
        imbalance[order - 1] = (mean_difference(map, order, height, width, width, 1) +
                                mean_difference(map, order, width, 1, height, width)) /
                               2;
}

static double phase_mass(const double *map, int64_t height, int64_t width, int64_t stride, int64_t y, int64_t x)
{
    double sum = 0;
    for (int64_t i = y; i < height / stride * stride; i += stride) {
        for (int64_t j = x; j < width / stride * stride; j += stride)
            sum += map[i * width + j];
    }
    return sum;
}

bool phase_imbalance_measure(const double *map, int64_t height, int64_t width, int64_t stride,
                             struct fovea_phases *phases)
{
    double largest = -HUGE_VAL, smallest = HUGE_VAL;
    *phases = (struct fovea_phases){.stride = stride};
    if (stride < 2 || stride > PHASE_LARGEST_STRIDE || stride > height || stride > width)
        return false;
    for (int64_t phase = 0; phase < stride * stride; phase++) {
        const int64_t at[2] = {phase / stride, phase % stride};
        double mass = phase_mass(map, height, width, stride, at[0], at[1]);
        for (int axis = 0; axis < 2; axis++) {
            phases->largest[axis] = mass > largest ? at[axis] : phases->largest[axis];
            phases->smallest[axis] = mass < smallest ? at[axis] : phases->smallest[axis];
        }
        largest = fmax(largest, mass);
        smallest = fmin(smallest, mass);
    }
    phases->ratio = largest > 0 ? largest / smallest : 0; /* HUGE_VAL where a phase holds nothing */
    return true;
}
