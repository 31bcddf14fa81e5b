/* Edits of a source graph that give what trains a tensor of its own. */
#ifndef FOVEA_TRAIN_SOURCE_EDIT_H
#define FOVEA_TRAIN_SOURCE_EDIT_H

#include "train/source_constant.h"

/* A new value "NODE.WHAT", with a number behind it where that is taken. */
struct value *source_new_value(struct graph *graph, const struct node *node, const char *what, struct error *error);
/* Removes the node that makes `value` where nothing reads it any more, and what only that node read. */
void source_remove_unread(struct value *value);
/* Lets the reader read `value`; what nothing reads then goes. */
int source_set_input(struct use use, struct value *value, struct error *error);

#endif
