#include "op/unroll.h"

bool unroll_can(const struct graph *body, int64_t rounds)
{
    for (const struct node *node = body->first; node; node = node->next) {
        if (node_subgraph(node, 0))
            return false;
    }
    return rounds <= UNROLLED_MOST_NODES / (body->node_count + 1);
}

static int copy_values(struct graph *graph, const struct graph *body, struct value **map, struct error *error)
{
    for (size_t i = 0; i < body->value_count; i++) {
        const struct value *value = body->values[i];
        if (!map[i])
            map[i] = value->constant ? graph_add_constant(graph, constant_retain(value->constant), error)
                                     : graph_add_value(graph, NULL, error);
        if (!map[i])
            return -1;
    }
    return 0;
}

/* Values of the graphs around are read as they are. */
static int copy_nodes(struct graph *graph, const struct graph *body, struct value **map, struct error *error)
{
    for (struct node *node = body->first; node; node = node->next) {
        struct node *copy = graph_copy_node(graph, node, map, error);
        if (!copy)
            return -1;
        for (int i = 0; i < node->input_count; i++) {
            struct value *value = node->inputs[i];
            if (value && value->graph != body && node_set_input(copy, i, value, error))
                return -1;
        }
    }
    return 0;
}

int unroll_round(struct graph *graph, const struct graph *body, struct value *const *inputs, struct value **outputs,
                 struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct value **map = memory_allocate(memory, body->value_count + 1, sizeof *map, error);
    if (!map)
        return -1;
    for (int i = 0; i < body->input_count; i++)
        map[body->inputs[i]->id] = inputs[i];
    int result = copy_values(graph, body, map, error) || copy_nodes(graph, body, map, error) ? -1 : 0;
    for (int i = 0; i < body->output_count && result == 0; i++) {
        struct value *value = body->outputs[i];
        outputs[i] = value->graph == body ? map[value->id] : value;
    }
    memory_release(memory, map);
    return result;
}
