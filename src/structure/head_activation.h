/* What makes probabilities of scores: the operator that a graph applies, the word of an option or of the metadata. */
#ifndef FOVEA_STRUCTURE_HEAD_ACTIVATION_H
#define FOVEA_STRUCTURE_HEAD_ACTIVATION_H

#include "graph/graph.h"
#include "op/class_scores.h"

/* Softmax, LogSoftmax or Sigmoid. */
bool makes_probabilities(const struct node *node);
/* By such a node; CLASS_PLAIN where it is NULL. */
enum class_activation activation_of_node(const struct node *node);
/* "softmax", "sigmoid", "none", or the loss that a file was trained with. */
enum class_activation activation_of_word(const char *word);
/* The value behind such nodes, ArgMax, views and casts. *last (or NULL): the one nearest to the output; NULL: there is
 * none. */
struct value *activation_walk_back(struct value *output, const struct node **last);
/* What graph nodes further on apply to `value`, through what only moves elements; NULL: nothing. */
const struct node *activation_behind(const struct value *value);

#endif
