/* Which node of a graph is which of another: two exports of one network, or a graph before and after an edit. */
#ifndef FOVEA_DIFF_GRAPH_MATCHING_H
#define FOVEA_DIFF_GRAPH_MATCHING_H

#include "graph/graph.h"

struct node_pair {
    struct node *a, *b; /* NULL: there is none in that graph */
};

struct graph_matching {
    struct memory *memory;
    const struct graph *graphs[2];
    const struct graph_matching *outer; /* as in the options; must live as long */
    /* Every node but the Constants: those of the first graph in topological order, then those that only the second one
     * has, in its order. */
    struct node_pair *pairs;
    int pair_count;
    struct value **partners[2]; /* by id of a value of graphs[side]: the other graph's; NULL: none */
    uint64_t *fingerprints[2];  /* likewise, of constants: equal for equal elements; 0: not read */
};

struct graph_matching_options {
    /* The second graph is an edited clone of the first: names are believed, weights are not read. */
    bool derived;
    const struct graph_matching *outer; /* of the graphs around two subgraphs, or NULL */
};

/* Matches by equal surroundings (everything in front, everything behind), weights, names, neighbours and order, in this
 * sequence: neither new names nor a few inserted nodes disturb it. Constants are no nodes here: they are paired like
 * initialisers, as inputs of paired nodes, else by name or elements. Time n log n. node->mark of both graphs is used.
 * Released by graph_matching_release also after a failure (a weight that cannot be read, no memory). */
int graph_match(struct memory *memory, const struct graph *a, const struct graph *b,
                const struct graph_matching_options *options, struct graph_matching *matching, struct error *error);
void graph_matching_release(struct graph_matching *matching);

/* The other graph's value for one of graph `side` (0, 1) or of a graph around it; NULL: none. */
static inline struct value *graph_matching_partner(const struct graph_matching *matching, int side,
                                                   const struct value *value)
{
    while (matching && matching->graphs[side] != value->graph)
        matching = matching->outer;
    return matching ? matching->partners[side][value->id] : NULL;
}

/* The other graph's output that an output of graph `side` stands for: made by the paired node, else of the same name;
 * NULL: none. */
const struct value *graph_matching_output(const struct graph_matching *matching, int side, const struct value *output);

#endif
