#include "graph/match.h"
#include "op/control_flow.h"
#include "pass/passes.h"

/* 1 or 0 for a condition that is known, -1 for one that is not, -2 after an error. */
static int known_condition(const struct node *node, struct error *error)
{
    const struct value *condition = node->input_count > 0 ? node->inputs[0] : NULL;
    if (!match_operator(node, "If") || !condition || !condition->constant)
        return -1;
    const struct tensor *tensor = constant_data(condition->constant, error);
    if (!tensor)
        return -2;
    return tensor->dtype == DTYPE_BOOL && shape_count(&tensor->shape) == 1 ? tensor_int(tensor, 0) != 0 : -1;
}

static struct graph *branch_of(const struct node *node, bool taken)
{
    const struct if_settings *settings = node->settings;
    return !settings ? NULL : taken ? settings->then_branch : settings->else_branch;
}

/* The branch's results become the node's; a result that stands there twice is one value and an Identity. */
static int bind_results(struct node *node, const struct graph *branch, size_t first_new, struct error *error)
{
    for (int i = 0; i < node->output_count; i++) {
        struct value *to = node->outputs[i], *from = branch->outputs[i];
        if (!to)
            continue;
        if (node_set_output(node, i, NULL, error) || pass_bind_result(from, to, first_new, node, error))
            return -1;
        for (int k = i + 1; k < node->output_count; k++) {
            if (branch->outputs[k] == from && !from->producer && !from->constant && from->graph == node->graph &&
                (size_t)from->id >= first_new)
                branch->outputs[k] = to;
        }
    }
    return 0;
}

int pass_inline_if(struct node *node, struct node **next, struct error *error)
{
    int condition = known_condition(node, error);
    if (condition < 0)
        return condition == -2 ? -1 : 0;
    struct graph *taken = branch_of(node, condition == 1), *other = branch_of(node, condition == 0);
    struct graph *graph = node->graph;
    struct node *before = node->previous;
    size_t first_new = graph->value_count;
    if (!taken || !other || taken->input_count > 0 || taken->output_count < node->output_count)
        return 0; /* the shape rule refuses it */
    graph_clear(other);
    if (graph_absorb(taken, node, error) || bind_results(node, taken, first_new, error))
        return -1;
    graph_remove_node(graph, node);
    *next = before ? before->next : graph->first;
    return 1;
}
