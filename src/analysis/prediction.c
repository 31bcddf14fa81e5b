#include "analysis/prediction.h"

#include <math.h>

bool prediction_view(const struct shape *shape, struct unit_view *view)
{
    if ((shape->rank != 2 && shape->rank != 4) || shape->dims[1] < 2)
        return false;
    int64_t units = shape_product(shape, 2, shape->rank);
    *view = (struct unit_view){.images = shape->dims[0],
                               .units = units,
                               .channels = shape->dims[1],
                               .image_step = shape->dims[1] * units,
                               .unit_step = 1,
                               .channel_step = units};
    return true;
}

int64_t prediction_class(const struct unit_view *view, const float *elements, int64_t image, int64_t unit)
{
    int64_t best = 0;
    float largest = -INFINITY;
    for (int64_t k = 0; k < view->channels; k++) {
        float value = elements[unit_view_at(view, image, unit, k)];
        if (!isfinite(value))
            return -1;
        if (value > largest) {
            largest = value;
            best = k;
        }
    }
    return best;
}

int64_t prediction_rank(const struct unit_view *view, const float *elements, int64_t image, int64_t unit, int64_t label)
{
    float own = elements[unit_view_at(view, image, unit, label)];
    int64_t rank = 0;
    for (int64_t k = 0; k < view->channels; k++) {
        float value = elements[unit_view_at(view, image, unit, k)];
        rank += !(value < own) && k != label && (k < label || value != own);
    }
    return rank;
}

double prediction_probability(const struct unit_view *view, const float *elements, int64_t image, int64_t unit,
                              int64_t channel)
{
    double sum = 0, own = (double)elements[unit_view_at(view, image, unit, channel)];
    for (int64_t k = 0; k < view->channels; k++)
        sum += exp((double)elements[unit_view_at(view, image, unit, k)] - own);
    return 1 / sum;
}
