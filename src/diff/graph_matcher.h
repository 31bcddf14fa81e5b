/* The steps of graph_match: each pairs nodes that the steps in front left over. */
#ifndef FOVEA_DIFF_GRAPH_MATCHER_H
#define FOVEA_DIFF_GRAPH_MATCHER_H

#include "diff/graph_side.h"

/* A node or a use under a key. */
struct keyed {
    uint64_t key, name;
    int index;
};

struct matcher {
    struct graph_matching *matching;
    struct arena *arena; /* of the steps' own arrays */
    struct graph_side sides[2];
    struct keyed *keyed[2]; /* room for as many as there are nodes, or uses of a value */
    int *queue;             /* of nodes of the first graph whose neighbours are to be looked at */
    int queue_length;
    bool *queued; /* by node of the first graph */
    int joined;   /* pairs so far */
};

static inline void matcher_join(struct matcher *matcher, int a, int b)
{
    matcher->sides[0].match[a] = b;
    matcher->sides[1].match[b] = a;
    matcher->joined++;
}

/* matcher_keys.c: nodes with equal keys. */

/* What is done with several nodes under one key. */
enum tie { TIE_NONE, TIE_BY_NAME, TIE_IN_ORDER };
/* Pairs unmatched nodes whose keys are equal and occur once on each side; others as `tie` says: by name, and where as
 * many are left on each side in order. Key 0: none. */
void matcher_join_keys(struct matcher *matcher, const uint64_t *const keys[2], enum tie tie);
/* Goes from every pair to its inputs and readers: pairs those with equal labels that are the only ones in their place.
 */
void matcher_spread(struct matcher *matcher, enum closeness closeness);

/* matcher_order.c: nodes in equal order between pairs that are there. */
int matcher_join_order(struct matcher *matcher, struct error *error);

#endif
