/* A Loop's settings and body, for the two files that run and unroll it. */
#ifndef FOVEA_OP_LOOP_H
#define FOVEA_OP_LOOP_H

#include "op/control_flow.h"

struct loop_settings {
    struct control_flow_settings control_flow;
    struct graph *body;
};

/* body(round, condition, carried...) -> condition, carried..., scanned... */
struct loop {
    struct graph *body;
    int carried, scanned;
};

/* ERROR_INPUT where body and node do not fit each other. */
int loop_read(const struct node *node, struct loop *loop, struct error *error);
/* operator_resolve_known of Loop: one that handles sequences and whose rounds are known is replaced by them. */
int loop_resolve_known(struct expand_context *context, struct error *error);

#endif
