/* What the public header's objects are made of, and the steps its functions share. */
#ifndef FOVEA_API_API_H
#define FOVEA_API_API_H

#include "base/context.h"
#include "fovea.h"
#include "graph/graph.h"
#include "pass/pipeline.h"

struct fovea {
    struct context *context;
};

struct fovea_model {
    struct fovea *fovea;
    struct context *context;
    struct model *model;
};

/* Hands a library error to the caller. Returns -1. */
int api_fail(const struct error *from, struct fovea_error *to);
/* Public sizes as the passes take them; a block of memory that the caller releases, NULL on failure. */
struct shape_binding *api_bindings(struct context *context, const struct fovea_shapes *shapes, int spare,
                                   struct error *error);
struct fovea_tensor api_tensor(const struct tensor *tensor);
/* What half precision leaves of a deep network: differences are below this share of the largest element. */
#define API_TOLERANCE_HALF 2e-3
bool api_half_type(enum dtype dtype);
/* Whether the graph holds constants in half precision. */
bool api_is_half(const struct graph *graph);
/* The image input: the first float input [N,C,H,W] or [N,H,W,C] that is not an initialiser, else one of an image
 * without a batch; NULL: none. */
const struct value *api_image_input(const struct graph *graph);

#endif
