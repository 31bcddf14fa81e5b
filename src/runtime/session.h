/* Runs an execution graph: memory planned once, nothing allocated per run (data-dependent sizes excepted). */
#ifndef FOVEA_RUNTIME_SESSION_H
#define FOVEA_RUNTIME_SESSION_H

#include "graph/graph.h"

struct session;

/* Outputs that are asked for during the run: output `output` goes to take() as soon as it is there and the last reader
 * of graph input `after_input`, which take() may change, has run. It is not to be read after the run. */
struct session_take {
    int output, after_input;
};
struct session_taking {
    const struct session_take *list;
    int count;
    void (*take)(void *user, int index, const struct tensor *output); /* index in the list */
    void *user;
};

/* Plans `graph` (bound and lowered by pass/pipeline.h; must outlive the session), allocates its arena and packs
 * constant weights. ERROR_MEMORY when the plan exceeds the memory cap. */
struct session *session_create(struct graph *graph, struct error *error);
struct session *session_create_taking(struct graph *graph, const struct session_taking *taking, struct error *error);
void session_destroy(struct session *session);

/* Buffer of a graph input, to be filled before session_run (storage type, the value's bound shape). One of a container
 * type is empty until session_set_container. */
struct tensor *session_input(struct session *session, int input);
/* Copies `container` (tensor/sequence.h) into an input of its type. */
int session_set_container(struct session *session, int input, const struct tensor *container, struct error *error);
/* Result of a graph output after session_run, valid until the next run. */
const struct tensor *session_output(const struct session *session, int output);
/* Errors carry the node's label. */
int session_run(struct session *session, struct error *error);

/* Makes results of half and bfloat16 what their types can hold, as the specification has them: within a graph they keep
 * float's precision, but where a Cast rounds them. For those who hand results out; analyses read them as they are. */
void session_round_results(struct session *session);

/* The number that random operators draw by besides the seed: another one, other masks. 0 at first. */
void session_set_step(struct session *session, uint64_t step);
/* Runs again and stops at the first node with a float result that is not finite; *node NULL: there is none. */
int session_find_not_finite(struct session *session, const struct node **node, struct error *error);

/* One node in a profiled run. */
struct node_time {
    const struct node *node;
    double milliseconds;
    const char *method; /* how it is computed, of several ways; or NULL */
    int64_t bytes;      /* of its operands and results, each once; 0 where it looks at them anew and moves nothing */
};
/* session_run with the time of each node: times [nodes of the graph]. */
int session_profile(struct session *session, struct node_time *times, struct error *error);

#endif
