/* The numbers of a model that training changes: which constants they are, what they do, what becomes of them. */
#ifndef FOVEA_TRAIN_PARAMETER_H
#define FOVEA_TRAIN_PARAMETER_H

#include "fovea/tune.h"
#include "train/slot.h"

struct parameter {
    const char *name;     /* in the file */
    struct value *source; /* of the source graph: an initialiser, or what a Constant node makes */
    struct shape shape;
    int64_t count;
    enum parameter_kind kind;
    bool frozen;
    bool unread;       /* the scores do not depend on it: it cannot learn */
    bool buffer;       /* parameter_set_find_buffers */
    float decay, rate; /* factors of the run's weight decay and learning rate */
    enum fovea_decay_class decay_class;
    int input, output; /* of the training graph: where the elements are, and their gradient */
};
struct parameter_set {
    struct arena *arena; /* of the lists */
    struct parameter *list;
    int count;
    int64_t elements;
    struct fovea_tune_still *stills; /* constants that weights are made of, but that do not train */
    int still_count;
};

/* The trainable constants of `graph`, a clone of a source graph with bound shapes and nothing folded: floats that
 * weights' slots of operators read, directly, through views or through what is computed of constants alone (weight
 * standardisation, g v / |v|), and initialisers of several elements that are added to or multiplied with what comes
 * behind the first weight. Numbers that hide (masks), normalise the image, scale a weight uniformly, or parametrise an
 * operator are none. Each becomes a graph input under its name, so that folding cannot touch it. What is part of a
 * weight and yet does not train is listed. The set lives in `arena`. */
int parameter_set_open(struct parameter_set *set, struct graph *graph, struct arena *arena, struct error *error);

/* Which parameters are buffers: but one number is made of their many on all ways, and weights are scaled by that, as by
 * the vectors of a spectral norm, which estimate a norm and are no weights themselves. The parameters are inputs of
 * `graph`, whose shapes must be known. */
int parameter_set_find_buffers(struct parameter_set *set, struct graph *graph, struct error *error);

/* Marks those whose name matches a pattern with * and ?; returns how many. */
int parameter_set_freeze(struct parameter_set *set, const char *pattern, bool frozen);
/* Multiplies the learning rate likewise. */
int parameter_set_rate(struct parameter_set *set, const char *pattern, float factor);

/* Puts `elements` (float, parameter->count) into the source graph, in the constant's own type. */
int parameter_store(const struct parameter *parameter, const float *elements, struct error *error);

#endif
