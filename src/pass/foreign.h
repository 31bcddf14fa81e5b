/* What fovea does not compute: operators that it does not have, and nodes that it refuses (a type, a mode). They stay
 * in the graph without a definition; what is made of their results is behind them (value->behind), and nothing else is
 * held up by them. */
#ifndef FOVEA_PASS_FOREIGN_H
#define FOVEA_PASS_FOREIGN_H

#include "fovea/model.h"
#include "graph/graph.h"

/* `node`, whose operator is not known or holds such a one in its body, and what it makes: 1; 0: it is none. */
int foreign_take(struct node *node, struct error *error);
/* `node`, that `refusal` was said of, becomes one that is not computed where that means that fovea does not cover it,
 * that it does not fit what the file says of values behind another one, or that it is a vendor's operator in a form not
 * known here. -1 with the refusal where it means none of these. */
int foreign_take_refused(struct node *node, const struct error *refusal, struct error *error);
/* An input of a type that cannot be computed with. */
int foreign_take_input(struct value *input, struct error *error);
/* What the node makes is behind what its inputs are behind. */
void foreign_spread(struct node *node);
/* Whether something that the node reads is behind what is not computed. */
bool foreign_is_behind(const struct node *node);
/* Results behind something that have no shape get the one that the file says, where it leaves nothing open. */
void foreign_trust(struct node *node);

/* Whether `node`, of a known operator, is behind another and its sizes are not known. */
bool foreign_hides(const struct node *node);
/* Of the whole graph; `behind` is the graph's. */
void foreign_count(const struct graph *graph, struct fovea_unseen *unseen);
/* Its texts become copies in `arena`. */
int foreign_keep_texts(struct arena *arena, struct fovea_unseen *unseen, struct error *error);

/* An output that is computed, else the last value of the file in front of what is not; NULL: there is none. */
struct value *foreign_cut(const struct graph *graph);
/* The graph's outputs become those that are computed, then what is computed in front of foreign nodes; `left_out` of
 * its own are behind. Nothing changes where that is none. */
int foreign_keep_computed(struct graph *graph, int *left_out, struct error *error);
/* ERROR_UNSUPPORTED that names what is needed and not computed, and the value up to which it is, with what asks for it;
 * 0 where everything that is left in the graph is computed. */
int foreign_require(const struct graph *graph, struct error *error);
/* The same of one value, which is behind; `cut` (NULL: none): another, which the option `field` takes. */
int foreign_refuse_value(const struct value *value, const struct value *cut, const char *field, struct error *error);

#endif
