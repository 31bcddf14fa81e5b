/* One model trained on a data set, epoch by epoch. */
#ifndef FOVEA_TRAIN_ARM_H
#define FOVEA_TRAIN_ARM_H

#include "data/loader.h"
#include "data/metrics.h"
#include "train/schedule.h"
#include "train/trainer.h"

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
    int run, runs;     /* which of so many alike this is, for the progress of all: 0 of 1 */
    const char *label; /* in front of the progress' words: "control, " */
};

struct arm_epoch {
    int64_t epoch, updates;            /* from 1; so far */
    double loss, rate;                 /* mean over the epoch; at its end */
    double gradient_norm;              /* mean, before clipping */
    double seconds, images_per_second; /* of training, without the evaluation */
    int64_t left_out;                  /* samples that could not be read, in training and validation */
    bool evaluated, best;
    struct metrics_summary validation;
    const struct metrics *metrics; /* that it sums up; valid during the call; NULL: not evaluated */
};

/* What a run needs, before it starts. */
struct arm_plan {
    int64_t classes;                     /* that labels may be */
    float *class_weights;                /* [classes] ones, for `planned` to fill; NULL: classes weigh alike */
    enum loss_kind loss;                 /* as it is minimised */
    bool unlike_file;                    /* the file applies another activation than the loss trains */
    struct mask_size masks, whole_masks; /* the part that the logits stand for, and all of them */
    int64_t enlarged[2]; /* height and width of the logits that are enlarged to the masks; zeros: none are */
    const struct parameter_set *set; /* valid during the call */
    int parameters, trained;         /* tensors, with those that are weights but cannot train */
    int64_t elements, trained_elements, updates;
    int norms, norms_kept, dropouts; /* kept: their statistics stay, as the file has no place for them */
    int segments;  /* parts of the network whose results are computed twice to save memory; 1: cheap ones only */
    size_t memory; /* bytes: activations and gradients, optimiser, source weights, evaluation */
    /* Of the parameter that decays most: what decay alone leaves of it (optimiser_decay), and the sum over the run of
     * rate x decay, with SGD / (1 - momentum). */
    double kept_by_decay, decay_sum;
};

struct arm_calls {
    /* 0; not 0: the run ends with `error`. */
    int (*planned)(void *user, const struct arm_plan *plan, struct error *error);
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
