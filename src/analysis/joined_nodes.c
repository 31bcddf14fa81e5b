#include "analysis/joined_nodes.h"

int joined_nodes_open(struct joined_nodes *joined, const struct graph *source, const struct graph *graph,
                      struct error *error)
{
    *joined = (struct joined_nodes){.source = source, .memory = source->context->memory};
    joined->known = memory_allocate(joined->memory, source->value_count + 1, sizeof *joined->known, error);
    if (!joined->known)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->origin && value->origin->graph == source && (value->producer || value->constant || value->is_input))
            joined->known[value->origin->id] = true;
    }
    return 0;
}

void joined_nodes_release(struct joined_nodes *joined)
{
    memory_release(joined->memory, joined->known);
}

/* Adds the node and, in front of it, those that make what no other executed node makes. */
static void add(const struct joined_nodes *joined, const struct node *node, const struct node **parts, int *count)
{
    for (int i = 0; i < *count; i++) {
        if (parts[i] == node)
            return;
    }
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (value && value->graph == joined->source && value->producer && !joined->known[value->id] &&
            *count < JOINED_MOST)
            add(joined, value->producer, parts, count);
    }
    if (*count < JOINED_MOST)
        parts[(*count)++] = node;
}

int joined_nodes_of(const struct joined_nodes *joined, const struct node *node, const struct node *parts[JOINED_MOST])
{
    int count = 0;
    for (int i = 0; i < node->output_count; i++) {
        const struct value *made = node->outputs[i] ? node->outputs[i]->origin : NULL;
        if (made && made->graph == joined->source && made->producer)
            add(joined, made->producer, parts, &count);
    }
    return count;
}
