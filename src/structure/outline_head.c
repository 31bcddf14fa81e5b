/* Where in an outline the model's scores come from. */
#include "structure/outline_groups.h"

/* Every node's mark becomes the place of its block; -1: none. */
static void mark_blocks(struct graph *graph, const struct fovea_outline *outline, int *block_of)
{
    int place = 0;
    for (int i = 0; i < graph->node_count; i++)
        block_of[i] = -1;
    for (int i = 0; i < outline->block_count; i++) {
        for (int k = 0; k < outline->blocks[i].layer_count; k++)
            block_of[outline->blocks[i].layers[k]] = i;
    }
    for (struct node *node = graph->first; node; node = node->next, place++)
        node->mark = block_of[place];
}

#define SEEN (-2)

/* Adds what makes `value` to the stack; returns its height. */
static int push(struct node **stack, int height, const struct graph *graph, const struct value *value)
{
    struct node *node = value && !value->constant ? value->producer : NULL;
    if (!node || node->graph != graph || node->mark == SEEN || height == graph->node_count)
        return height;
    stack[height++] = node;
    return height;
}

int outline_mark_head(struct graph *graph, const struct value *scores, struct fovea_outline *outline,
                      struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t nodes = (size_t)graph->node_count + 1;
    int *block_of = memory_allocate(memory, nodes, sizeof *block_of, error), height = 0;
    struct node **stack = memory_allocate(memory, nodes, sizeof *stack, error);
    if (block_of && stack) {
        mark_blocks(graph, outline, block_of);
        height = push(stack, 0, graph, scores);
    }
    while (height > 0) {
        struct node *node = stack[--height];
        bool weighted = outline_is_weighted(node);
        if (weighted && node->mark >= 0)
            outline->blocks[node->mark].head = true;
        node->mark = SEEN;
        for (int i = 0; !weighted && i < node->input_count; i++)
            height = push(stack, height, graph, node->inputs[i]);
    }
    memory_release(memory, block_of);
    memory_release(memory, stack);
    return block_of && stack ? 0 : -1;
}
