#include "kernel/peak.h"

#include <string.h>

#include "base/clock.h"

#define OPERATIONS (INT64_C(1) << 25) /* of one item of arithmetic: a millisecond or less */
#define COPY_PART ((size_t)1 << 20)

struct peak_job {
    const struct kernels *kernels;
    char *from, *to;
};

static void compute_part(void *argument, size_t index, int thread)
{
    const struct peak_job *job = argument;
    volatile float kept;
    (void)index, (void)thread;
    kept = job->kernels->multiply_adds(OPERATIONS);
    (void)kept;
}

static void copy_part(void *argument, size_t index, int thread)
{
    const struct peak_job *job = argument;
    (void)thread;
    memcpy(job->to + index * COPY_PART, job->from + index * COPY_PART, COPY_PART);
}

/* Units a second, where every item is `units` of them. */
static double best_rate(struct thread_pool *pool, thread_task *task, struct peak_job *job, size_t items, double units,
                        int runs)
{
    double best = 0;
    for (int run = 0; run < runs; run++) {
        double start = clock_seconds();
        thread_pool_run(pool, task, job, items);
        double rate = units * (double)items / (clock_seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

struct peak peak_measure(const struct kernels *kernels, struct thread_pool *pool, int runs, void *room)
{
    struct peak_job job = {.kernels = kernels, .from = room, .to = (char *)room + PEAK_BYTES / 2};
    struct peak peak = {0};
    size_t threads = (size_t)thread_pool_size(pool);
    peak.gflops = best_rate(pool, compute_part, &job, 4 * threads, (double)OPERATIONS, 4 * runs) * 1e-9;
    if (room) {
        memset(room, 1, PEAK_BYTES / 2); /* pages that were never written are all the same one */
        memset(job.to, 0, PEAK_BYTES / 2);
        peak.copied = best_rate(pool, copy_part, &job, PEAK_BYTES / 2 / COPY_PART, 2.0 * COPY_PART, runs) * 1e-9;
    }
    return peak;
}
