#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/value_table.h"

struct graph *graph_create(struct context *context, struct graph *parent, const char *name, struct error *error)
{
    struct arena *arena = parent ? parent->arena : arena_create(context->memory, error);
    if (!arena)
        return NULL;
    struct graph *graph = arena_allocate(arena, 1, sizeof *graph, error);
    const char *copy = arena_copy_string(arena, name, strlen(name), error);
    if (!graph || !copy) {
        if (!parent)
            arena_destroy(arena);
        return NULL;
    }
    graph->context = context;
    graph->arena = arena;
    graph->parent = parent;
    graph->name = copy;
    if (parent) {
        graph->opsets = parent->opsets;
        graph->opset_count = parent->opset_count;
    }
    return graph;
}

/* Constants of a subgraph are held by its outermost graph. */
static struct graph *outermost(struct graph *graph)
{
    while (graph->parent)
        graph = graph->parent;
    return graph;
}

void graph_destroy(struct graph *graph)
{
    if (!graph || graph->parent)
        return;
    for (size_t i = 0; i < graph->constant_count; i++)
        constant_release(graph->constants[i]);
    arena_destroy(graph->arena);
}

struct value *graph_add_value(struct graph *graph, const char *name, struct error *error)
{
    if (name && name[0] && value_table_find(graph->names, name)) {
        char printable[96];
        error_set(error, ERROR_INPUT, "the name '%s' is given to two values",
                  text_printable(name, strlen(name), printable, sizeof printable));
        return NULL;
    }
    struct value **values =
        arena_grow(graph->arena, graph->values, graph->value_count, &graph->value_capacity, sizeof *values, error);
    struct value *value = arena_allocate(graph->arena, 1, sizeof *value, error);
    if (!values || !value)
        return NULL;
    graph->values = values;
    char internal[32];
    if (!name || !name[0]) {
        snprintf(internal, sizeof internal, "%%%zu", graph->value_count);
        name = internal;
    }
    value->name = arena_copy_string(graph->arena, name, strlen(name), error);
    if (!value->name || (name != internal && value_table_add(graph->arena, &graph->names, value, error)))
        return NULL;
    value->id = (int)graph->value_count;
    value->graph = graph;
    value->shape.rank = SHAPE_UNKNOWN_RANK;
    value->declared_rank = -1;
    graph->values[graph->value_count++] = value;
    return value;
}

struct value *graph_find_value(const struct graph *graph, const char *name)
{
    for (; graph; graph = graph->parent) {
        struct value *value = value_table_find(graph->names, name);
        if (value)
            return value;
    }
    return NULL;
}

static const char *value_name_at(const void *graph, int index)
{
    const struct graph *of = graph;
    if ((size_t)index >= of->value_count)
        return NULL;
    return of->values[index] && of->values[index]->name ? of->values[index]->name : "";
}

const char *graph_suggest_value(const struct graph *graph, const char *name, char out[SUGGESTION_TEXT])
{
    return suggest_name(name, value_name_at, graph, out);
}

static const char *input_name_at(const void *graph, int index)
{
    const struct graph *of = graph;
    return index < of->input_count ? of->inputs[index]->name : NULL;
}

const char *graph_suggest_input(const struct graph *graph, const char *name, char out[SUGGESTION_TEXT])
{
    return suggest_name(name, input_name_at, graph, out);
}

