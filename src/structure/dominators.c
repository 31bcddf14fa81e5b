#include "structure/dominators.h"

#define INPUTS (-1)
#define UNREACHED (-2) /* depends on no input */

static int depth_of(const struct dominators *dominators, int place)
{
    return dominators->depth[place + 1];
}

static int jump_of(const struct dominators *dominators, int place)
{
    return dominators->jump[place + 1];
}

/* Jumps grow like a skew binary number (Myers 1983), so that every dominator is reached in a logarithmic number. */
static void set_jump(struct dominators *dominators, int place)
{
    int above = dominators->immediate[place], far = jump_of(dominators, above), farther = jump_of(dominators, far);
    bool equal = depth_of(dominators, above) - depth_of(dominators, far) ==
                 depth_of(dominators, far) - depth_of(dominators, farther);
    dominators->depth[place + 1] = depth_of(dominators, above) + 1;
    dominators->jump[place + 1] = equal ? farther : above;
}

static int lift(const struct dominators *dominators, int place, int depth)
{
    while (depth_of(dominators, place) > depth) {
        int far = jump_of(dominators, place);
        place = depth_of(dominators, far) >= depth ? far : dominators->immediate[place];
    }
    return place;
}

static int common(const struct dominators *dominators, int a, int b)
{
    int depth = depth_of(dominators, a) < depth_of(dominators, b) ? depth_of(dominators, a) : depth_of(dominators, b);
    a = lift(dominators, a, depth);
    b = lift(dominators, b, depth);
    while (a != b) {
        bool apart = jump_of(dominators, a) != jump_of(dominators, b);
        a = apart ? jump_of(dominators, a) : dominators->immediate[a];
        b = apart ? jump_of(dominators, b) : dominators->immediate[b];
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
    size_t places = (size_t)graph->node_count + 1;
    dominators->nodes = memory_allocate(memory, places, sizeof *dominators->nodes, error);
    dominators->immediate = memory_allocate(memory, places, sizeof *dominators->immediate, error);
    dominators->depth = memory_allocate(memory, places, sizeof *dominators->depth, error);
    dominators->jump = memory_allocate(memory, places, sizeof *dominators->jump, error);
    if (!dominators->nodes || !dominators->immediate || !dominators->depth || !dominators->jump) {
        dominators_release(dominators);
        return -1;
    }
    dominators->jump[0] = INPUTS;
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = dominators->count;
        dominators->nodes[dominators->count] = node;
        int place = dominators->count++;
        dominators->immediate[place] = immediate_dominator(dominators, node);
        if (dominators->immediate[place] != UNREACHED)
            set_jump(dominators, place);
    }
    return 0;
}

void dominators_release(struct dominators *dominators)
{
    memory_release(dominators->memory, dominators->nodes);
    memory_release(dominators->memory, dominators->immediate);
    memory_release(dominators->memory, dominators->depth);
    memory_release(dominators->memory, dominators->jump);
    dominators->nodes = NULL;
    dominators->immediate = NULL;
    dominators->depth = NULL;
    dominators->jump = NULL;
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
