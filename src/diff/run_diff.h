/* Two matched models run on the same inputs, value by value. */
#ifndef FOVEA_DIFF_RUN_DIFF_H
#define FOVEA_DIFF_RUN_DIFF_H

#include "diff/graph_matching.h"
#include "fovea/diff.h"
#include "pass/pipeline.h"

/* One value of both while it is measured. */
struct compared_value {
    struct fovea_value_difference found;
    const struct value *a, *b; /* of the source graphs */
    int outputs[2];            /* number among the execution graphs' outputs */
    double sum;                /* of |a - b| over `elements` */
    int64_t elements;
    int64_t units, agreeing; /* of outputs with a channel axis: how many have the same largest channel */
};

struct run_diff {
    struct memory *memory;
    const struct graph_matching *matching;
    struct graph *graphs[2];
    struct session *sessions[2];
    struct compared_value *values; /* in the order of matching->pairs */
    int value_count;
    struct compared_value *outputs; /* of the models, in the first one's order */
    int output_count;
    const char *behind; /* what is not computed, in front of values left out (of graphs[]); NULL: nothing */
    int values_left_out, outputs_left_out;
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
/* What was found of a value, once all ran; its names are those of the models. */
struct fovea_value_difference run_diff_found(const struct compared_value *value, double atol, double rtol);

#endif
