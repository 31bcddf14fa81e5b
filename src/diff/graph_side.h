/* One of two graphs that are matched: its nodes in an order, and hashes of what they are and what surrounds them. */
#ifndef FOVEA_DIFF_GRAPH_SIDE_H
#define FOVEA_DIFF_GRAPH_SIDE_H

#include "diff/graph_matching.h"

/* How closely nodes are looked at: with elements of weights; with attributes and types and shapes of weights; as
 * operators only. */
enum closeness { BY_CONTENTS, BY_SHAPES, BY_OPERATOR, CLOSENESS_COUNT };

struct graph_side {
    const struct graph *graph;
    struct node **nodes; /* topological order; node->mark is the index, -1 of Constants */
    int count;
    int *match; /* index of the partner in the other side; -1 */
    uint64_t *labels[CLOSENESS_COUNT];
    bool *marked;           /* by node: reads weights that tell it from others */
    uint64_t *front, *back; /* by node: hashes of all that it depends on, of all that depends on it */
    uint64_t *input_keys;   /* by value id: of graph inputs and outputs, equal for paired ones */
    uint64_t *output_keys;
    size_t most_uses; /* of a value by nodes of this graph */
};

/* Arrays live in `arena`; `matching` has partners for the inputs already and gets the constants' fingerprints unless
 * `derived`. */
int graph_side_create(struct graph_side *side, struct arena *arena, struct graph_matching *matching, int which,
                      bool derived, struct error *error);
/* Computes front and back. */
void graph_side_surroundings(struct graph_side *side, const struct graph_matching *matching, int which,
                             enum closeness closeness);
/* The node of this graph that makes `value`, no Constant: its index; -1: none. */
int graph_side_producer(const struct graph_side *side, const struct value *value);
/* The node of this graph of a use; -1: of an inner graph. */
int graph_side_user(const struct graph_side *side, const struct use *use);

#endif
