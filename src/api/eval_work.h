/* What the two ways of an evaluation share: over images as any analysis takes them, and over labelled data. */
#ifndef FOVEA_API_EVAL_WORK_H
#define FOVEA_API_EVAL_WORK_H

#include "api/api.h"
#include "image/corruption.h"

/* A way to change the images. */
struct eval_change {
    enum { CHANGE_NONE, CHANGE_CORRUPTION, CHANGE_SCALE } kind;
    enum corruption corruption;
    int severity;
    double strength;
};
struct eval_changes {
    struct eval_change *list; /* none first */
    int count;
};

/* What the options ask for, with a set of corruptions in place of theirs, in `arena`. */
int eval_list_changes(const struct fovea_eval_options *options, uint32_t corruptions, struct arena *arena,
                      struct eval_changes *changes, struct error *error);
/* Names, severity and strength of a row; no_effect where that is still to be seen. */
void eval_describe_change(const struct eval_change *change, struct fovea_eval_row *row);

/* fovea_eval over options->data. `other` NULL: one model. The result's texts and tables go into `arena`. */
int eval_data(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
              struct fovea_eval *result, struct arena *arena, struct error *error);

#endif
