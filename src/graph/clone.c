#include "graph/settings.h"

#include <string.h>

#include "graph/value_table.h"

/* A clone in progress; `outer` is that of the graph around (values that a subgraph captures). */
struct cloner {
    const struct graph *from;
    struct graph *to;
    struct value **map; /* by id of the source value */
    const struct cloner *outer;
    const struct node *holder; /* values beyond all of these graphs are among its inputs, for which `inputs` stand */
    struct value *const *inputs;
    bool reads_around; /* such values are read as they are */
};

static struct value *map_captured(const struct cloner *cloner, const struct value *value)
{
    for (int i = 0; cloner->holder && i < cloner->holder->input_count; i++) {
        if (cloner->holder->inputs[i] == value)
            return cloner->inputs[i];
    }
    return NULL;
}

static struct value *map_value(const struct cloner *cloner, const struct value *value)
{
    while (value && cloner->from != value->graph) {
        if (!cloner->outer)
            return cloner->reads_around ? (struct value *)(uintptr_t)value : map_captured(cloner, value);
        cloner = cloner->outer;
    }
    return value ? cloner->map[value->id] : NULL;
}

static struct graph *clone_into(const struct graph *from, struct graph *parent, const struct cloner *outer,
                                struct error *error);

static const struct dimension *clone_dimensions(struct arena *arena, const struct dimension *from, size_t rank,
                                                struct error *error)
{
    struct dimension *copy = arena_allocate(arena, rank + 1, sizeof *copy, error);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < rank; i++) {
        const char *name = from[i].name;
        copy[i].size = from[i].size;
        copy[i].name = name ? arena_copy_string(arena, name, strlen(name), error) : NULL;
    }
    return copy;
}

static const struct told_type *clone_told(struct arena *arena, const struct told_type *from, struct error *error)
{
    struct told_type *copy = arena_allocate(arena, 1, sizeof *copy, error);
    if (!copy)
        return NULL;
    *copy = *from;
    if (from->rank < 0)
        return copy;
    copy->dimensions = clone_dimensions(arena, from->dimensions, (size_t)from->rank, error);
    return copy->dimensions ? copy : NULL;
}

static int clone_value(struct cloner *cloner, struct value *value, struct error *error)
{
    struct graph *to = cloner->to;
    struct value *copy =
        graph_add_value(to, value_table_find(cloner->from->names, value->name) == value ? value->name : NULL, error);
    if (!copy)
        return -1;
    copy->dtype = value->dtype;
    copy->shape = value->shape;
    copy->origin = value;
    copy->declared_rank = value->declared_rank;
    if (value->declared &&
        !(copy->declared = clone_dimensions(to->arena, value->declared, (size_t)value->declared_rank, error)))
        return -1;
    if (value->told && !(copy->told = clone_told(to->arena, value->told, error)))
        return -1;
    cloner->map[value->id] = copy;
    if (value->constant)
        return graph_set_constant(to, copy, constant_retain(value->constant), error);
    return 0;
}

static void *copy_array(struct arena *arena, const void *from, size_t count, size_t size, struct error *error)
{
    void *copy = arena_allocate(arena, count + 1, size, error);
    if (copy && count > 0)
        memcpy(copy, from, count * size);
    return copy;
}

static int copy_string(struct arena *arena, struct string *string, struct error *error)
{
    string->data = arena_copy_string(arena, string->data, string->length, error);
    return string->data ? 0 : -1;
}

static int clone_graphs(const struct cloner *cloner, struct attribute *attribute, struct error *error)
{
    if (attribute->type == ATTRIBUTE_GRAPH)
        return (attribute->graph = clone_into(attribute->graph, cloner->to, cloner, error)) ? 0 : -1;
    struct graph **graphs = arena_allocate(cloner->to->arena, attribute->count + 1, sizeof(struct graph *), error);
    if (!graphs)
        return -1;
    for (size_t i = 0; i < attribute->count; i++) {
        if (!(graphs[i] = clone_into(attribute->graphs[i], cloner->to, cloner, error)))
            return -1;
    }
    attribute->graphs = graphs;
    return 0;
}

