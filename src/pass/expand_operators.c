#include "graph/operator.h"
#include "op/infer.h"
#include "pass/passes.h"

/* What the parts of a sequence cost of the folding of a graph, for each operand of theirs. */
#define OPERATIONS_PER_OPERAND 64

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

static void spend_on_parts(struct work *folding, const struct node *last)
{
    for (const struct node *part = last->next; part; part = part->next)
        folding->left -= (int64_t)(part->input_count + part->output_count) * OPERATIONS_PER_OPERAND;
}

int pass_expand(struct node *node, struct node **next, struct error *error)
{
    struct graph *graph = node->graph;
    struct memory *memory = graph->context->memory;
    struct node *before = node->previous, *last = graph->last;
    size_t first_new = graph->value_count;
    char label[NODE_LABEL_SIZE];
    const struct operator_definition *definition = node->definition;
    if (!definition || (!definition->expand && !definition->resolve_known))
        return 0;
    struct work *folding = definition->resolve_known ? pass_folding_work(graph) : NULL;
    if (infer_values(node, error))
        return -1;
    if (folding ? folding->left <= 0 : !shapes_known(node))
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
    int result = -1; /* where inputs are not known yet, no shape rule has looked at the attributes */
    if (node_check_settings(node, error) == 0)
        result = folding ? definition->resolve_known(&context, error) : definition->expand(&context, error) ? -1 : 1;
    if (result > 0 && folding)
        spend_on_parts(folding, last);
    if (result > 0)
        result = bind_parts(node, last, outputs, first_new, error) ? -1 : 1;
    else if (result < 0)
        error_prefix(error, "%s", node_label(node, label));
    memory_release(memory, outputs);
    if (result <= 0)
        return result;
    graph_remove_node(graph, node);
    *next = before ? before->next : graph->first;
    return 1;
}
