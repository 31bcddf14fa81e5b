/* Where a graph attends: every softmax over query-key logits, and what is added to them. Graphs with bound shapes and
 * folded constants (the `select` call of the pipeline), whatever the exporter made of the formula. */
#ifndef FOVEA_STRUCTURE_ATTENTION_H
#define FOVEA_STRUCTURE_ATTENTION_H

#include "graph/graph.h"

struct attention_site {
    struct node *node;    /* Softmax, or ONNX's Attention */
    struct value *output; /* what the values are weighted by is behind it, or of Attention the result */
    int64_t heads;        /* 1 where there is no axis for them */
    int64_t queries, keys;
    struct value *query; /* the operand of the product: [.., queries, columns], with heads joined, or turned */
    int query_axis;      /* of it: counts the queries */
    /* The constant added to the logits that is no mask: a learned relative bias or one made at export. NULL: none. */
    struct value *bias;     /* [..., heads or 1, queries, keys] */
    struct node *bias_node; /* that reads it, */
    int bias_input;         /* as this input */
};

struct attention_list {
    struct attention_site *sites; /* in the graph's order, in its arena */
    int count;
};
int attention_find(struct graph *graph, struct attention_list *list, struct error *error);

/* The constants [.., queries, keys] among what is added to a site's logits. Sums that were folded are taken apart as
 * the file has them. Returns how many, at most ATTENTION_TERMS. */
#define ATTENTION_TERMS 8
int attention_terms(const struct attention_site *site, struct value *terms[ATTENTION_TERMS]);

#endif
