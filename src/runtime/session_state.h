/* What a session holds: made by session.c, its segments' lanes by session_lanes.c, run by session_run.c. */
#ifndef FOVEA_RUNTIME_SESSION_STATE_H
#define FOVEA_RUNTIME_SESSION_STATE_H

#include "runtime/plan.h"
#include "runtime/session.h"
#include "runtime/weights.h"

/* What a lane sees of an operand that is cut. */
struct part {
    struct tensor tensor;
    const struct tensor *whole; /* of which it is the part of the round that runs; NULL: it stays where it is */
};

/* One thread's copy of a segment: the rounds of a segment run side by side, each on the lane of its thread. */
struct lane {
    struct step *steps;
    struct part *parts;
    int part_count;
    size_t bytes; /* from one lane's values to the next one's */
};

struct session {
    struct graph *graph;
    struct memory *memory;
    struct arena *arena; /* of steps and tensors */
    struct plan plan;
    char *activations;
    void *scratch;
    struct tensor *tensors; /* by value id */
    struct step *steps;
    int step_count;
    struct lane **lanes; /* by segment: as many as its `lanes`; the first one's steps stand among all steps */
    void *packed;        /* weights of all steps */
    size_t scratch_bytes, lane_scratch_bytes; /* of steps that all threads share, of those of a lane */
    struct session_taking taking;
    struct plan_take *takes; /* by step */
};

/* Makes room for the lanes of all segments. */
int session_make_lanes(struct session *session, struct error *error);
/* Points a step, in a segment of the first lane, at its operands; its node and arrays are set. */
void session_set_operands(struct session *session, struct step *step);
/* Copies the first lanes, which are complete, to the others. */
int session_copy_lanes(struct session *session, struct error *error);
/* Releases what a dynamic step has made in its last run. */
void session_release_evaluated(struct session *session, struct step *step);

#endif
