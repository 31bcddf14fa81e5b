/* A run that is not made: its plan, and its time by a few steps. */
#include "api/entry.h"
#include "api/tune_work.h"

static double epoch_seconds(const struct arm_times *times)
{
    return times->step * (double)times->batches + times->validation;
}

void tune_sum_times(const struct tune_work *work, struct fovea_tune_rehearsal *rehearsal)
{
    const struct arm_times *times = &work->arms[0].times;
    int arms = work->control ? 2 : 1;
    double alike = (double)work->seeds * (double)work->options->epochs;
    rehearsal->runs = work->seeds * arms;
    rehearsal->steps = times->steps;
    rehearsal->step_seconds = times->step;
    rehearsal->validation_seconds = times->validation;
    rehearsal->epoch_seconds = epoch_seconds(times);
    for (int i = 0; i < arms; i++)
        rehearsal->total_seconds += alike * epoch_seconds(&work->arms[i].times);
}

int fovea_tune_rehearse(struct fovea_model *model, const struct fovea_tune_options *options,
                        const struct fovea_tune_calls *calls, struct fovea_tune_rehearsal *rehearsal,
                        struct fovea_error *report)
{
    ENTRY entry = {0};
    struct fovea_tune tune;
    if (entry_result(&entry, "rehearsal", rehearsal, sizeof *rehearsal))
        return entry_refuse(&entry, report);
    if (tune_model(model, options, NULL, false, calls, NULL, rehearsal, &tune, report))
        return -1;
    rehearsal->plan = tune.plan;
    rehearsal->storage = tune.storage;
    return 0;
}

void fovea_tune_rehearsal_free(struct fovea_tune_rehearsal *rehearsal)
{
    if (!rehearsal)
        return;
    arena_destroy(rehearsal->storage);
    *rehearsal = (struct fovea_tune_rehearsal){0};
}
