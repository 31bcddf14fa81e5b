/* What If, Loop and Scan share: running the graphs that they hold, node by node. Outer values that these graphs read
 * are inputs of the node as well, behind its own (pass_capture puts them there): the node's attribute `captures` counts
 * them. */
#ifndef FOVEA_OP_CONTROL_FLOW_H
#define FOVEA_OP_CONTROL_FLOW_H

#include "op/known.h"

/* First member of their settings. */
struct control_flow_settings {
    int64_t captures;
};
struct if_settings {
    struct control_flow_settings control_flow;
    struct graph *then_branch, *else_branch;
};
#define CONTROL_FLOW_ATTRIBUTES                                                                                        \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct control_flow_settings, captures, 0)                                                       \
    }

/* Rounds of all Loops and Scans of one run. */
#define LIMIT_ITERATIONS 1000000
/* Counts a round of `graph`. */
int control_flow_count_round(const struct graph *graph, struct error *error);

/* Runs `graph` on one tensor for each of its inputs (NULL: omitted). Values of graphs around are looked up among the
 * `outer` node's inputs (NULL: there are none). `outputs` [graph->output_count] gets tensors that the caller releases.
 * An input that points to its place in `handed` (NULL: none does) is given away and empty afterwards, so that what it
 * holds can grow in place. */
int control_flow_run(struct graph *graph, const struct operands *outer, const struct tensor *const *inputs,
                     struct tensor *handed, struct tensor *outputs, struct error *error);

/* Inputs of the node without the captured ones; -1 and an error when attribute `captures` is out of range. */
int control_flow_inputs(const struct node *node, struct error *error);
/* Infers the graph from the types and shapes of its inputs, as far as that goes: errors are left to the run. */
void control_flow_infer(struct graph *graph);
/* Whether all inputs have their elements: the node is about to run, so that nothing needs to be told in advance. */
bool control_flow_is_running(const struct infer_context *context);
/* Whether a graph of the node holds a random operator. */
bool control_flow_is_random(const struct node *node);
/* Output `index` takes over `result`, whether its memory was planned or not. */
int control_flow_give(struct compute_context *context, int index, struct tensor *result, struct error *error);

/* Results of one output, round by round. */
struct control_flow_stack {
    struct tensor slice; /* type and shape of one */
    char *data;
    size_t bytes, capacity;
    int64_t count;
};
int control_flow_push(struct memory *memory, struct control_flow_stack *stack, const struct tensor *slice,
                      struct error *error);
/* The results along a new axis, in reverse if asked; empties the stack. `value` tells type and shape where nothing was
 * pushed. */
int control_flow_stacked(struct memory *memory, struct control_flow_stack *stack, const struct value *value,
                         int64_t axis, bool reverse, struct tensor *result, struct error *error);

#endif
