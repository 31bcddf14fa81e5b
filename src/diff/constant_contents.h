/* Elements of constants looked at in passing: what is read here for a moment does not stay in memory. */
#ifndef FOVEA_DIFF_CONSTANT_CONTENTS_H
#define FOVEA_DIFF_CONSTANT_CONTENTS_H

#include "graph/graph.h"

/* The tensor of an initialiser or of what a Constant node with a tensor makes; NULL: the value is computed. */
struct constant *value_contents(const struct value *value);

/* A number made of all elements, never 0; *varied: they are not all the same, and more than a few. */
int constant_fingerprint(struct constant *constant, uint64_t *fingerprint, bool *varied, struct error *error);

/* How the elements of two constants of one type and shape differ. */
struct contents_comparison {
    bool equal;           /* bit by bit */
    int64_t differing;    /* elements; -1: of a type that is only compared as bytes */
    double norms[2];      /* Euclidean, over finite elements */
    double largest;       /* |a - b|, over pairs of finite elements */
    double relative;      /* |a - b| / |a|; infinite where a is zero and b is not */
    char elements[2][96]; /* as text where there are few, else "" */
};
int constant_contents_compare(struct constant *a, struct constant *b, struct contents_comparison *comparison,
                              struct error *error);

#endif
