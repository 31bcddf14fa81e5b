#include "graph/graph.h"
#include "graph/value_table.h"

static size_t subgraph_count(const struct attribute *attribute)
{
    return attribute->type == ATTRIBUTE_GRAPH ? 1 : attribute->type == ATTRIBUTE_GRAPHS ? attribute->count : 0;
}

struct graph *node_subgraph(const struct node *node, int index)
{
    for (int i = 0; i < node->attribute_count; i++) {
        const struct attribute *attribute = &node->attributes[i];
        int count = (int)subgraph_count(attribute);
        if (index < count)
            return attribute->type == ATTRIBUTE_GRAPH ? attribute->graph : attribute->graphs[index];
        index -= count;
    }
    return NULL;
}

void graph_clear(struct graph *graph)
{
    while (graph->first)
        graph_remove_node(graph, graph->first);
}

/* The value joins the graph under a new id; its name stays, though another value may be found by it. */
static int adopt_value(struct graph *graph, struct value *value, struct error *error)
{
    struct value **values =
        arena_grow(graph->arena, graph->values, graph->value_count, &graph->value_capacity, sizeof *values, error);
    if (!values)
        return -1;
    graph->values = values;
    value->id = (int)graph->value_count;
    value->graph = graph;
    value->is_output = false;
    graph->values[graph->value_count++] = value;
    if (value->name[0] == '%' || value_table_find(graph->names, value->name))
        return 0;
    return value_table_add(graph->arena, &graph->names, value, error);
}

/* Takes the node out of the list of its graph and puts it before `before` in that of `graph`. */
static void adopt_node(struct graph *graph, struct node *node, struct node *before)
{
    struct graph *from = node->graph, *inner;
    *(node->previous ? &node->previous->next : &from->first) = node->next;
    *(node->next ? &node->next->previous : &from->last) = node->previous;
    from->node_count--;
    struct node *after = before ? before->previous : graph->last;
    node->previous = after;
    node->next = before;
    *(after ? &after->next : &graph->first) = node;
    *(before ? &before->previous : &graph->last) = node;
    graph->node_count++;
    node->graph = graph;
    for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++)
        inner->parent = graph;
}

int graph_absorb(struct graph *subgraph, struct node *before, struct error *error)
{
    struct graph *graph = before->graph;
    for (size_t i = 0; i < subgraph->value_count; i++) {
        if (adopt_value(graph, subgraph->values[i], error))
            return -1;
    }
    subgraph->value_count = 0;
    while (subgraph->first)
        adopt_node(graph, subgraph->first, before);
    return 0;
}
