#include <stdlib.h>

#include "analysis/cost.h"
#include "api/bench_times.h"
#include "api/entry.h"
#include "api/session.h"
#include "base/clock.h"
#include "runtime/session.h"

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(struct fovea_model *model, const struct fovea_bench_options *options,
                   int (*run)(void *user, struct fovea_error *report), void *user, double *times,
                   struct fovea_bench *bench, struct fovea_error *report)
{
    double started = clock_milliseconds(), limit = options->seconds * 1e3;
    for (int i = 0; i < options->warmup; i++) {
        if (run(user, report))
            return -1;
    }
    for (bench->runs = 0; bench->runs < options->runs; bench->runs++) {
        double before = clock_milliseconds();
        if (limit > 0 && bench->runs >= BENCH_LEAST_RUNS && before - started > limit)
            break;
        if (run(user, report))
            return -1;
        times[bench->runs] = clock_milliseconds() - before;
        progress_step(&model->context->progress, "runs", (size_t)bench->runs + 1, (size_t)options->runs);
    }
    return 0;
}

static void summarise(const struct fovea_model *model, double *times, struct fovea_bench *bench)
{
    double sum = 0;
    int runs = bench->runs;
    qsort(times, (size_t)runs, sizeof *times, compare_doubles);
    for (int i = 0; i < runs; i++)
        sum += times[i];
    bench->min_ms = times[0];
    bench->median_ms = runs % 2 ? times[runs / 2] : (times[runs / 2 - 1] + times[runs / 2]) / 2;
    bench->mean_ms = sum / runs;
    bench->peak_memory = fovea_peak_memory(model->fovea);
    bench->threads = fovea_threads(model->fovea);
    bench->cpu = fovea_cpu(model->fovea);
    bench->half_weights = model->context->half_weights;
    bench->no_winograd = model->context->direct;
}

int bench_times(struct fovea_model *model, const struct fovea_bench_options *options,
                int (*run)(void *user, struct fovea_error *report), void *user, struct fovea_bench *bench,
                struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    double *times = memory_allocate(memory, (size_t)options->runs, sizeof *times, &error);
    if (!times)
        return api_fail(&error, report);
    int result = measure(model, options, run, user, times, bench, report);
    if (result == 0 && context_poll(model->context, &error))
        result = api_fail(&error, report);
    if (result == 0)
        summarise(model, times, bench);
    memory_release(memory, times);
    return result;
}

void bench_set_shape(struct fovea_bench *bench, const struct shape *input)
{
    bench->batch = input && input->rank == 4 ? input->dims[0] : 1;
    bench->rank = input ? input->rank : -1;
    for (int i = 0; i < bench->rank; i++) {
        bench->dims[i] = (int32_t)input->dims[i];
        if (bench->dims[i] != input->dims[i])
            bench->rank = -1;
    }
}

static int run_session(void *user, struct fovea_error *report)
{
    return fovea_session_run(user, report);
}

int fovea_bench(struct fovea_model *model, const struct fovea_bench_options *options, struct fovea_bench *bench,
                struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "bench", bench, sizeof *bench) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_bench_options))
        return entry_refuse(&entry, report);
    *bench = (struct fovea_bench){0};
    struct fovea_session_options noisy = options->session;
    noisy.noise = true;
    struct fovea_session *session = api_session_open(model, &noisy, true, report);
    if (!session)
        return -1;
    int result = bench_times(model, options, run_session, session, bench, report);
    const struct value *input = api_image_input(session->graph);
    bench->work = session->gradient ? "forward and input gradient" : "forward";
    bench->macs = cost_macs_forward(session->graph);
    bench->gflops = session->gradient || result ? 0 : 2 * (double)bench->macs / (bench->min_ms * 1e6);
    bench_set_shape(bench, input ? &input->shape : NULL);
    fovea_session_free(session);
    return result;
}