/* Gives the copied `attribute` its own payload. Tensors stay shared: the new graph holds a reference. */
static int clone_payload(const struct cloner *cloner, struct attribute *attribute, struct error *error)
{
    struct arena *arena = cloner->to->arena;
    switch (attribute->type) {
    case ATTRIBUTE_STRING:
        return copy_string(arena, &attribute->s, error);
    case ATTRIBUTE_FLOATS:
        attribute->floats = copy_array(arena, attribute->floats, attribute->count, sizeof(float), error);
        return attribute->floats ? 0 : -1;
    case ATTRIBUTE_INTS:
        attribute->ints = copy_array(arena, attribute->ints, attribute->count, sizeof(int64_t), error);
        return attribute->ints ? 0 : -1;
    case ATTRIBUTE_STRINGS: {
        struct string *strings = copy_array(arena, attribute->strings, attribute->count, sizeof *strings, error);
        attribute->strings = strings;
        for (size_t i = 0; strings && i < attribute->count; i++) {
            if (copy_string(arena, &strings[i], error))
                return -1;
        }
        return strings ? 0 : -1;
    }
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR: {
        struct value holder = {0};
        if (!attribute->tensor)
            return 0;
        return graph_set_constant(cloner->to, &holder, constant_retain(attribute->tensor), error);
    }
    case ATTRIBUTE_GRAPH:
    case ATTRIBUTE_GRAPHS:
        return clone_graphs(cloner, attribute, error);
    default:
        return 0;
    }
}

static int clone_attributes(const struct cloner *cloner, const struct node *node, struct node *copy,
                            struct error *error)
{
    struct arena *arena = cloner->to->arena;
    size_t count = (size_t)node->attribute_count;
    copy->attributes = copy_array(arena, node->attributes, count, sizeof *copy->attributes, error);
    if (!copy->attributes)
        return -1;
    copy->attribute_count = node->attribute_count;
    for (size_t i = 0; i < count; i++) {
        struct attribute *attribute = &copy->attributes[i];
        if (!(attribute->name = arena_copy_string(arena, attribute->name, strlen(attribute->name), error)))
            return -1;
        if (attribute->reference && !(attribute->reference = arena_copy_string(arena, attribute->reference,
                                                                               strlen(attribute->reference), error)))
            return -1;
        if (clone_payload(cloner, attribute, error))
            return -1;
    }
    return 0;
}

static struct node *clone_node(const struct cloner *cloner, struct node *node, struct error *error)
{
    struct node *copy = graph_add_node(cloner->to, node->domain, node->op_type, node->name, node->input_count,
                                       node->output_count, error);
    if (!copy)
        return NULL;
    if (node->overload &&
        !(copy->overload = arena_copy_string(copy->graph->arena, node->overload, strlen(node->overload), error)))
        return NULL;
    copy->opset = node->opset;
    copy->origin = node;
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node_set_input(copy, i, map_value(cloner, node->inputs[i]), error))
            return NULL;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && node_set_output(copy, i, map_value(cloner, node->outputs[i]), error))
            return NULL;
    }
    return clone_attributes(cloner, node, copy, error) || node_set_operator(copy, node->definition, error) ? NULL
                                                                                                           : copy;
}

struct node *graph_copy_node(struct graph *to, struct node *node, struct value **map, struct error *error)
{
    struct cloner cloner = {.from = node->graph, .to = to, .map = map};
    return clone_node(&cloner, node, error);
}

/* The values of cloner->from that are no inputs, without their names. */
static int copy_values(const struct cloner *cloner, struct error *error)
{
    for (size_t i = 0; i < cloner->from->value_count; i++) {
        const struct value *value = cloner->from->values[i];
        if (cloner->map[i])
            continue;
        struct value *copy = cloner->map[i] = graph_add_value(cloner->to, NULL, error);
        if (!copy)
            return -1;
        copy->dtype = value->dtype;
        copy->shape = value->shape;
        if (value->constant && graph_set_constant(cloner->to, copy, constant_retain(value->constant), error))
            return -1;
    }
    return 0;
}

