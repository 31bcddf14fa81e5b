#include "graph/match.h"
#include "pass/passes.h"

bool pass_single_use(const struct value *value)
{
    return value->use_count == 1 && !value->is_output;
}

struct node *pass_sole_producer(const struct value *value, const char *op_type)
{
    return value && pass_single_use(value) ? match_producer(value, op_type) : NULL;
}

struct node *pass_sole_user(const struct value *value)
{
    return pass_single_use(value) && value->uses[0].node->graph == value->graph ? value->uses[0].node : NULL;
}

int pass_replace(struct node *old, struct node *tail, struct value *made, struct error *error)
{
    struct graph *graph = old->graph;
    struct value *output = old->outputs[0];
    bool emitted = false;
    for (struct node *node = tail->next, *next; node; node = next) {
        next = node->next;
        emitted |= node == made->producer;
        node->origin = old->origin;
        graph_move_node(graph, node, old);
    }
    if (!emitted) {
        if (value_replace(output, made, error))
            return -1;
        graph_remove_node(graph, old);
        return 0;
    }
    struct node *producer = made->producer;
    int place = made->producer_output;
    graph_remove_node(graph, old);
    return node_set_output(producer, place, output, error);
}

int pass_fold_new(struct graph *graph, struct node *tail, struct error *error)
{
    for (struct node *node = tail->next, *next; node; node = next) {
        next = node->next;
        if (pass_infer_and_fold_node(graph, node, error))
            return -1;
    }
    return 0;
}
