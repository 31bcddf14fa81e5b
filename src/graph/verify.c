#include "graph/graph.h"

static int verify_use(const struct node *node, int input, struct error *error)
{
    const struct value *value = node->inputs[input];
    for (size_t i = 0; i < value->use_count; i++) {
        if (value->uses[i].node == node && value->uses[i].input == input)
            return 0;
    }
    char label[NODE_LABEL_SIZE];
    return error_set(error, ERROR_INTERNAL, "%s: input %d ('%s') does not know this use", node_label(node, label),
                     input, value->name);
}

/* Producers must come first: positions are left in node->mark. */
static int verify_node(struct node *node, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value)
            continue;
        if (verify_use(node, i, error))
            return -1;
        if (value->graph == node->graph && value->producer && value->producer->mark >= node->mark)
            return error_set(error, ERROR_INTERNAL, "%s: input '%s' is made later", node_label(node, label),
                             value->name);
        if (value->graph == node->graph && !value->producer && !value->is_input && !value->constant)
            return error_set(error, ERROR_INTERNAL, "%s: input '%s' is made by nothing", node_label(node, label),
                             value->name);
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->producer != node || node->outputs[i]->producer_output != i))
            return error_set(error, ERROR_INTERNAL, "%s: output %d has another producer", node_label(node, label), i);
    }
    return 0;
}

int graph_verify(const struct graph *graph, struct error *error)
{
    int position = 0;
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = position++;
    if (position != graph->node_count)
        return error_set(error, ERROR_INTERNAL, "the node list holds %d nodes, the count says %d", position,
                         graph->node_count);
    for (struct node *node = graph->first; node; node = node->next) {
        if (node->graph != graph)
            return error_set(error, ERROR_INTERNAL, "a node belongs to another graph");
        if (verify_node(node, error))
            return -1;
    }
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *value = graph->outputs[i];
        if (!value->is_output || (!value->producer && !value->is_input && !value->constant))
            return error_set(error, ERROR_INTERNAL, "graph output '%s' is made by nothing", value->name);
    }
    return 0;
}
