#include "graph/graph.h"

static bool in_graph(const struct value *value, const struct graph *graph)
{
    return value && value->producer && value->graph == graph;
}

static bool is_sorted(const struct graph *graph)
{
    int position = 0;
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = position++;
    for (struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            if (in_graph(node->inputs[i], graph) && node->inputs[i]->producer->mark >= node->mark)
                return false;
        }
    }
    return true;
}

/* Nodes wait in `mark` for as many inputs as are not made yet; those that wait for none stand in a queue (Kahn). */
static int sort_nodes(struct graph *graph, struct node **queue, struct error *error)
{
    int ready = 0, done = 0;
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = 0;
        for (int i = 0; i < node->input_count; i++)
            node->mark += in_graph(node->inputs[i], graph);
        if (node->mark == 0)
            queue[ready++] = node;
    }
    while (done < ready) {
        struct node *node = queue[done++];
        for (int i = 0; i < node->output_count; i++) {
            const struct value *value = node->outputs[i];
            for (size_t k = 0; value && k < value->use_count; k++) {
                struct node *user = value->uses[k].node;
                if (user->graph == graph && --user->mark == 0)
                    queue[ready++] = user;
            }
        }
    }
    if (done == graph->node_count) {
        for (int i = 0; i < done; i++)
            graph_move_node(graph, queue[i], NULL);
        return 0;
    }
    const struct node *stuck = graph->first;
    while (stuck->mark <= 0)
        stuck = stuck->next;
    char label[NODE_LABEL_SIZE];
    return error_set(error, ERROR_INPUT, "the graph has a cycle at or in front of %s", node_label(stuck, label));
}

int graph_sort(struct graph *graph, struct error *error)
{
    if (is_sorted(graph))
        return 0;
    struct memory *memory = graph->context->memory;
    struct node **queue = memory_allocate(memory, (size_t)graph->node_count, sizeof(struct node *), error);
    if (!queue)
        return -1;
    int result = sort_nodes(graph, queue, error);
    memory_release(memory, queue);
    return result;
}
