/* An evaluation at work: what is shared by its parts. */
#ifndef FOVEA_API_EVAL_WORK_H
#define FOVEA_API_EVAL_WORK_H

#include "api/data.h"
#include "api/stock.h"
#include "data/paired.h"
#include "image/corruption.h"
#include "train/evaluation.h"

/* A way to change the images. */
struct eval_change {
    enum { CHANGE_NONE, CHANGE_CORRUPTION, CHANGE_SCALE } kind;
    enum corruption corruption;
    int severity;
    double strength;
};

/* Sums over the samples for one change. */
struct eval_tally {
    struct metrics *metrics;
    struct sample_scores samples; /* of masks, unless they are very many of one model; else empty */
    struct paired agreement;      /* of each sample */
    int64_t agreed;               /* units predicted as for the unchanged image */
    double confidence;
    bool changed; /* an image at least */
};

/* One model on its way through the samples. */
struct eval_arm {
    struct fovea_model *model;
    struct stock stock;
    struct evaluator evaluator;
    struct loader *loader;
    const struct loader_batch *batch; /* at hand */
    float *changed;                   /* [batch] images under a change */
    int64_t *clean, *predictions;     /* [batch, units]: for unchanged images, and under the change at hand */
    float *correct;                   /* [samples]: as evaluate_batch tells, under the change at hand */
    double *agreement;                /* [batch]: shares of units */
    struct eval_tally *tallies;       /* [changes] */
};

struct eval_work {
    const struct fovea_eval_options *options;
    const struct fovea_data *data; /* NULL: images, whose labels are optional */
    struct fovea_eval *result;
    struct arena *arena;
    struct dataset *dataset; /* of the data; NULL: each arm has its own */
    struct class_names names;
    enum fovea_split split;
    int64_t samples, batch, ignored;
    bool masks, labelled; /* labelled: samples have labels, and these are counted */
    struct eval_arm arms[2];
    int arm_count;
    bool comparable;             /* unit by unit */
    struct eval_change *changes; /* none first */
    int change_count;
    struct paired *paired; /* [change_count] */
    int64_t evaluated, compared, same;
};

/* Opens the data and chooses what of them is evaluated. *moves: corruptions that their masks do not follow. */
int eval_open_data(struct eval_work *work, uint32_t *moves, struct error *error);
/* Looks at every sample of the data before anything runs, and keeps what is wrong. */
int eval_check_data(struct eval_work *work, struct error *error);

/* Opens a model and what it reads its samples from; once both are open: its loader and its tallies. */
int eval_open_arm(struct eval_work *work, struct eval_arm *arm, struct error *error);
int eval_start_arm(struct eval_work *work, struct eval_arm *arm, struct error *error);
void eval_close_arm(struct eval_work *work, struct eval_arm *arm);
/* Runs the batch at hand under change number `change`. */
int eval_run_arm(const struct eval_work *work, struct eval_arm *arm, int change, struct error *error);

#endif
