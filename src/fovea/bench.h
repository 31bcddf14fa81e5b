/** @file How long a model takes. */
#ifndef FOVEA_BENCH_H
#define FOVEA_BENCH_H

#include "fovea/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_bench_options {
    struct fovea_session_options session;
    int warmup, runs; /**< default: 2, 50 */
    double seconds; /**< stops after `runs` or this long, whichever comes first, but not before three runs; 0: no limit.
                       Default: 20 */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_bench_options fovea_bench_options_default(void);
struct fovea_bench {
    int runs;
    double min_ms, median_ms, mean_ms;
    int64_t macs;  /**< of one forward pass */
    double gflops; /**< 2 macs over the minimum; forward only, else 0 */
    size_t peak_memory;
    int64_t batch;
    int threads;
    const char *cpu;
    const char *work; /**< "forward", "forward and input gradient", "training step" */
    uint64_t reserved[8];
};
struct fovea_node_time {
    char label[160]; /**< operator and name */
    double ms;       /**< minimum over the runs */
    int64_t macs;
    uint64_t reserved[8];
};
/** The time of every node of the session's graph, in order, as it runs (fused). Returns how many were written to
 * times[capacity], -1 on failure. */
FOVEA_API int fovea_session_profile(struct fovea_session *session, int runs, struct fovea_node_time *times,
                                    int capacity, struct fovea_error *error);
FOVEA_API int fovea_session_node_count(const struct fovea_session *session);
/** The forward pass, with `session.gradient` also the input gradient, as often as the options say. `runs` is 1 at
 * least. */
FOVEA_API int fovea_bench(struct fovea_model *model, const struct fovea_bench_options *options,
                          struct fovea_bench *bench, struct fovea_error *error);
/** The same of a step of training (forward, backward, SGD) with cross-entropy on noise; of the session's options the
 * shapes count. `macs` is 0. */
FOVEA_API int fovea_bench_train(struct fovea_model *model, const struct fovea_bench_options *options,
                                struct fovea_bench *bench, struct fovea_error *error);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_bench_json(const struct fovea_model *model, const struct fovea_bench *bench,
                                 struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
