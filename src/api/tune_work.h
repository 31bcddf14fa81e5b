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
};

struct tune_work {
    struct fovea_model *model;
    const struct fovea_tune_options *options;
    const struct fovea_tune_calls *calls;
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
    uint64_t seed; /* of the first run */
    int seeds;
    double best;                          /* score that is written; -1: none yet */
    float *scores[2][CROSSED_MOST_SEEDS]; /* [validation_count] of the best epoch, by arm and run */
};

/* ERROR_INPUT that says how to train where the graph holds a batch of its own, `declared` (below 1: not said) or 1. */
int tune_check_batch(const struct tune_arm *arm, int64_t declared, struct error *error);

/* Writes the model as it is, with what its training was, or keeps it in place of what was kept before. */
int tune_save_best(const struct tune_arm *arm, struct error *error);
/* Writes it beside the file: NAME.last.onnx of NAME.onnx. */
int tune_save_last(const struct tune_arm *arm, struct error *error);

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
