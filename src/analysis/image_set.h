/* Images as analyses and guides take them, wherever they come from. */
#ifndef FOVEA_ANALYSIS_IMAGE_SET_H
#define FOVEA_ANALYSIS_IMAGE_SET_H

#include "pass/pipeline.h"

struct session;

struct image_set {
    int64_t count;
    const char *input;                    /* name of the graph input that takes them */
    const struct shape_binding *bindings; /* that input's shape, the batch chosen, and those of further inputs */
    int binding_count;
    void *user;
    /* Fills a new session's other inputs; images is the tensor of `input`. Called once per session. */
    int (*begin)(void *user, const struct graph *graph, struct session *session, struct tensor *images,
                 struct error *error);
    /* Images first .. first + count - 1 into the first places of `images`. */
    int (*read)(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error);
    /* The image's class, -1: not known. */
    int64_t (*label)(void *user, int64_t index);
};

#endif
