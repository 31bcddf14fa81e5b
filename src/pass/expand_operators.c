#include "graph/operator.h"
#include "op/infer.h"
#include "pass/passes.h"

static bool shapes_known(const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node->inputs[i]->shape.rank == SHAPE_UNKNOWN_RANK)
            return false;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && node->outputs[i]->shape.rank == SHAPE_UNKNOWN_RANK)
            return false;
    }
    return true;
}

/* The parts stand behind `last`; their results become the node's. */
static int bind_parts(struct node *node, struct node *last, struct value **outputs, size_t first_new,
                      struct error *error)
{
    struct graph *graph = node->graph;
    for (struct node *part = last->next, *following; part; part = following) {
        following = part->next;
        part->origin = node->origin;
        part->name = node->name;
        graph_move_node(graph, part, node);
    }
    for (int i = 0; i < node->output_count; i++) {
        struct value *to = node->outputs[i], *from = outputs[i];
        if (!to)
            continue;
        if (node_set_output(node, i, NULL, error) || pass_bind_result(from, to, first_new, node, error))
            return -1;
        for (int k = i + 1; k < node->output_count; k++)
            outputs[k] = outputs[k] == from && !from->producer && !from->constant && !from->is_input ? to : outputs[k];
    }
    return 0;
}

int pass_expand(struct node *node, struct node **next, struct error *error)
{
    struct graph *graph = node->graph;
    struct memory *memory = graph->context->memory;
    struct node *before = node->previous, *last = graph->last;
    size_t first_new = graph->value_count;
    char label[NODE_LABEL_SIZE];
    if (!node->definition || !node->definition->expand)
        return 0;
    if (infer_values(node, error))
        return -1;
    if (!shapes_known(node))
        return 0;
    struct value **outputs = memory_allocate(memory, (size_t)node->output_count + 1, sizeof *outputs, error);
    if (!outputs)
        return -1;
    struct expand_context context = {.graph = graph,
                                     .node = node,
                                     .inputs = node->inputs,
                                     .input_count = node->input_count,
                                     .output_count = node->output_count,
                                     .outputs = outputs};
    int result = node->definition->expand(&context, error);
    if (result == 0)
        result = bind_parts(node, last, outputs, first_new, error);
    else
        error_prefix(error, "%s", node_label(node, label));
    memory_release(memory, outputs);
    if (result)
        return -1;
    graph_remove_node(graph, node);
    *next = before ? before->next : graph->first;
    return 1;
}
