/* What fovea tune prints. */
#ifndef FOVEA_CLI_TUNE_TEXT_H
#define FOVEA_CLI_TUNE_TEXT_H

#include "cli.h"

/* What the calls print to. */
struct tune_watch {
    bool quiet, teacher, freeze_norm; /* freeze_norm: asked for */
    const char *recipe;               /* or NULL */
    FILE *history;                    /* appending; emptied at the first epoch */
    bool begun;
    struct progress_bar *bar;
    void *end; /* of the call `finished` */
    int64_t seeds;
};
/* `user`: a tune_watch. */
void print_tune_plan(void *user, const struct fovea_tune_plan *plan);
void print_tune_resumed(void *user, const struct fovea_tune_resumed *resumed);
void print_tune_epoch(void *user, const struct fovea_tune_epoch *epoch);
/* What a run would take, behind its plan. */
void print_rehearsal(const struct fovea_tune_rehearsal *rehearsal, const struct fovea_tune_options *options);
/* `output`: the file that was written; `masks`: of segmentation; `control`: one was trained beside it. */
void print_tune(const struct fovea_tune *tune, const char *output, bool masks, bool control);

#endif
