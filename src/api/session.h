/* Sessions and the feeding of files and memory into them, shared by run, bench and the analyses. */
#ifndef FOVEA_API_SESSION_H
#define FOVEA_API_SESSION_H

#include "analysis/probe.h"
#include "api/api.h"
#include "base/text.h"

struct fovea_session {
    struct fovea_model *model;
    struct graph *graph;     /* owned unless `gradient` */
    struct session *session; /* likewise */
    struct probe probe;
    const char **names; /* of the outputs, where values were asked for; NULL: the file's */
    bool gradient;
    struct text dump;
};

/* As fovea_session_open; of a gradient, where `pixel_sums` is set, only the sums over channels that the erf verb reads.
 */
struct fovea_session *api_session_open(struct fovea_model *model, const struct fovea_session_options *options,
                                       bool pixel_sums, struct fovea_error *report);

/* What was read for a graph input. */
struct fed {
    const struct value *input; /* of the source graph */
    struct tensor tensor;
    const char *source; /* what messages call it */
};
struct fed_list {
    struct fed *list;
    int count;
    struct shape_binding *bindings; /* those of `shapes`, then one per feed */
    int binding_count;
};

/* Reads the files and makes the bindings that follow from them. Released by fed_release in every case. */
int fed_read(struct fed_list *fed, struct fovea_model *model, const struct fovea_shapes *shapes,
             const struct fovea_feed *feeds, int feed_count, const struct fovea_preprocess *preprocess,
             struct error *error);
void fed_release(struct fed_list *fed, struct memory *memory);
/* Puts the elements into the inputs of an execution graph; `skip` (an input's name, or NULL) is left alone. Inputs
 * without a file are an error when `all`. */
int fed_fill(const struct fed_list *fed, const struct graph *graph, struct session *session, const char *skip, bool all,
             struct error *error);
/* The graph input that a feed means: by name, or the first that is not an initialiser; NULL and an error. */
const struct value *fed_find_input(const struct graph *graph, const char *name, struct error *error);

#endif
