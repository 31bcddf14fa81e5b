/* What profiles of inference and of training share. */
#ifndef FOVEA_API_PROFILE_RUN_H
#define FOVEA_API_PROFILE_RUN_H

#include "api/api.h"
#include "runtime/session.h"
#include "train/parameter.h"

struct profile_run {
    const struct graph *source, *graph;  /* the file's; the one that runs */
    const struct parameter_set *updated; /* of training: times of their updates follow those of the nodes; or NULL */
    const char *update;                  /* kind of the updates */
    int (*run)(void *user, struct node_time *times, struct error *error);
    void *user;
    int runs;
    double seconds; /* stops after so long, but not before three runs; 0: no limit */
};
/* Fills the profile with the least times and the machine's peak, or leaves it empty. */
int profile_fill(struct context *context, const struct profile_run *run, struct fovea_profile *profile,
                 struct error *error);

#endif
