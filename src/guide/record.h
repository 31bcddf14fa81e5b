/* What rewrites leave in a model's metadata: which guides were applied, where, and whether it was trained since. */
#ifndef FOVEA_GUIDE_RECORD_H
#define FOVEA_GUIDE_RECORD_H

#include "graph/graph.h"

/* A JSON list of {"guide", "code", "nodes": [...], "trained": false}. */
#define RECORD_KEY "fovea.rewrites"

/* Whether the guide was applied (1, 0; -1: error); and whether without a training since. */
int record_has(const struct model *model, const char *guide, struct error *error);
int record_is_pending(const struct model *model, const char *guide, struct error *error);
/* The nodes that the guide changed or added, by name, in all of its entries; in the arena. */
struct record_nodes {
    const char **names;
    size_t count;
};
int record_list_nodes(const struct model *model, const char *guide, struct arena *arena, struct record_nodes *nodes,
                      struct error *error);
/* Adds an entry, in place of an older one of the same guide and nodes. `trained`: it needs no training. */
int record_add(struct model *model, const char *guide, const char *code, const char *const *nodes, int node_count,
               bool trained, struct error *error);
/* Marks every entry as trained. */
int record_mark_trained(struct model *model, struct error *error);

#endif
