/* Values of a graph get constants of their own. */
#include "graph/graph.h"

#define LISTED_INITIALISERS 4 /* below this IR version initialisers are graph inputs too */

struct tensor *node_own_constant(struct node *node, int input, struct error *error)
{
    struct graph *graph = node->graph;
    const struct value *value = node->inputs[input];
    const struct tensor *from = constant_data(value->constant, error);
    struct tensor copy;
    if (!from || tensor_copy(graph->context->memory, from, &copy, error))
        return NULL;
    struct constant *constant = constant_create(graph->context->memory, &copy, error);
    struct value *made = constant ? graph_add_constant(graph, constant, error) : NULL;
    if (!made)
        return NULL;
    made->dtype = value->dtype;
    made->shape = value->shape;
    return node_set_input(node, input, made, error) ? NULL : &made->constant->tensor;
}

static int declare_shape(struct value *value, const struct shape *shape, struct error *error)
{
    struct dimension *declared = arena_allocate(value->graph->arena, (size_t)shape->rank + 1, sizeof *declared, error);
    if (!declared)
        return -1;
    for (int i = 0; i < shape->rank; i++)
        declared[i].size = shape->dims[i];
    value->declared = declared;
    value->declared_rank = shape->rank;
    value->changed = true;
    return 0;
}

int model_set_initialiser(const struct model *model, struct value *value, struct constant *constant,
                          struct error *error)
{
    const struct shape shape = constant->tensor.shape;
    bool listed = model->ir_version < LISTED_INITIALISERS && value->graph == model->graph;
    if (graph_set_constant(value->graph, value, constant, error) ||
        (listed && !value->is_input && graph_add_input(value->graph, value, error)))
        return -1;
    return value->is_input ? declare_shape(value, &shape, error) : 0;
}
