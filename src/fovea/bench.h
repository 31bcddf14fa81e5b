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
    const char *work;             /**< "forward", "forward and input gradient", "training step" */
    bool half_weights;            /**< the model ran with weights in half precision */
    bool no_winograd;             /**< 3x3 convolutions ran by all their products */
    int rank;                     /**< of the input that takes images; -1: there is none, or its sizes are no ints */
    int32_t dims[FOVEA_MAX_RANK]; /**< its sizes */
    uint64_t reserved[4];
};
/** What the machine can do at most, with this context's threads and instruction set. */
struct fovea_peak {
    double gflops; /**< multiply-adds in registers, two operations each */
    double
        gbytes; /**< GB/s, read and written, of copies in memory that no cache holds; 0: there was no room for them */
    uint64_t reserved[4];
};
/** Measures for half a second. */
FOVEA_API int fovea_measure_peak(struct fovea *fovea, struct fovea_peak *peak, struct fovea_error *error);

/** A node as it runs, several of the file's joined in it, or all nodes of one kind. */
struct fovea_node_time {
    const char *kind;  /**< operator, and how it is computed where there are several ways: "Conv, winograd" */
    const char *name;  /**< in the file, of the node or the first of those joined in it; of a kind NULL */
    const char *holds; /**< operators of the file's nodes: "Conv + BatchNormalization + Relu"; of a kind NULL */
    int count;         /**< nodes of this kind; of a node 1 */
    double ms;         /**< minimum over the runs */
    int64_t macs;      /**< as the file has them: what computes with fewer (Winograd) may go beyond the peak */
    int64_t bytes;     /**< operands and results, each once, wherever they are: in a cache faster than the peak */
    uint64_t reserved[8];
};
struct fovea_profile {
    struct fovea_peak peak;
    double ms;                                   /**< of all nodes */
    const struct fovea_node_time *nodes, *kinds; /**< [node_count], [kind_count], the longest first */
    int node_count, kind_count;
    void *storage; /**< private */
    uint64_t reserved[8];
};
/** The time of every node of the session's graph, the least of `runs` runs. */
FOVEA_API int fovea_session_profile(struct fovea_session *session, int runs, struct fovea_profile *profile,
                                    struct fovea_error *error);
FOVEA_API void fovea_profile_free(struct fovea_profile *profile);
/** The forward pass, with `session.gradient` also the input gradient, as often as the options say. `runs` is 1 at
 * least. */
FOVEA_API int fovea_bench(struct fovea_model *model, const struct fovea_bench_options *options,
                          struct fovea_bench *bench, struct fovea_error *error);
/** The same of a step of training (forward, backward, SGD) with cross-entropy on noise; of the session's options the
 * shapes count. `macs` is 0. */
FOVEA_API int fovea_bench_train(struct fovea_model *model, const struct fovea_bench_options *options,
                                struct fovea_bench *bench, struct fovea_error *error);
/** The time of every node of such a step, and of every parameter's update (kind "update, SGD", under the parameter's
 * name, holding nothing); the least of the options' `runs`, which end as those of a bench; nothing warms up. */
FOVEA_API int fovea_bench_train_profile(struct fovea_model *model, const struct fovea_bench_options *options,
                                        struct fovea_profile *profile, struct fovea_error *error);
/** As JSON, for fovea_text_free. `profile`: in it, or NULL. */
FOVEA_API char *fovea_bench_json(const struct fovea_model *model, const struct fovea_bench *bench,
                                 const struct fovea_profile *profile, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
