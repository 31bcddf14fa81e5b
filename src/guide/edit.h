/* Editing a model's source graph so that it can be saved: new nodes and initialisers with names of their own, in front
 * of the node that reads them, in the operator set that the model has (it is never changed). */
#ifndef FOVEA_GUIDE_EDIT_H
#define FOVEA_GUIDE_EDIT_H

#include "guide/guide.h"
#include "op/emit.h"

struct edit {
    struct model *model;
    struct audit *audit; /* of the model as it is before this guide's edits; its findings' sites are edited */
    const struct guide *guide;
    bool fold, retrain;
    bool exact_only;         /* what would move the function is to be refused: it was not asked for by name */
    const char *const *only; /* names of the nodes that are meant; none: all */
    int only_count;
    bool moves;   /* what the model computes: as the guide's do; to be set by a rewrite for which it is otherwise */
    bool settled; /* to be set by a rewrite after which there is nothing new to train */
    const char *refusal; /* why the rewrite returned 1, */
    const char *done;    /* or what was done, in words */
    const char **nodes;  /* touched, by name; in the audit's arena */
    size_t node_count, node_capacity;
};

/* Records why a finding is not rewritten, as printf. Returns 1, or -1 without memory. */
int edit_refuse(struct edit *edit, struct error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Says what was done, as printf. */
int edit_say(struct edit *edit, struct error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Whether a node of the network that a finding is about is meant, by its name in the file. */
bool edit_wants(const struct edit *edit, const struct node *node);
/* Lists a node of the source graph as changed, and says so in its metadata where the file's IR has that. */
int edit_touch(struct edit *edit, struct node *node, struct error *error);

/* A node with one output in front of `before`, listed as touched; `what` is part of its name. */
struct value *edit_add(struct edit *edit, struct node *before, const char *what, const char *op_type,
                       struct value *const *inputs, int input_count, const struct emit_attribute *attributes,
                       int attribute_count, struct error *error);
/* A new initialiser; `base` and `what` are parts of its name. Takes over the tensor's data in every case. */
struct value *edit_constant(struct edit *edit, struct graph *graph, const char *base, const char *what,
                            struct tensor *tensor, struct error *error);
/* The same with one number, or a list of int64. */
struct value *edit_scalar(struct edit *edit, struct graph *graph, const char *base, const char *what, enum dtype dtype,
                          double number, struct error *error);
struct value *edit_int_list(struct edit *edit, struct graph *graph, const char *base, const char *what,
                            const int64_t *list, int count, struct error *error);
/* Gives a source node's constant input new elements: under its old name where it is an initialiser that only this node
 * reads, else as a new one; a Constant node that nothing reads then goes. Takes over the tensor's data in every case.
 */
int edit_set_constant(struct edit *edit, struct node *node, int input, struct tensor *tensor, struct error *error);

#endif
