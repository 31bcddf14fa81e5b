/* The parts of outline_find: nodes in groups, groups as a graph of their own without cycles. */
#ifndef FOVEA_STRUCTURE_OUTLINE_GROUPS_H
#define FOVEA_STRUCTURE_OUTLINE_GROUPS_H

#include "structure/attention.h"
#include "structure/dominators.h"
#include "structure/outline.h"

struct outline_group {
    int parent; /* group that it was joined with; itself: none */
    enum fovea_block_kind kind;
    bool module;         /* a residual block or the like, which stays as it is */
    int nodes, weighted; /* nodes; those with weights */
    uint64_t shared;     /* made of its weights and layers; 0: it has none */
    struct fovea_block_part *parts;
    int part_count;
    int repeats, alike;
};

/* Groups as a graph: made anew by outline_contract after some were joined. */
struct outline_links {
    int *order, count;       /* roots in topological order */
    struct fovea_link *list; /* each once, sorted by `from` */
    int link_count;
    int *successors, *predecessors; /* by group: how many */
    int *successor, *predecessor;   /* by group: the last one; -1: none */
    int *first;                     /* by group: of its links in the list */
};

struct outline_work {
    struct graph *graph;
    struct arena *arena; /* of the result */
    struct memory *memory;
    struct dominators dominators;
    struct node **nodes; /* by node->mark */
    int count;
    int *group;                   /* by node->mark; -1: computed before running */
    struct outline_group *groups; /* room for one of each node */
    int group_count;
    const struct attention_site **sites; /* by node->mark; NULL: none */
    int *gates; /* by node->mark: of a product, layers that make its gate; -1: is a part of one */
    struct outline_links links;
    int *scratch, *placed; /* by node or group */
};

int outline_root(const struct outline_work *work, int group);
/* `b` becomes a part of `a`; both are roots. */
void outline_join(struct outline_work *work, int a, int b);
int outline_new_group(struct outline_work *work, enum fovea_block_kind kind);
int outline_contract(struct outline_work *work, struct error *error);

/* outline_modules.c: groups of what structure knows; all other nodes keep -1. */
int outline_modules(struct outline_work *work, struct error *error);
/* outline_layers.c: a group for every other node. */
int outline_layers(struct outline_work *work, struct error *error);
/* outline_repeats.c: layers that share weights, plain layers in a row, blocks in a row that are alike. */
int outline_repeats(struct outline_work *work, struct error *error);

/* outline_lines.c */
bool outline_is_weighted(const struct node *node);
/* Whether a node begins a group: it has weights, attends or pools. */
bool outline_is_anchor(const struct outline_work *work, const struct node *node);
/* Whether one without weights is told where it joins others; those that select before the rest. */
bool outline_selects(const struct outline_work *work, const struct node *node);
bool outline_joins(const struct outline_work *work, const struct node *node);
/* Whether it has a line in a block of layers: an anchor, or what a gate multiplies. */
bool outline_is_told(const struct outline_work *work, const struct node *node);
/* Appends the line of a node; those behind OUTLINE_MOST_LINES are counted. Layers that are alike share a line: of those
 * in a row with `in_order`, else all. */
int outline_add_line(struct outline_work *work, struct fovea_way *way, const struct node *node, bool in_order,
                     struct error *error);
/* Appends the lines of `from` to `way`. */
int outline_add_lines(struct outline_work *work, struct fovea_way *way, const struct fovea_way *from,
                      struct error *error);
struct fovea_block_part *outline_new_part(struct outline_work *work, enum fovea_block_kind kind, int ways,
                                          struct error *error);
/* Cells of a map; 0: it is none. */
int64_t outline_cells(const struct value *value);

#endif
