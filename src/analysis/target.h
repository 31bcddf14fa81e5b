/* Which value of a network an analysis looks at, by name or by role. All work on a graph with bound shapes that is not
 * lowered yet (the `select` call of the pipeline). */
#ifndef FOVEA_ANALYSIS_TARGET_H
#define FOVEA_ANALYSIS_TARGET_H

#include "analysis/target_layers.h"
#include "structure/head.h"

/* A value that is looked at, how its units lie, and how its classes are read. */
struct target {
    struct value *value;
    struct head head; /* of the model; HEAD_UNTOLD is no error of a target by name */
    struct unit_grid grid;
    struct class_scores classes;
    bool of_classes; /* it holds the head's scores */
};
/* `name`: "features" or NULL, "logits", "before-resize", "output" (as the file gives it), or that of a value.
 * ERROR_INPUT when it is not there, does not depend on the input, or the head is asked for and not told. */
int target_find(const struct model *model, struct graph *graph, const struct value *image, const char *name,
                struct target *target, struct error *error);

/* 1: found; 0: there is none, or it cannot be told; -1: only what is no matter of the model (memory, a limit). */
int target_seek(const struct model *model, struct graph *graph, const struct value *image, const char *name,
                struct target *target, struct error *error);

#endif
