/* Elements of constants looked at in passing: what is read here for a moment does not stay in memory. */
#ifndef FOVEA_DIFF_CONSTANT_CONTENTS_H
#define FOVEA_DIFF_CONSTANT_CONTENTS_H

#include "fovea/diff.h"
#include "graph/graph.h"

/* The tensor of an initialiser or of what a Constant node with a tensor makes; NULL: the value is computed. */
struct constant *value_contents(const struct value *value);

/* A number made of all elements, never 0; *varied: they are not all the same, and more than a few. */
int constant_fingerprint(struct constant *constant, uint64_t *fingerprint, bool *varied, struct error *error);

/* Whether two constants of one type and shape are the same bit by bit: 1, 0; -1: an error. Where they are not, `change`
 * (or NULL) is told differing, norms, largest and relative, and in `texts`, where there are few, the elements; else "".
 */
#define CONTENTS_TEXT_SIZE 96
int constant_contents_compare(struct constant *a, struct constant *b, struct fovea_change *change,
                              char texts[2][CONTENTS_TEXT_SIZE], struct error *error);

#endif
