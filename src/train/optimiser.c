#include "train/optimiser.h"

#include <math.h>

#include "base/number.h"

#define GRAIN 16384 /* elements of one task */

struct update_task {
    const struct optimiser_options *options;
    const struct optimiser_update *update;
};

int optimiser_slots(const struct optimiser_options *options)
{
    return options->kind == FOVEA_ADAMW ? 2 : options->momentum != 0;
}

double optimiser_gain(const struct optimiser_options *options)
{
    return options->kind == FOVEA_SGD ? 1 / (1 - options->momentum) : 1;
}

void optimiser_decay(const struct optimiser_options *options, double rate, double decay, int64_t step,
                     struct decayed *decayed)
{
    double gradient = decay * decayed->weight, momentum = options->momentum;
    if (options->kind == FOVEA_SGD) {
        decayed->velocity = step == 1 ? gradient : momentum * decayed->velocity + gradient;
        gradient = options->nesterov ? gradient + momentum * decayed->velocity : decayed->velocity;
    }
    decayed->weight -= rate * gradient;
}

static void update_sgd(const struct optimiser_options *options, const struct optimiser_update *update, int64_t begin,
                       int64_t end)
{
    float *w = update->elements, *v = update->slots[0];
    const float *g = update->gradient;
    const float rate = (float)update->rate, decay = (float)update->decay, momentum = (float)options->momentum;
    const float scale = (float)update->gradient_scale;
    for (int64_t i = begin; i < end; i++) {
        float gradient = g[i] * scale + decay * w[i];
        if (v) {
            v[i] = update->step == 1 ? gradient : momentum * v[i] + gradient;
            gradient = options->nesterov ? gradient + momentum * v[i] : v[i];
        }
        w[i] -= rate * gradient;
    }
}

static void update_adamw(const struct optimiser_options *options, const struct optimiser_update *update, int64_t begin,
                         int64_t end)
{
    float *w = update->elements, *m = update->slots[0], *v = update->slots[1];
    const float *g = update->gradient;
    const float beta1 = (float)options->beta1, beta2 = (float)options->beta2, epsilon = (float)options->epsilon;
    const float own1 = (float)(1 - options->beta1), own2 = (float)(1 - options->beta2);
    const float scale = (float)update->gradient_scale;
    const float first = (float)(update->rate / (1 - pow(options->beta1, (double)update->step)));
    const float second = (float)(1 / sqrt(1 - pow(options->beta2, (double)update->step)));
    const float keep = (float)(1 - update->rate * update->decay);
    for (int64_t i = begin; i < end; i++) {
        float gradient = g[i] * scale;
        m[i] = beta1 * m[i] + own1 * gradient;
        v[i] = beta2 * v[i] + own2 * gradient * gradient;
        w[i] = keep * w[i] - first * m[i] / (sqrtf(v[i]) * second + epsilon);
    }
}

static void run_task(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct update_task *task = argument;
    int64_t begin = (int64_t)index * GRAIN, end = begin + GRAIN;
    end = int64_min(end, task->update->count);
    if (task->options->kind == FOVEA_ADAMW)
        update_adamw(task->options, task->update, begin, end);
    else
        update_sgd(task->options, task->update, begin, end);
}

void optimiser_apply(const struct optimiser_options *options, const struct optimiser_update *update,
                     struct thread_pool *pool)
{
    struct update_task task = {options, update};
    thread_pool_run(pool, run_task, &task, (size_t)((update->count + GRAIN - 1) / GRAIN));
}
