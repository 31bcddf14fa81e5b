#include "graph/graph.h"

/* One look at a graph and its subgraphs. Nodes get numbers in `mark`, in order of execution and with room for their
 * inputs: input i of a node has slot mark + i, and `known` tells whether a value lists that use. */
struct verifier {
    bool *known;
    int slots;
    bool ordered; /* producers must come first */
};

static int breach(const struct node *node, struct error *error, const char *what, const char *name)
{
    char label[NODE_LABEL_SIZE];
    return error_set(error, ERROR_INTERNAL, "%s: %s '%.100s'", node_label(node, label), what, name);
}

static int number_nodes(const struct graph *graph, int *slots, struct error *error)
{
    int count = 0;
    struct graph *inner;
    for (struct node *node = graph->first; node; node = node->next, count++) {
        node->mark = *slots;
        *slots += node->input_count + 1;
        if (node->graph != graph || (node->next ? node->next->previous != node : graph->last != node))
            return breach(node, error, "is not linked into the graph", graph->name);
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (inner->parent != graph)
                return breach(node, error, "holds another graph's subgraph", inner->name);
            if (number_nodes(inner, slots, error))
                return -1;
        }
    }
    if (count != graph->node_count)
        return error_set(error, ERROR_INTERNAL, "the node list holds %d nodes, the count says %d", count,
                         graph->node_count);
    return 0;
}

/* Marks what the values of the graph know of their readers. */
static int mark_uses(struct verifier *verifier, const struct graph *graph, struct error *error)
{
    struct graph *inner;
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->graph != graph || (size_t)value->id != i)
            return error_set(error, ERROR_INTERNAL, "value '%.100s' belongs to another graph", value->name);
        for (size_t k = 0; k < value->use_count; k++) {
            const struct use *use = &value->uses[k];
            if (use->input >= use->node->input_count || use->node->inputs[use->input] != value)
                return breach(use->node, error, "does not read", value->name);
            if (use->node->places[use->input] != k)
                return breach(use->node, error, "has another place among the readers of", value->name);
            int slot = use->node->mark + use->input;
            if (slot < 0 || slot >= verifier->slots || verifier->known[slot])
                return breach(use->node, error, "is gone, but a reader of", value->name);
            verifier->known[slot] = true;
        }
    }
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (mark_uses(verifier, inner, error))
                return -1;
        }
    }
    return 0;
}

static bool is_around(const struct graph *outer, const struct graph *graph)
{
    while (graph && graph != outer)
        graph = graph->parent;
    return graph != NULL;
}

static bool has_source(const struct value *value)
{
    return value->producer || value->is_input || value->constant;
}

static int verify_input(const struct verifier *verifier, const struct node *node, int input, struct error *error)
{
    const struct value *value = node->inputs[input];
    if (!value)
        return 0;
    if (!verifier->known[node->mark + input])
        return breach(node, error, "is no known reader of its input", value->name);
    if (!is_around(value->graph, node->graph))
        return breach(node, error, "reads another graph's value", value->name);
    if (!has_source(value))
        return breach(node, error, "reads what nothing makes:", value->name);
    if (verifier->ordered && value->producer && value->producer->mark >= node->mark)
        return breach(node, error, "reads what is made later:", value->name);
    return 0;
}

static int verify_output(const struct node *node, int output, struct error *error)
{
    const struct value *value = node->outputs[output];
    if (value && (value->producer != node || value->producer_output != output || value->graph != node->graph))
        return breach(node, error, "does not own its output", value->name);
    return 0;
}

static int verify_graph(const struct verifier *verifier, const struct graph *graph, struct error *error)
{
    struct graph *inner;
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            if (verify_input(verifier, node, i, error))
                return -1;
        }
        for (int i = 0; i < node->output_count; i++) {
            if (verify_output(node, i, error))
                return -1;
        }
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (verify_graph(verifier, inner, error))
                return -1;
        }
    }
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *value = graph->outputs[i];
        if (!value->is_output || !has_source(value) || !is_around(value->graph, graph))
            return error_set(error, ERROR_INTERNAL, "graph output '%s' is made by nothing", value->name);
    }
    return 0;
}

static int verify(const struct graph *graph, bool ordered, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct verifier verifier = {.ordered = ordered};
    if (number_nodes(graph, &verifier.slots, error))
        return -1;
    verifier.known = memory_allocate(memory, (size_t)verifier.slots + 1, sizeof *verifier.known, error);
    int result = verifier.known ? 0 : -1;
    if (result == 0 && (mark_uses(&verifier, graph, error) || verify_graph(&verifier, graph, error)))
        result = -1;
    memory_release(memory, verifier.known);
    return result;
}

int graph_verify_links(const struct graph *graph, struct error *error)
{
    return verify(graph, false, error);
}

int graph_verify(const struct graph *graph, struct error *error)
{
    return verify(graph, true, error);
}
