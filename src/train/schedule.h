/* Learning rates over a run. */
#ifndef FOVEA_TRAIN_SCHEDULE_H
#define FOVEA_TRAIN_SCHEDULE_H

#include "fovea/tune.h"

struct schedule {
    enum fovea_schedule kind; /* FOVEA_SCHEDULE_STEP: times `factor` after each of `stages` equal parts but the last */
    int64_t steps, warmup;    /* in all; of them with a rate that rises linearly from 0 */
    double factor, power, last; /* last: smallest factor of the rate */
    int stages;
};

/* The factor of the rate at `step`, from 0. */
double schedule_factor(const struct schedule *schedule, int64_t step);

#endif
