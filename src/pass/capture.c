#include "graph/operator.h"
#include "pass/passes.h"

/* Looks through the shorter list: both may be long, but not both of all values. */
static bool has_input(const struct node *node, const struct value *value)
{
    for (size_t i = 0; value->use_count < (size_t)node->input_count; i++) {
        if (i == value->use_count)
            return false;
        if (value->uses[i].node == node)
            return true;
    }
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == value)
            return true;
    }
    return false;
}

/* Whoever runs an inner graph finds constants by themselves; where its nodes are copied out of it, they are inputs too.
 */
static int capture(struct node *node, const struct graph *inner, struct value *value, struct error *error)
{
    bool copied = node->definition && node->definition->expand;
    if (!value || value->graph == inner || (value->constant && !copied) || has_input(node, value))
        return 0;
    return node_add_input(node, value, error);
}

static int capture_graph(struct node *node, struct graph *inner, struct error *error)
{
    if (pass_capture(inner, error) || graph_sort(inner, error))
        return -1;
    for (const struct node *user = inner->first; user; user = user->next) {
        for (int i = 0; i < user->input_count; i++) {
            if (capture(node, inner, user->inputs[i], error))
                return -1;
        }
    }
    for (int i = 0; i < inner->output_count; i++) {
        if (capture(node, inner, inner->outputs[i], error))
            return -1;
    }
    return 0;
}

/* The attribute is ours: one in the file that holds graphs would lose them. */
static int check_attribute(const struct node *node, struct error *error)
{
    const struct attribute *attribute = node_attribute(node, "captures");
    char label[NODE_LABEL_SIZE];
    if (!attribute || attribute->type == ATTRIBUTE_INT)
        return 0;
    error_set(error, ERROR_INPUT, "attribute captures is not an integer");
    return error_prefix(error, "%s", node_label(node, label));
}

int pass_capture(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first; node; node = node->next) {
        int own = node->input_count;
        struct graph *inner;
        if (!node_subgraph(node, 0))
            continue;
        if (check_attribute(node, error))
            return -1;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (capture_graph(node, inner, error))
                return -1;
        }
        if (node_set_int(node, "captures", node->input_count - own, error))
            return -1;
    }
    return 0;
}
