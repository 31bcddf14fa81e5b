/* A model in training: what the parts of arm.h share. */
#ifndef FOVEA_TRAIN_ARM_WORK_H
#define FOVEA_TRAIN_ARM_WORK_H

#include "train/arm.h"
#include "train/evaluation.h"

struct arm {
    struct model *model;
    const struct dataset *dataset;
    const struct arm_options *options;
    const struct arm_calls *calls;
    struct memory *memory;
    struct training_graph training;
    struct trainer *trainer;
    int segments;
    size_t evaluation_memory; /* bytes, on top of what training takes */
    struct loader *batches, *validation;
    struct mask_size masks;
    struct metrics *metrics;
    struct evaluator teacher;
    float *probabilities; /* the teacher's, of the logits' shape */
    float *class_weights; /* or NULL */
    struct schedule schedule;
    int64_t samples;
    struct arm_position at;
    struct sample_scores latest;
    float *scores; /* of the best epoch, or NULL */
};

int64_t arm_batches_per_epoch(const struct arm *arm);
int arm_open_evaluator(const struct arm *arm, struct evaluator *evaluator, const struct model *model,
                       struct error *error);
/* A step on a batch, the teacher's part in it. */
int arm_step(struct arm *arm, const struct loader_batch *batch, double rate, struct trainer_result *result,
             struct error *error);
int arm_run_epochs(struct arm *arm, struct error *error);
/* Times a few steps and a part of the validation, and keeps nothing of them. */
int arm_rehearse(struct arm *arm, struct arm_times *times, struct error *error);

#endif
