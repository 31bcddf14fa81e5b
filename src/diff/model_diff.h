/* What differs between two model files, in their own words. */
#ifndef FOVEA_DIFF_MODEL_DIFF_H
#define FOVEA_DIFF_MODEL_DIFF_H

#include "diff/graph_matching.h"
#include "fovea/diff.h"

struct change_list {
    struct arena *arena; /* of the list and the texts */
    struct fovea_change *list;
    size_t count, capacity;
    int64_t paired; /* nodes that both have, inner graphs and functions included */
};

/* Appends all differences to `changes`, whose arena the caller made; `matching`, of the models' own graphs, is released
 * by the caller in every case. Both models are of one context. -1: a weight cannot be read, or memory ends. */
int model_diff(const struct model *a, const struct model *b, struct graph_matching *matching,
               struct change_list *changes, struct error *error);

/* ---- model_diff.c's parts, one file each ---- */

/* A copy of `change` at the end of the list, its texts included. */
int change_add(struct change_list *changes, const struct fovea_change *change, struct error *error);
/* change_texts.c: texts in the list's arena; NULL without memory. */
const char *change_text(struct change_list *changes, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *change_declared_text(struct change_list *changes, const struct value *value, struct error *error);
const char *change_tensor_text(struct change_list *changes, const struct tensor *tensor, struct error *error);
const char *change_attribute_text(struct change_list *changes, const struct attribute *attribute, struct error *error);
/* weight_diff.c: initialisers and Constants of two matched graphs. */
int weight_diff(const struct graph_matching *matching, const char *scope, struct change_list *changes,
                struct error *error);
/* node_diff.c: two graphs that stand at the same place: inputs, outputs, nodes, values and inner graphs. */
int graph_diff(const struct graph *a, const struct graph *b, const struct graph_matching *outer, const char *scope,
               struct graph_matching *matching, struct change_list *changes, struct error *error);

#endif
