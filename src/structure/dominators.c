#include "structure/dominators.h"

#define INPUTS (-1)
#define UNREACHED (-2) /* depends on no input */

static int common(const struct dominators *dominators, int a, int b)
{
    while (a != b) {
        if (a > b)
            a = dominators->immediate[a];
        else
            b = dominators->immediate[b];
    }
    return a;
}

static int immediate_dominator(const struct dominators *dominators, const struct node *node)
{
    int found = UNREACHED;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (!input || input->constant)
            continue;
        int place = input->producer && input->producer->graph == node->graph ? input->producer->mark : INPUTS;
        if (place >= 0 && dominators->immediate[place] == UNREACHED)
            continue;
        found = found == UNREACHED ? place : common(dominators, found, place);
    }
    return found;
}

int dominators_find(struct dominators *dominators, struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    *dominators = (struct dominators){.memory = memory};
    dominators->nodes = memory_allocate(memory, (size_t)graph->node_count + 1, sizeof *dominators->nodes, error);
    dominators->immediate =
        memory_allocate(memory, (size_t)graph->node_count + 1, sizeof *dominators->immediate, error);
    if (!dominators->nodes || !dominators->immediate) {
        dominators_release(dominators);
        return -1;
    }
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = dominators->count;
        dominators->nodes[dominators->count] = node;
        dominators->immediate[dominators->count++] = immediate_dominator(dominators, node);
    }
    return 0;
}

void dominators_release(struct dominators *dominators)
{
    memory_release(dominators->memory, dominators->nodes);
    memory_release(dominators->memory, dominators->immediate);
    dominators->nodes = NULL;
    dominators->immediate = NULL;
}

struct node *dominators_common(const struct dominators *dominators, const struct node *a, const struct node *b)
{
    int left = a ? a->mark : INPUTS, right = b ? b->mark : INPUTS;
    if ((left >= 0 && dominators->immediate[left] == UNREACHED) ||
        (right >= 0 && dominators->immediate[right] == UNREACHED))
        return NULL;
    int place = common(dominators, left, right);
    return place < 0 ? NULL : dominators->nodes[place];
}
