#include "train/schedule.h"

#include <math.h>

double schedule_factor(const struct schedule *schedule, int64_t step)
{
    if (step < schedule->warmup)
        return (double)(step + 1) / (double)schedule->warmup;
    double length = (double)(schedule->steps - schedule->warmup);
    double t = length > 0 ? fmin(1, (double)(step - schedule->warmup) / length) : 0, factor = 1;
    switch (schedule->kind) {
    case FOVEA_SCHEDULE_COSINE:
        factor = (1 + cos(M_PI * t)) / 2;
        break;
    case FOVEA_SCHEDULE_STEP:
        factor = pow(schedule->factor, floor(t * schedule->stages));
        break;
    case FOVEA_SCHEDULE_POLYNOMIAL:
        factor = pow(1 - t, schedule->power);
        break;
    default:
        break;
    }
    return fmax(factor, schedule->last);
}
