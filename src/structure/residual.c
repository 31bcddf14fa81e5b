#include "structure/residual.h"

#include <string.h>

#include "graph/match.h"
#include "structure/dominators.h"
#include "structure/network.h"

/* Of a product, the factor that gates the other: the smaller one (squeeze and excitation), or what a gate's function
 * made. NULL: there is none. */
static const struct value *gate_of(const struct node *node)
{
    static const char *const gates[] = {"Sigmoid", "HardSigmoid", "Expand"};
    const struct value *made = NULL;
    if (!match_operator(node, "Mul") || node->inputs[0]->constant || node->inputs[1]->constant)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const struct value *factor = node->inputs[i];
        if (!shape_equal(&factor->shape, &node->outputs[0]->shape))
            return factor;
        for (size_t k = 0; k < sizeof gates / sizeof gates[0]; k++)
            made = match_producer(factor, gates[k]) ? factor : made;
    }
    return made;
}

/* The way from `entry` (NULL: an input) to `end`, which must depend on it; in the graph's arena. Nodes are visited in
 * the reverse of the graph's order, so that each one's readers come before it. */
static int path_find(struct graph *graph, const struct node *entry, struct value *end, struct path *path,
                     struct error *error)
{
    struct memory *memory = graph->context->memory;
    *path = (struct path){.end = end};
    const struct node *last = end->producer;
    if (!last || last == entry || end->constant)
        return 0;
    bool *wanted = memory_allocate(memory, graph->value_count + 1, sizeof *wanted, error);
    if (!wanted)
        return -1;
    int count = 0;
    wanted[end->id] = true;
    for (const struct node *node = last; node && node != entry; node = node->previous) {
        bool on_way = false;
        for (int i = 0; i < node->output_count; i++)
            on_way = on_way || (node->outputs[i] && wanted[node->outputs[i]->id]);
        const struct value *gate = on_way ? gate_of(node) : NULL;
        for (int i = 0; on_way && i < node->input_count; i++) {
            const struct value *input = node->inputs[i];
            if (input && input != gate && !input->constant && input->producer && input->producer != entry)
                wanted[input->id] = true;
        }
        count += on_way;
    }
    path->nodes = arena_allocate(graph->arena, (size_t)count + 1, sizeof *path->nodes, error);
    for (struct node *node = end->producer; path->nodes && node && node != entry && path->count < count;
         node = node->previous) {
        bool on_way = false;
        for (int i = 0; i < node->output_count; i++)
            on_way = on_way || (node->outputs[i] && wanted[node->outputs[i]->id]);
        if (!on_way)
            continue;
        path->nodes[count - ++path->count] = node;
        path->weights += network_weights(node) != NULL;
    }
    memory_release(memory, wanted);
    return path->nodes ? 0 : -1;
}

static bool is_sum(const struct node *node)
{
    if (node->domain[0] || strcmp(node->op_type, "Add") != 0)
        return false;
    const struct value *a = node->inputs[0], *b = node->inputs[1];
    return !a->constant && !b->constant && a != b && a->shape.rank >= 3 && shape_equal(&a->shape, &b->shape) &&
           dtype_storage(a->dtype) == DTYPE_FLOAT;
}

/* Feature pyramids add a coarser map, which whole stages made, to a projected one. */
static bool spans_blocks(const struct residual_list *list, const struct residual_block *block)
{
    for (int i = 0; i < list->count && block->shortcut.weights > 0; i++) {
        for (int k = 0; k < block->branch.count; k++) {
            if (block->branch.nodes[k] == list->blocks[i].sum)
                return true;
        }
    }
    return false;
}

/* 1: a block, the next of the list, 0: another sum, -1: error. */
static int read_block(struct graph *graph, const struct dominators *dominators, struct node *sum,
                      const struct residual_list *list, struct error *error)
{
    struct residual_block *block = &list->blocks[list->count];
    struct value *a = sum->inputs[0], *b = sum->inputs[1];
    const struct node *entry = dominators_common(dominators, a->producer, b->producer);
    struct path ways[2];
    for (int i = 0; i < 2; i++) {
        if (path_find(graph, entry, sum->inputs[i], &ways[i], error))
            return -1;
    }
    int branch = ways[0].weights >= ways[1].weights ? 0 : 1;
    *block = (struct residual_block){
        .sum = sum, .branch = ways[branch], .shortcut = ways[1 - branch], .tie = ways[0].weights == ways[1].weights};
    if (block->branch.weights == 0 || block->shortcut.weights > 1 || spans_blocks(list, block))
        return 0;
    /* An identity is the entry itself; else the first node of the branch says which of the entry's results is meant. */
    block->entry = block->shortcut.count == 0 ? block->shortcut.end : NULL;
    for (int i = 0; !block->entry && i < block->branch.nodes[0]->input_count; i++) {
        struct value *input = block->branch.nodes[0]->inputs[i];
        if (input && !input->constant && input->producer == entry)
            block->entry = input;
    }
    return block->entry != NULL;
}

int residual_find(struct graph *graph, struct residual_list *list, struct error *error)
{
    struct dominators dominators;
    *list = (struct residual_list){
        .blocks = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list->blocks, error)};
    if (!list->blocks || dominators_find(&dominators, graph, error))
        return -1;
    int result = 0;
    for (struct node *node = graph->first; node && result >= 0; node = node->next) {
        result = is_sum(node) ? read_block(graph, &dominators, node, list, error) : 0;
        list->count += result == 1;
    }
    dominators_release(&dominators);
    return result < 0 ? -1 : 0;
}
