/* The numbers of a model that training changes: which constants they are, what they do, what becomes of them. */
#ifndef FOVEA_TRAIN_PARAMETER_H
#define FOVEA_TRAIN_PARAMETER_H

#include "graph/graph.h"

enum parameter_kind {
    PARAMETER_WEIGHT, /* of convolutions and products */
    PARAMETER_SCALE,  /* of normalisations */
    PARAMETER_SHIFT,  /* of normalisations, and biases */
    PARAMETER_OTHER   /* positions, tokens, layer scales, slopes, what a rewrite added */
};
const char *parameter_kind_name(enum parameter_kind kind); /* "weight", "scale", "shift", "other" */

struct parameter {
    const char *name;     /* in the file */
    struct value *source; /* of the source graph: an initialiser, or what a Constant node makes */
    struct shape shape;
    int64_t count;
    enum parameter_kind kind;
    bool frozen;
    float decay, rate; /* factors of the run's weight decay and learning rate */
    int input, output; /* of the training graph: where the elements are, and their gradient */
};
struct parameter_set {
    struct arena *arena; /* of the list */
    struct parameter *list;
    int count;
    int64_t elements;
};

/* The trainable constants of `graph`, a clone of a source graph with bound shapes and nothing folded: floats that
 * weights' slots of operators read, directly or through views, and initialisers of several elements that are added to
 * or multiplied with what comes behind the first weight. Numbers that hide (masks), normalise the image, or parametrise
 * an operator are none. Each becomes a graph input under its name, so that folding cannot touch it. The set lives in
 * `arena`. */
int parameter_set_open(struct parameter_set *set, struct graph *graph, struct arena *arena, struct error *error);

/* Marks those whose name matches a pattern with * and ?; returns how many. */
int parameter_set_freeze(struct parameter_set *set, const char *pattern, bool frozen);
/* Multiplies the learning rate likewise. */
int parameter_set_rate(struct parameter_set *set, const char *pattern, float factor);

/* Puts `elements` (float, parameter->count) into the source graph, in the constant's own type. */
int parameter_store(const struct parameter *parameter, const float *elements, struct error *error);
/* The elements of a constant of the source graph, an initialiser's or a Constant node's. */
const struct tensor *source_constant_read(const struct value *source, struct error *error);
/* The same for any constant of the source graph. */
int source_constant_store(struct value *source, const float *elements, struct error *error);

#endif