int graph_copy_subgraph(struct graph *to, const struct node *holder, struct value *const *inputs,
                        const struct graph *subgraph, struct value *const *actuals, struct value **outputs,
                        struct error *error)
{
    struct memory *memory = to->context->memory;
    struct cloner cloner = {.from = subgraph, .to = to, .holder = holder, .inputs = inputs, .reads_around = !holder};
    cloner.map = memory_allocate(memory, subgraph->value_count + 1, sizeof(struct value *), error);
    if (!cloner.map)
        return -1;
    for (int i = 0; i < subgraph->input_count; i++)
        cloner.map[subgraph->inputs[i]->id] = actuals[i];
    int result = copy_values(&cloner, error);
    for (struct node *node = subgraph->first; result == 0 && node; node = node->next)
        result = clone_node(&cloner, node, error) ? 0 : -1;
    for (int i = 0; result == 0 && i < subgraph->output_count; i++)
        outputs[i] = map_value(&cloner, subgraph->outputs[i]);
    memory_release(memory, cloner.map);
    return result;
}

int node_copy_attribute(struct node *to, const struct attribute *from, const char *name, struct error *error)
{
    if (from->type == ATTRIBUTE_GRAPH || from->type == ATTRIBUTE_GRAPHS)
        return error_set(error, ERROR_UNSUPPORTED, "attribute '%s' is a graph that is handed to a function",
                         from->name);
    struct cloner cloner = {.to = to->graph};
    struct attribute *copy = node_add_attribute(to, name, error);
    if (!copy)
        return -1;
    const char *kept = copy->name;
    *copy = *from;
    copy->name = kept;
    copy->span = (struct span){0, 0};
    to->changed = true;
    return clone_payload(&cloner, copy, error) || node_read_settings(to, error) ? -1 : 0;
}

static int clone_opsets(const struct graph *from, struct graph *to, struct error *error)
{
    struct opset_import *opsets = copy_array(to->arena, from->opsets, (size_t)from->opset_count, sizeof *opsets, error);
    if (!opsets)
        return -1;
    for (int i = 0; i < from->opset_count; i++) {
        if (!(opsets[i].domain = arena_copy_string(to->arena, opsets[i].domain, strlen(opsets[i].domain), error)))
            return -1;
    }
    to->opsets = opsets;
    to->opset_count = from->opset_count;
    return 0;
}

static int clone_content(struct cloner *cloner, struct error *error)
{
    const struct graph *from = cloner->from;
    if (clone_opsets(from, cloner->to, error))
        return -1;
    for (size_t i = 0; i < from->value_count; i++) {
        if (clone_value(cloner, from->values[i], error))
            return -1;
    }
    for (struct node *node = from->first; node; node = node->next) {
        if (!clone_node(cloner, node, error))
            return -1;
    }
    for (int i = 0; i < from->input_count; i++) {
        if (graph_add_input(cloner->to, map_value(cloner, from->inputs[i]), error))
            return -1;
    }
    for (int i = 0; i < from->output_count; i++) {
        if (graph_add_output(cloner->to, map_value(cloner, from->outputs[i]), error))
            return -1;
    }
    return 0;
}

static struct graph *clone_into(const struct graph *from, struct graph *parent, const struct cloner *outer,
                                struct error *error)
{
    struct memory *memory = from->context->memory;
    struct cloner cloner = {.from = from, .outer = outer};
    cloner.to = graph_create(from->context, parent, from->name, error);
    if (!cloner.to)
        return NULL;
    cloner.map = memory_allocate(memory, from->value_count + 1, sizeof(struct value *), error);
    int result = cloner.map ? clone_content(&cloner, error) : -1;
    memory_release(memory, cloner.map);
    if (result == 0)
        return cloner.to;
    graph_destroy(cloner.to);
    return NULL;
}

struct graph *graph_clone(const struct graph *graph, struct error *error)
{
    return clone_into(graph, NULL, NULL, error);
}
