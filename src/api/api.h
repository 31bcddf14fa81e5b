/* What the public header's objects are made of, and the steps its functions share. */
#ifndef FOVEA_API_API_H
#define FOVEA_API_API_H

#include "base/context.h"
#include "fovea.h"
#include "graph/graph.h"
#include "onnx/onnx.h"
#include "pass/pipeline.h"

struct fovea {
    struct context *context;
    struct fovea_figure_options figures;
    char *command; /* or NULL */
};

struct fovea_model {
    struct fovea *fovea;
    struct context *context;
    struct model *model;
};

/* Hands a library error to the caller. Returns -1. */
int api_fail(const struct error *from, struct fovea_error *to);
/* The caller's object for a model, which is taken over in every case; NULL after an error. */
struct fovea_model *api_model(struct fovea *fovea, struct model *loaded, struct error *error);
/* A second model to be edited, its operators known: of the bytes that the object was loaded from. */
/* Training is refused weights in half precision. */
int api_refuse_half(const struct fovea_model *model, struct error *error);
struct model *api_copy(const struct fovea_model *model, struct error *error);
/* An object of what was saved of an edited copy of `from`, its external data kept; takes the bytes over, unless there
 * is no memory for more. It is called "NAME (what)". */
struct fovea_model *api_result(const struct fovea_model *from, struct saved_model *saved, const char *what,
                               struct error *error);
/* Public sizes as the passes take them; a block of memory that the caller releases, NULL on failure. */
struct shape_binding *api_bindings(struct context *context, const struct fovea_shapes *shapes, int spare,
                                   struct error *error);
struct fovea_tensor api_tensor(const struct tensor *tensor);
/* What half precision leaves of a deep network: differences are below this share of the largest element. */
#define API_TOLERANCE_HALF 2e-3
bool api_half_type(enum dtype dtype);
/* Whether the graph holds constants in half precision, or runs with such. */
bool api_is_half(const struct graph *graph);
/* The image input: the first input [N,C,H,W] or [N,H,W,C] of a type that holds pixels, no initialiser, else one of an
 * image without a batch; NULL: none. */
const struct value *api_image_input(const struct graph *graph);

#endif
