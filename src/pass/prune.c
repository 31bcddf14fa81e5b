#include "pass/passes.h"

int pass_prune(struct graph *graph, struct error *error)
{
    (void)error;
    for (struct node *node = graph->last, *previous; node; node = previous) {
        previous = node->previous;
        bool needed = false;
        for (int i = 0; i < node->output_count; i++)
            needed |= node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output);
        if (!needed)
            graph_remove_node(graph, node);
    }
    return 0;
}
