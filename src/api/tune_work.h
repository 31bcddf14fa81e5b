/* What fovea_tune works with. */
#ifndef FOVEA_API_TUNE_WORK_H
#define FOVEA_API_TUNE_WORK_H

#include "api/api.h"
#include "data/crossed.h"
#include "train/arm.h"
#include "train/unshare.h"

struct tune_work;

/* What a recipe made of a parameter: the control's namesake is trained alike. */
struct tune_choice {
    const char *name;
    bool frozen;
    float rate;
};

/* A model being trained: the user's, or the control. */
struct tune_arm {
    struct tune_work *work;
    const char *path;
    struct model *model; /* a copy of its own */
    const struct value *input;
    struct preprocess preprocess;
    int run; /* of its seeds, from 0 */
    char label[64];
    bool channels_last, is_control, policy_of_metadata;
    int64_t classes;      /* that labels may be */
    enum fovea_loss loss; /* as it is minimised */
    const char *chosen;   /* which parameters the recipe chose, in words; or NULL */
    int inference_nodes;  /* of an export in training mode, put into inference form */
    struct unshared unshared;
    struct shape_binding binding;
    struct arm_options options;
    struct arm_times times; /* of a rehearsal */
};

/* What keeps a run from being lost: checkpoints beside the file that it writes. */
struct tune_saving {
    const char *path; /* of the checkpoint; NULL: there is no file to have it beside */
    json_t *likeness; /* of the model, the data, the options: tune_likeness */
    double written;   /* when, in seconds */
    int64_t steps;    /* since */
    char best[65];    /* SHA-256 of the file with the best epoch; "": its weights are those of the next checkpoint */
    struct arm_position last; /* in the checkpoint */
    struct checkpoint *from;  /* that the run goes on with; NULL: with none, or it does */
    int arm, run;             /* of it */
    struct arm_position at;
};

struct tune_work {
    struct fovea_model *model;
    const struct fovea_tune_options *options;
    const struct fovea_tune_calls *calls;
    bool rehearses;          /* nothing is trained or written */
    const char *path;        /* of the file that is written; NULL: */
    struct saved_model kept; /* the best epoch so far */
    struct fovea_tune *result;
    int64_t batch;
    struct class_names names;
    struct dataset *dataset;
    struct fovea_class_counts counts;
    int64_t checked_classes; /* that labels and masks were held against; 0: not yet */
    int64_t left_out;        /* broken files */
    const char *first_left_out;
    const struct fovea_left_out *files_left_out;
    enum fovea_split validation_split; /* FOVEA_SPLIT_USUAL: there is none */
    int64_t validation_count;
    struct model *teacher, *control; /* or NULL */
    const char *control_name;
    struct tune_arm arms[2];
    struct tune_choice *choices; /* of the first arm's recipe */
    int choice_count;
    struct tune_saving saving;
    uint64_t seed; /* of the first run */
    int seeds;
    double best;                          /* score that is written; -1: none yet */
    float *scores[2][CROSSED_MOST_SEEDS]; /* [validation_count] of the best epoch, by arm and run */
};

/* A call of the library: `path`, `tuned` or `rehearsal` says what becomes of it; the others are NULL. */
int tune_model(struct fovea_model *model, const struct fovea_tune_options *options, const char *path, bool force,
               const struct fovea_tune_calls *calls, struct fovea_model **tuned, struct fovea_tune_rehearsal *rehearsal,
               struct fovea_tune *tune, struct fovea_error *report);
/* What the arms' times make of the whole. */
void tune_sum_times(const struct tune_work *work, struct fovea_tune_rehearsal *rehearsal);

/* The learning rate, where none is given the optimiser's usual one. */
double tune_rate(const struct fovea_tune_options *options);
/* ERROR_INPUT that says how to train where the graph holds a batch of its own, `declared` (below 1: not said) or 1. */
int tune_check_batch(const struct tune_arm *arm, int64_t declared, struct error *error);

/* Writes the model as it is, with what its training was, or keeps it in place of what was kept before. */
int tune_save_best(const struct tune_arm *arm, struct error *error);
/* Writes it beside the file: NAME.last.onnx of NAME.onnx. */
int tune_save_last(const struct tune_arm *arm, struct error *error);

/* All that a run of the same options does the same with, for a checkpoint: the first row that differs is named. NULL
 * and an error. */
json_t *tune_likeness(struct tune_work *work, struct error *error);
/* 0; an error that says what of `saved`, the likeness in the checkpoint at `path`, is another in `own`. */
int tune_compare_likeness(const json_t *saved, const json_t *own, const char *path, struct error *error);

/* The head of a checkpoint: where the arm's run stands, and what of the result there is. */
json_t *tune_state(const struct tune_arm *arm, const struct arm_position *at);
/* The same back into the work: its result, saving.arm, .run, .at and .best. */
int tune_take_state(struct tune_work *work, const json_t *state, struct error *error);
/* Blocks of bytes that belong to it. `reading`: the table of classes is made of them. */
int tune_walk_state(struct tune_work *work, const struct checkpoint_walk *walk, bool reading, struct error *error);

/* Claims the file that is written and its checkpoint: that one may be there with `resume` or `force` alone. */
int tune_claim(struct tune_work *work, bool force, struct error *error);
/* Once all is open and before anything trains: finds out where to go on, and whether that may be. */
int tune_open_checkpoint(struct tune_work *work, struct error *error);
/* Whether a run is over already by the checkpoint; the first of all is planned nevertheless. */
bool tune_is_behind(const struct tune_work *work, int arm, int run);
/* Tells what went on, and the epochs from before. */
void tune_tell_resumed(struct tune_work *work);
/* Calls of an arm, whose user is the tune_arm. */
int tune_restore(void *user, struct trainer *trainer, struct error *error);
int tune_pause(void *user, const struct arm_position *at, struct trainer *trainer, struct error *error);
/* Writes the checkpoint, where there are to be any. */
int tune_save_checkpoint(struct tune_arm *arm, const struct arm_position *at, struct trainer *trainer,
                         struct error *error);
/* Of a run that is over, or does not go on. */
int tune_remove_checkpoints(const struct tune_work *work, struct error *error);
void tune_close_checkpoint(struct tune_work *work);

/* Calls of an arm; `user` is the tune_arm. Decay, the recipe's choice or rates and freezing by hand; the plan is told.
 */
int tune_configure(void *user, struct parameter_set *parameters, struct error *error);
int tune_tell_plan(void *user, struct arm_plan *plan, struct error *error);

/* Looks at labels and masks (which are decoded) before anything is trained: ERROR_INPUT where one is no class of
 * `classes`. The first time the counts are filled. */
int tune_count_classes(struct tune_work *work, int64_t classes, struct error *error);
/* Fills weights[classes] as the options say, and keeps them with the counts. */
int tune_weigh_classes(struct tune_work *work, float *weights, struct error *error);

#endif
