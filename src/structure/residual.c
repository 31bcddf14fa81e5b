#include "structure/residual.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "structure/dominators.h"
#include "structure/network.h"

/* Of a product, the factor that gates the other: the smaller one (squeeze and excitation), be it expanded, or what a
 * gate's function made. NULL: there is none. */
static const struct value *gate_of(const struct node *node)
{
    const struct value *made = NULL;
    if (!match_operator(node, "Mul") || node->inputs[0]->constant || node->inputs[1]->constant)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const struct value *factor = node->inputs[i];
        if (!shape_equal(&factor->shape, &node->outputs[0]->shape))
            return factor;
        bool gate = node_has(factor->producer, OPERATOR_GATE) || match_producer(factor, "Expand");
        made = gate ? factor : made;
    }
    return made;
}

/* Nodes that are visited in search of blocks. Blocks are short: behind sums of what lies far apart, all over a large
 * graph, no more are looked for. */
#define RESIDUAL_MOST_STEPS ((int64_t)1 << 22)

struct search {
    struct graph *graph;
    struct dominators dominators;
    struct residual_list *list;
    bool *wanted; /* by value id; all false between two ways */
    bool *is_sum; /* by node->mark: sums of the blocks found */
    int64_t steps;
};

static bool is_on_way(const struct search *search, const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && search->wanted[node->outputs[i]->id])
            return true;
    }
    return false;
}

static void want_inputs(struct search *search, const struct node *node, const struct node *entry,
                        const struct value *gate, bool wanted)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input && input != gate && !input->constant && input->producer && input->producer != entry)
            search->wanted[input->id] = wanted;
    }
}

/* The way from `entry` (NULL: an input) to `end`, which must depend on it; in the graph's arena. Nodes are visited in
 * the reverse of the graph's order, so that each one's readers come before it. */
static int path_find(struct search *search, const struct node *entry, struct value *end, struct path *path,
                     struct error *error)
{
    struct node *last = end->producer;
    *path = (struct path){.end = end};
    if (!last || last == entry || end->constant)
        return 0;
    int count = 0;
    search->wanted[end->id] = true;
    for (const struct node *node = last; node && node != entry; node = node->previous, search->steps++) {
        if (!is_on_way(search, node))
            continue;
        want_inputs(search, node, entry, gate_of(node), true);
        count++;
    }
    path->nodes = arena_allocate(search->graph->arena, (size_t)count + 1, sizeof *path->nodes, error);
    for (struct node *node = last; path->nodes && node && node != entry && path->count < count; node = node->previous) {
        if (!is_on_way(search, node))
            continue;
        path->nodes[count - ++path->count] = node;
        path->weights += network_weights(node) != NULL;
    }
    search->wanted[end->id] = false;
    for (int i = 0; i < path->count; i++)
        want_inputs(search, path->nodes[i], entry, NULL, false);
    return path->nodes ? 0 : -1;
}

static bool is_sum(const struct node *node)
{
    if (!match_operator(node, "Add"))
        return false;
    const struct value *a = node->inputs[0], *b = node->inputs[1];
    return !a->constant && !b->constant && a != b && a->shape.rank >= 3 && shape_equal(&a->shape, &b->shape) &&
           dtype_storage(a->dtype) == DTYPE_FLOAT;
}

/* Feature pyramids add a coarser map, which whole stages made, to a projected one. */
static bool spans_blocks(const struct search *search, const struct residual_block *block)
{
    for (int i = 0; block->shortcut.weights > 0 && i < block->branch.count; i++) {
        if (search->is_sum[block->branch.nodes[i]->mark])
            return true;
    }
    return false;
}

/* Where both ways have no node in common, they must start from one input: constants and random numbers are none. */
static struct value *common_input(const struct path ways[2])
{
    struct value *first[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        if (!ways[i].end->producer)
            first[i] = ways[i].end;
        for (int k = 0; k < ways[i].count && !first[i]; k++) {
            const struct node *node = ways[i].nodes[k];
            for (int input = 0; input < node->input_count && !first[i]; input++) {
                struct value *value = node->inputs[input];
                first[i] = value && !value->constant && !value->producer ? value : NULL;
            }
        }
    }
    return first[0] == first[1] ? first[0] : NULL;
}

/* A normalised identity beside branches that become one convolution with it (RepVGG): none of them is the residual. */
static bool is_parallel(const struct residual_block *block)
{
    bool normalised = false;
    for (int i = 0; i < block->shortcut.count && block->shortcut.weights == 0; i++)
        normalised = normalised || network_is_batch_normalization(block->shortcut.nodes[i]);
    return normalised;
}

/* 1: a block, the next of the list, 0: another sum, -1: error. */
static int read_block(struct search *search, struct node *sum, struct error *error)
{
    struct residual_block *block = &search->list->blocks[search->list->count];
    struct value *a = sum->inputs[0], *b = sum->inputs[1];
    const struct node *entry = dominators_common(&search->dominators, a->producer, b->producer);
    struct path ways[2];
    for (int i = 0; i < 2; i++) {
        if (path_find(search, entry, sum->inputs[i], &ways[i], error))
            return -1;
    }
    int branch = ways[0].weights >= ways[1].weights ? 0 : 1;
    *block = (struct residual_block){
        .sum = sum, .branch = ways[branch], .shortcut = ways[1 - branch], .tie = ways[0].weights == ways[1].weights};
    if (block->branch.weights == 0 || block->shortcut.weights > 1 || spans_blocks(search, block) ||
        (!entry && !common_input(ways)))
        return 0;
    block->parallel = is_parallel(block);
    /* An identity is the entry itself; else the first node of the branch says which of the entry's results is meant. */
    block->entry = block->shortcut.count == 0 ? block->shortcut.end : NULL;
    for (int i = 0; !block->entry && i < block->branch.nodes[0]->input_count; i++) {
        struct value *input = block->branch.nodes[0]->inputs[i];
        if (input && !input->constant && input->producer == entry)
            block->entry = input;
    }
    return block->entry != NULL;
}

static int find_blocks(struct search *search, struct error *error)
{
    for (struct node *node = search->graph->first; node; node = node->next) {
        if (!is_sum(node))
            continue;
        if (search->steps > RESIDUAL_MOST_STEPS) {
            context_note(search->graph->context,
                         "too many long ways around sums: no residual block is looked for behind '%s'",
                         node->outputs[0]->name);
            return 0;
        }
        int found = read_block(search, node, error);
        if (found < 0)
            return -1;
        search->list->count += found;
        search->is_sum[node->mark] = found == 1;
    }
    return 0;
}

int residual_find(struct graph *graph, struct residual_list *list, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct search search = {.graph = graph, .list = list};
    size_t nodes = (size_t)graph->node_count + 1;
    *list = (struct residual_list){.blocks = arena_allocate(graph->arena, nodes, sizeof *list->blocks, error)};
    if (!list->blocks || dominators_find(&search.dominators, graph, error))
        return -1;
    search.wanted = memory_allocate(memory, graph->value_count + 1, sizeof *search.wanted, error);
    search.is_sum = memory_allocate(memory, nodes, sizeof *search.is_sum, error);
    int result = search.wanted && search.is_sum ? find_blocks(&search, error) : -1;
    memory_release(memory, search.wanted);
    memory_release(memory, search.is_sum);
    dominators_release(&search.dominators);
    return result;
}
