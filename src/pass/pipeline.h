/* The way from a source graph to a graph that a session runs. The table in pipeline.c is the list of passes. */
#ifndef FOVEA_PASS_PIPELINE_H
#define FOVEA_PASS_PIPELINE_H

#include "graph/graph.h"

/* Sizes of an input; name NULL or "" binds the only input (or every input of that rank). */
struct shape_binding {
    const char *name;
    struct shape shape;
};

struct text;

struct pipeline_request {
    const struct shape_binding *bindings;
    int binding_count;
    bool overrule; /* bindings count where the file fixes another size: the graph's constants may not fit it then */
    /* Called when shapes are bound and nothing is folded yet: may turn constants into inputs. NULL: none. */
    int (*open)(void *user, struct graph *graph, struct error *error);
    /* Called when shapes are bound and constants folded: may replace the graph's outputs by any values that are wanted.
     * NULL keeps the model's outputs. */
    int (*select)(void *user, struct graph *graph, struct error *error);
    /* Called after lowering, in front of fusion: appends gradients (pass/differentiate.h). NULL: none. */
    int (*differentiate)(void *user, struct graph *graph, struct error *error);
    /* Called at the end: may compute forward results again for the gradients (pass_recompute). NULL: none. */
    int (*recompute)(void *user, struct graph *graph, struct error *error);
    void *user;
    bool keep_batch_normalization; /* its parameters are wanted: not folded into Conv */
    bool no_fusion;                /* every value of the source graph stays computable as it is */
    bool whole_values;             /* none is confined to the cells that are read of it (pass_confine) */
    bool keeps_foreign;            /* nothing of it runs: what fovea does not compute may be in it (pass/foreign.h) */
    const char *dump_after;        /* name of a pass, or NULL */
    struct text *dump;             /* where its graph is printed */
};

/* Clones `model`'s graph, binds, lowers. The caller destroys the graph. A free dimension without a binding is
 * ERROR_INPUT that says what to give in `shapes`; so is a model without outputs. ERROR_UNSUPPORTED where what is left
 * of the graph holds an operator that fovea does not have. */
struct graph *pipeline_run(const struct model *model, const struct pipeline_request *request, struct error *error);

#endif