/* Appends to one of the value lists of a graph or node. Lists are made as long as they are at first: `*capacity` 0. */
static int append_value(struct arena *arena, struct value ***list, int *count, int *capacity, struct value *value,
                        struct error *error)
{
    if (*count >= *capacity) {
        int more = 2 * *count + 1;
        struct value **grown = arena_allocate(arena, (size_t)more, sizeof *grown, error);
        if (!grown)
            return -1;
        if (*count > 0)
            memcpy(grown, *list, (size_t)*count * sizeof *grown);
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = value;
    return 0;
}

int graph_add_input(struct graph *graph, struct value *value, struct error *error)
{
    value->is_input = true;
    return append_value(graph->arena, &graph->inputs, &graph->input_count, &graph->input_capacity, value, error);
}

int graph_add_output(struct graph *graph, struct value *value, struct error *error)
{
    value->is_output = true;
    return append_value(graph->arena, &graph->outputs, &graph->output_count, &graph->output_capacity, value, error);
}

int graph_set_outputs(struct graph *graph, struct value *const *outputs, int count, struct error *error)
{
    struct value **list = arena_allocate(graph->arena, (size_t)count + 1, sizeof *list, error);
    if (!list)
        return -1;
    for (int i = 0; i < graph->output_count; i++)
        graph->outputs[i]->is_output = false;
    for (int i = 0; i < count; i++) {
        list[i] = outputs[i];
        list[i]->is_output = true;
    }
    graph->outputs = list;
    graph->output_count = graph->output_capacity = count;
    return 0;
}

int graph_set_constant(struct graph *graph, struct value *value, struct constant *constant, struct error *error)
{
    struct graph *holder = outermost(graph);
    struct constant **constants = arena_grow(holder->arena, holder->constants, holder->constant_count,
                                             &holder->constant_capacity, sizeof(struct constant *), error);
    if (!constants) {
        constant_release(constant);
        return -1;
    }
    holder->constants = constants;
    holder->constants[holder->constant_count++] = constant;
    value->constant = constant;
    value->dtype = constant->tensor.dtype;
    value->shape = constant->tensor.shape;
    return 0;
}

struct value *graph_add_constant(struct graph *graph, struct constant *constant, struct error *error)
{
    struct value *value = graph_add_value(graph, NULL, error);
    if (!value) {
        constant_release(constant);
        return NULL;
    }
    return graph_set_constant(graph, value, constant, error) ? NULL : value;
}

static void link_node(struct graph *graph, struct node *node, struct node *before)
{
    struct node *after = before ? before->previous : graph->last;
    node->previous = after;
    node->next = before;
    *(after ? &after->next : &graph->first) = node;
    *(before ? &before->previous : &graph->last) = node;
}

static void unlink_node(struct graph *graph, struct node *node)
{
    *(node->previous ? &node->previous->next : &graph->first) = node->next;
    *(node->next ? &node->next->previous : &graph->last) = node->previous;
}

struct node *graph_add_node(struct graph *graph, const char *domain, const char *op_type, const char *name,
                            int input_count, int output_count, struct error *error)
{
    struct arena *arena = graph->arena;
    struct node *node = arena_allocate(arena, 1, sizeof *node, error);
    if (!node)
        return NULL;
    node->op_type = arena_copy_string(arena, op_type, strlen(op_type), error);
    node->domain = arena_copy_string(arena, domain, strlen(domain), error);
    node->name = arena_copy_string(arena, name, strlen(name), error);
    node->inputs = arena_allocate(arena, (size_t)input_count + 1, sizeof *node->inputs, error);
    node->outputs = arena_allocate(arena, (size_t)output_count + 1, sizeof *node->outputs, error);
    node->places = arena_allocate(arena, (size_t)input_count + 1, sizeof *node->places, error);
    node->place_capacity = (size_t)input_count + 1;
    if (!node->op_type || !node->domain || !node->name || !node->inputs || !node->outputs || !node->places)
        return NULL;
    node->input_count = input_count;
    node->output_count = output_count;
    node->graph = graph;
    link_node(graph, node, NULL);
    graph->node_count++;
    return node;
}

void graph_move_node(struct graph *graph, struct node *node, struct node *before)
{
    if (node == before || node->next == before)
        return;
    unlink_node(graph, node);
    link_node(graph, node, before);
}

/* The last use takes the place of the one that goes: values may have very many. */
static void drop_use(struct value *value, size_t place)
{
    const struct use moved = value->uses[--value->use_count];
    if (place == value->use_count)
        return;
    value->uses[place] = moved;
    moved.node->places[moved.input] = place;
}

void graph_remove_node(struct graph *graph, struct node *node)
{
    struct graph *inner;
    for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++)
        graph_clear(inner);
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i])
            drop_use(node->inputs[i], node->places[i]);
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && node->outputs[i]->producer == node)
            node->outputs[i]->producer = NULL;
    }
    unlink_node(graph, node);
    graph->node_count--;
}

