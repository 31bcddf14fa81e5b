/* How long a run takes, by a few of its steps. */
#include "train/arm_work.h"

#include "base/clock.h"

/* The first steps meet cold memory, and the loader is ahead of them: they are not counted. */
#define WARM_STEPS 3
#define WARM_SECONDS 4.
/* Enough are timed when so many are, or for so long. */
#define TIMED_STEPS 20
#define TIMED_SECONDS 8.

struct watch {
    const struct arm *arm;
    const char *what;
    double begun, since; /* since: of the steps that are timed */
    int64_t done, timed;
    bool warm;
};

static struct watch watch_start(const struct arm *arm, const char *what)
{
    progress_step(&arm->model->context->progress, what, 0, WARM_STEPS + TIMED_STEPS);
    double now = clock_seconds();
    return (struct watch){.arm = arm, .what = what, .begun = now, .since = now};
}

/* After each step; whether another one is wanted. */
static bool watch_step(struct watch *watch)
{
    double now = clock_seconds();
    progress_step(&watch->arm->model->context->progress, watch->what, (size_t)++watch->done, WARM_STEPS + TIMED_STEPS);
    if (watch->warm)
        return ++watch->timed < TIMED_STEPS && now - watch->since < TIMED_SECONDS;
    watch->warm = watch->done >= WARM_STEPS || now - watch->begun >= WARM_SECONDS;
    watch->since = now;
    return true;
}

/* Of a step; of too few to be timed apart, their mean. */
static double watch_seconds(const struct watch *watch)
{
    double seconds = clock_seconds() - (watch->timed > 0 ? watch->since : watch->begun);
    int64_t steps = watch->timed > 0 ? watch->timed : watch->done;
    return steps > 0 ? seconds / (double)steps : 0;
}

static int time_steps(struct arm *arm, struct arm_times *times, struct error *error)
{
    const struct loader_batch *batch;
    struct watch watch = watch_start(arm, "timed steps");
    bool wanted = true;
    for (uint64_t epoch = 1; wanted; epoch++) {
        int64_t before = watch.done;
        loader_start(arm->batches, epoch);
        while (wanted) {
            struct trainer_result result;
            if (loader_next(arm->batches, &batch, error))
                return -1;
            if (!batch)
                break;
            double rate = schedule_factor(&arm->schedule, arm->at.updates) * arm->options->trainer.optimiser.rate;
            if (arm_step(arm, batch, rate, &result, error))
                return -1;
            arm->at.updates += result.updated && arm->at.updates + 1 < arm->schedule.steps;
            wanted = watch_step(&watch);
        }
        if (watch.done == before) /* nothing of the data can be read */
            break;
    }
    times->step = watch_seconds(&watch);
    times->steps = watch.timed > 0 ? watch.timed : watch.done;
    times->batches = arm_batches_per_epoch(arm);
    return 0;
}

static int time_batches(struct arm *arm, struct evaluator *evaluator, double *seconds, struct error *error)
{
    const struct loader_batch *batch;
    const struct evaluated none = {.not_finite = true};
    struct watch watch = watch_start(arm, "timed validation");
    loader_start(arm->validation, 0);
    do {
        if (loader_next(arm->validation, &batch, error) ||
            (batch &&
             evaluate_batch(evaluator, arm->validation, batch, arm->metrics, arm->options->loss.ignored, &none, error)))
            return -1;
    } while (batch && watch_step(&watch));
    *seconds = watch_seconds(&watch) * (double)loader_batches(arm->validation);
    return 0;
}

/* The network is made anew for each validation: of the weights as they are then. */
static int time_validation(struct arm *arm, struct arm_times *times, struct error *error)
{
    struct evaluator evaluator;
    double begun = clock_seconds(), seconds = 0;
    if (!arm->options->validate)
        return 0;
    if (trainer_store(arm->trainer, error) || arm_open_evaluator(arm, &evaluator, arm->model, error))
        return -1;
    times->validation = clock_seconds() - begun;
    metrics_reset(arm->metrics);
    int result = evaluation_check_units(loader_units(arm->validation), evaluator.units, error) ||
                         time_batches(arm, &evaluator, &seconds, error)
                     ? -1
                     : 0;
    evaluator_destroy(&evaluator);
    times->validation += seconds;
    return result;
}

int arm_rehearse(struct arm *arm, struct arm_times *times, struct error *error)
{
    return time_steps(arm, times, error) || time_validation(arm, times, error) ? -1 : 0;
}
