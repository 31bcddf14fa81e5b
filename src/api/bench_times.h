/* Timed runs, of inference or of training. */
#ifndef FOVEA_API_BENCH_TIMES_H
#define FOVEA_API_BENCH_TIMES_H

#include "api/api.h"

/* Before the time is over, in benchmarks and profiles. */
#define BENCH_LEAST_RUNS 3

/* Runs `run` as the options say and fills the times, threads, CPU level and peak memory of `bench`. 0; -1: the first
 * run that failed, with its report. */
int bench_times(struct fovea_model *model, const struct fovea_bench_options *options,
                int (*run)(void *user, struct fovea_error *report), void *user, struct fovea_bench *bench,
                struct fovea_error *report);
/* `batch` and sizes; `input` NULL: no input takes images. */
void bench_set_shape(struct fovea_bench *bench, const struct shape *input);

#endif
