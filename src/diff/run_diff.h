/* Two matched models run on the same inputs, value by value. */
#ifndef FOVEA_DIFF_RUN_DIFF_H
#define FOVEA_DIFF_RUN_DIFF_H

#include "diff/graph_matching.h"
#include "pass/pipeline.h"

/* One value of both. */
struct value_difference {
    const struct value *a, *b; /* of the source graphs */
    int outputs[2];            /* number among the execution graphs' outputs */
    struct shape shapes[2];    /* rank -1 until it ran */
    bool same_shape;
    bool between;   /* only nodes without a partner read it, in one of the graphs */
    double scale;   /* largest finite |a| */
    double largest; /* |a - b|; infinite where only one is finite or they are different infinities */
    double sum;     /* of |a - b| over `elements` */
    int64_t elements;
    int64_t units, agreeing; /* of outputs with a channel axis: how many have the same largest channel */
};

struct run_diff {
    struct memory *memory;
    const struct graph_matching *matching;
    struct graph *graphs[2];
    struct session *sessions[2];
    struct value_difference *values; /* in the order of matching->pairs */
    int value_count;
    struct value_difference *outputs; /* of the models, in the first one's order */
    int output_count;
};

/* Both graphs bound and planned, unfused, every matched value kept. Released by run_diff_close in every case. */
int run_diff_open(struct run_diff *run, const struct model *a, const struct model *b,
                  const struct graph_matching *matching, const struct shape_binding *const bindings[2],
                  const int binding_counts[2], struct error *error);
void run_diff_close(struct run_diff *run);
/* Fills inputs by `seed`: floats from a standard normal distribution, whole numbers from 0 to 9, bytes to 255. All of
 * the first graph, or with `alone` those of the second that have no partner. */
void run_diff_randomise(struct run_diff *run, uint64_t seed, bool alone);
/* Gives the second graph the first one's inputs, runs both, and takes the differences into account. Of outputs whose
 * first axis is `batch` only `count` entries count. */
int run_diff_step(struct run_diff *run, int64_t batch, int64_t count, struct error *error);

#endif
