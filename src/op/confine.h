/* What rules of confinement (operator_confine) share. */
#ifndef FOVEA_OP_CONFINE_H
#define FOVEA_OP_CONFINE_H

#include "op/spatial.h"

/* Whether boxes of the value's cells can be spoken of: a tensor of known shape that holds something. */
bool confine_is_plain(const struct value *value);
/* The rule of a node that can make parts, its operator's own or that of pointwise ones; NULL: it makes all. */
operator_confine *confine_rule(const struct node *node);
/* Asks the rule what `cells` of output 0, which it may widen, read of every input; *moves (or NULL) as it says. */
int confine_ask(const struct node *node, struct interval *cells, struct interval (*reads)[SHAPE_MAX_RANK], bool *moves,
                struct error *error);

/* Cells of the axes [begin, end) of output 0 are made all or none. */
void confine_whole(struct confine_context *context, int begin, int end);
/* Input `input` is aligned with the output at the last axes as numpy broadcasts; false: it is not. */
bool confine_aligned(struct confine_context *context, int input);
/* Input 0 is read at the cells' own places along the axes in front of `axis`, and wholly from there on. */
void confine_rows(struct confine_context *context, int axis);
/* Axis 0 of output 0 and of input 0 counts images, and each is made from its own; nothing else is confined. */
int confine_images(struct confine_context *context, struct error *error);
/* Operators with windows that slide over input 0 [N, C, spatial...]: reads of its spatial axes, and attributes of the
 * part, whose pads stand for those of the whole. A pool's channels and images are its own. */
int confine_slide(struct confine_context *context, const struct spatial *spatial, struct error *error);

#endif