int graph_opset(const struct graph *graph, const char *domain)
{
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (int i = 0; i < graph->opset_count; i++) {
        const char *imported = graph->opsets[i].domain;
        if (strcmp(strcmp(imported, "ai.onnx") == 0 ? "" : imported, domain) == 0)
            return (int)graph->opsets[i].version;
    }
    return graph->parent ? graph_opset(graph->parent, domain) : 0;
}

int node_set_input(struct node *node, int input, struct value *value, struct error *error)
{
    struct value *before = node->inputs[input];
    if (value) {
        struct use *uses =
            arena_grow(node->graph->arena, value->uses, value->use_count, &value->use_capacity, sizeof *uses, error);
        if (!uses)
            return -1;
        value->uses = uses;
    }
    if (before)
        drop_use(before, node->places[input]);
    if (value) {
        node->places[input] = value->use_count;
        value->uses[value->use_count++] = (struct use){node, input};
    }
    node->inputs[input] = value;
    node->changed = true;
    return 0;
}

int node_add_input(struct node *node, struct value *value, struct error *error)
{
    size_t *places = arena_grow(node->graph->arena, node->places, (size_t)node->input_count, &node->place_capacity,
                                sizeof *places, error);
    if (!places)
        return -1;
    node->places = places;
    if (append_value(node->graph->arena, &node->inputs, &node->input_count, &node->input_capacity, NULL, error))
        return -1;
    return node_set_input(node, node->input_count - 1, value, error);
}

int node_set_output(struct node *node, int output, struct value *value, struct error *error)
{
    if (value && value->producer && (value->producer != node || value->producer_output != output)) {
        char label[NODE_LABEL_SIZE];
        return value->producer == node ? error_set(error, ERROR_INPUT, "'%s' is the name of outputs %d and %d",
                                                   value->name, value->producer_output, output)
                                       : error_set(error, ERROR_INPUT, "value '%s' is already made by %s", value->name,
                                                   node_label(value->producer, label));
    }
    if (node->outputs[output] && node->outputs[output]->producer == node)
        node->outputs[output]->producer = NULL;
    node->outputs[output] = value;
    if (value) {
        value->producer = node;
        value->producer_output = output;
    }
    node->changed = true;
    return 0;
}

int node_add_output(struct node *node, struct value *value, struct error *error)
{
    if (append_value(node->graph->arena, &node->outputs, &node->output_count, &node->output_capacity, NULL, error))
        return -1;
    return node_set_output(node, node->output_count - 1, value, error);
}

int value_replace(struct value *from, struct value *to, struct error *error)
{
    while (from->use_count > 0) {
        struct use use = from->uses[from->use_count - 1];
        if (node_set_input(use.node, use.input, to, error))
            return -1;
    }
    struct graph *graph = from->graph;
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == from) {
            graph->outputs[i] = to;
            from->is_output = false;
            to->is_output = true;
        }
    }
    return 0;
}

void graph_clear_marks(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = 0;
}

void graph_mark_ancestors(struct graph *graph, const struct value *value, int mark)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark &= ~mark;
    if (value->producer)
        value->producer->mark |= mark;
    for (struct node *node = value->producer; node; node = node->previous) {
        for (int i = 0; (node->mark & mark) && i < node->input_count; i++) {
            if (node->inputs[i] && node->inputs[i]->producer)
                node->inputs[i]->producer->mark |= mark;
        }
    }
}

const char *node_label(const struct node *node, char out[NODE_LABEL_SIZE])
{
    char type[48], name[96];
    text_printable(node->op_type, strlen(node->op_type), type, sizeof type);
    if (node->name[0]) {
        text_printable(node->name, strlen(node->name), name, sizeof name);
        snprintf(out, NODE_LABEL_SIZE, "%s '%s'", type, name);
    } else {
        const char *made = node->output_count > 0 && node->outputs[0] ? node->outputs[0]->name : "nothing";
        text_printable(made, strlen(made), name, sizeof name);
        snprintf(out, NODE_LABEL_SIZE, "%s that makes '%s'", type, name);
    }
    return out;
}
