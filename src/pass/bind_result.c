#include "op/registry.h"
#include "pass/passes.h"

/* A node that nothing else has bound yet makes `to` itself; otherwise an Identity in front of `before` does. */
int pass_bind_result(struct value *from, struct value *to, size_t first_new, struct node *before, struct error *error)
{
    struct graph *graph = to->graph;
    to->dtype = from->dtype;
    to->shape = from->shape;
    if (from->graph == graph && (size_t)from->id >= first_new && from->producer && !from->constant) {
        struct node *producer = from->producer;
        int output = from->producer_output;
        if (node_set_output(producer, output, NULL, error) || value_replace(from, to, error))
            return -1;
        return node_set_output(producer, output, to, error);
    }
    struct node *identity = graph_add_node(graph, "", "Identity", before->name, 1, 1, error);
    if (!identity || node_set_input(identity, 0, from, error) || node_set_output(identity, 0, to, error))
        return -1;
    identity->origin = before->origin;
    graph_move_node(graph, identity, before);
    return operator_resolve(identity, OPSET_NEWEST, error);
}
