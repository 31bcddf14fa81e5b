/* One model trained on a data set, epoch by epoch. */
#ifndef FOVEA_TRAIN_ARM_H
#define FOVEA_TRAIN_ARM_H

#include "data/loader.h"
#include "data/metrics.h"
#include "train/schedule.h"
#include "train/trainer.h"

/* Where a run stands between two steps. With what trainer_walk goes through, all that the rest of it depends on. */
struct arm_position {
    int64_t epoch;          /* that runs, from 1; behind the last: the run is over */
    int64_t batches, place; /* of it: trained on; passed, by the loader's count */
    int64_t epoch_updates, left_out;
    double loss, gradient_norm, seconds; /* of it: sums */
    double rate;                         /* of its last step */
    int64_t updates;                     /* of the run */
    struct trainer_position trainer;
    double best; /* score of the best epoch; -1: none yet */
};

/* Seconds, of a run that is not made. */
struct arm_times {
    double step, validation; /* of a batch of training; of the validation after an epoch */
    int64_t steps, batches;  /* that were timed; of an epoch */
};

struct arm_options {
    const struct shape_binding *bindings; /* the batch among them */
    int binding_count;
    struct loader_options training, validation; /* batch sizes as bound; validation may be another's split */
    bool validate;                              /* there is a validation split */
    int64_t epochs;
    int64_t epoch_batches;    /* of an epoch at most, another part of the data each time; 0: all */
    struct schedule schedule; /* its steps are filled in */
    double warmup_epochs;
    struct trainer_options trainer;
    struct loss_options loss;
    bool weigh_classes; /* as the call `planned` says */
    bool freeze_statistics;
    int (*configure)(void *user, struct parameter_set *parameters, struct error *error);
    void *user;
    const struct model *teacher; /* whose probabilities are learned from, or NULL */
    float teacher_weight;
    const struct arm_position *from; /* NULL: the beginning; else the call `restore` says what the trainer was */
    bool plan_only;                  /* nothing is trained: the run is over */
    int run, runs;                   /* which of so many alike this is, for the progress of all: 0 of 1 */
    const char *label;               /* in front of the progress' words: "control, " */
    struct arm_times *times;         /* NULL: the model is trained; else a few steps are timed and nothing is kept */
};

struct arm_epoch {
    struct fovea_tune_epoch told;    /* but which model it is of */
    const struct arm_position *next; /* from where the run goes on */
    struct trainer *trainer;
    const struct metrics *metrics; /* that `told.validation` sums up; valid during the call; NULL: not evaluated */
};
/* What a run needs, before it starts. */
struct arm_plan {
    struct fovea_tune_plan told;     /* what the run itself knows of it */
    enum fovea_loss loss;            /* as it is minimised */
    float *class_weights;            /* [classes] ones, for `planned` to fill; NULL: classes weigh alike */
    const struct parameter_set *set; /* valid during the call */
};
struct arm_calls {
    /* 0; not 0: the run ends with `error`. */
    int (*planned)(void *user, struct arm_plan *plan, struct error *error);
    /* Before the first step of a run that goes on: by trainer_walk. NULL: none does. The model has these weights. */
    int (*restore)(void *user, struct trainer *trainer, struct error *error);
    /* After every step, and after every batch of a validation, where the position is the end of the epoch's steps. Or
     * NULL. */
    int (*pause)(void *user, const struct arm_position *at, struct trainer *trainer, struct error *error);
    /* The model holds the epoch's weights where it was evaluated. */
    int (*epoch)(void *user, const struct arm_epoch *epoch, struct error *error);
    void *user;
};

/* Trains `model`, whose source graph takes the weights of the last epoch. Where the loss is not finite: ERROR_INPUT
 * that names the first node whose result is not, and the model keeps the last epoch's weights. `scores` (or NULL)
 * [validation samples]: of the best epoch, as sample_scores has them. */
int arm_run(struct model *model, const struct dataset *dataset, const struct arm_options *options,
            const struct arm_calls *calls, float *scores, struct error *error);

#endif
