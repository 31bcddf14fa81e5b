/* Which value of a network an analysis looks at, by name or by role. All work on a graph with bound shapes that is not
 * lowered yet (the `select` call of the pipeline). */
#ifndef FOVEA_ANALYSIS_TARGET_H
#define FOVEA_ANALYSIS_TARGET_H

#include "analysis/unit_grid.h"
#include "structure/head.h"

/* The first output, walked back over Softmax, LogSoftmax, Sigmoid, ArgMax and casts to what they are made of. */
struct value *target_logits(const struct graph *graph);
/* Of a network that ends in a map: the logits before the last resize; else the same as target_logits. */
struct value *target_unresized_logits(const struct graph *graph);

/* Where a class activation map of `scores` (target_logits, or any value) is taken, last in the list, and the
 * contributions to them (analysis/contribution.h): the features that they are made of; for a head that reads prefix
 * tokens only (the others' gradients are zero there) what the last attention makes its queries, keys and values of:
 * methods of Extended-CAM; in front of that the same of every attention that reads tokens of its shape, in order: what
 * the class token is made of comes from all of them. Returns how many, 0: there are none, or -1. */
#define TARGET_MOST_LAYERS 64
int target_layers(struct graph *graph, const struct value *image, struct value *scores,
                  struct value *list[TARGET_MOST_LAYERS], struct error *error);

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

/* The last map or tokens of the whole image of each size on the way to the output, in the order in which sizes first
 * occur. Returns how many, or -1. */
#define TARGET_MOST_STAGES 32
int target_stages(struct graph *graph, const struct value *image, struct value *list[TARGET_MOST_STAGES],
                  struct error *error);

#endif
