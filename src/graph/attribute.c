#include "graph/settings.h"

#include <string.h>

const struct attribute *node_attribute(const struct node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    }
    return NULL;
}

/* What stood in an attribute's graphs reads nothing any longer. */
static void clear_graphs(const struct attribute *attribute)
{
    if (attribute->type == ATTRIBUTE_GRAPH && attribute->graph)
        graph_clear(attribute->graph);
    for (size_t i = 0; attribute->type == ATTRIBUTE_GRAPHS && i < attribute->count; i++)
        graph_clear(attribute->graphs[i]);
}

struct attribute *node_add_attribute(struct node *node, const char *name, struct error *error)
{
    struct arena *arena = node->graph->arena;
    for (int i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) {
            const char *kept = node->attributes[i].name;
            clear_graphs(&node->attributes[i]);
            node->attributes[i] = (struct attribute){.name = kept};
            return &node->attributes[i];
        }
    }
    struct attribute *grown = arena_allocate(arena, (size_t)node->attribute_count + 1, sizeof *grown, error);
    char *copy = arena_copy_string(arena, name, strlen(name), error);
    if (!grown || !copy)
        return NULL;
    if (node->attribute_count > 0)
        memcpy(grown, node->attributes, (size_t)node->attribute_count * sizeof *grown);
    node->attributes = grown;
    struct attribute *attribute = &grown[node->attribute_count++];
    attribute->name = copy;
    return attribute;
}

int node_set_int(struct node *node, const char *name, int64_t value, struct error *error)
{
    struct attribute *attribute = node_add_attribute(node, name, error);
    if (!attribute)
        return -1;
    attribute->type = ATTRIBUTE_INT;
    attribute->i = value;
    node->changed = true;
    return node_read_settings(node, error);
}

int node_set_float(struct node *node, const char *name, float value, struct error *error)
{
    struct attribute *attribute = node_add_attribute(node, name, error);
    if (!attribute)
        return -1;
    attribute->type = ATTRIBUTE_FLOAT;
    attribute->f = value;
    node->changed = true;
    return node_read_settings(node, error);
}

int node_set_ints(struct node *node, const char *name, const int64_t *values, int count, struct error *error)
{
    struct attribute *attribute = node_add_attribute(node, name, error);
    int64_t *copy = arena_allocate(node->graph->arena, (size_t)count + 1, sizeof *copy, error);
    if (!attribute || !copy)
        return -1;
    if (count > 0)
        memcpy(copy, values, (size_t)count * sizeof *copy);
    attribute->type = ATTRIBUTE_INTS;
    attribute->ints = copy;
    attribute->count = (size_t)count;
    node->changed = true;
    return node_read_settings(node, error);
}

int node_set_string(struct node *node, const char *name, const char *value, struct error *error)
{
    struct attribute *attribute = node_add_attribute(node, name, error);
    char *copy = arena_copy_string(node->graph->arena, value, strlen(value), error);
    if (!attribute || !copy)
        return -1;
    attribute->type = ATTRIBUTE_STRING;
    attribute->s = (struct string){copy, strlen(value)};
    node->changed = true;
    return node_read_settings(node, error);
}

int node_set_tensor(struct node *node, const char *name, struct constant *constant, struct error *error)
{
    struct value holder = {0}; /* the graph holds the constant, under no value's name */
    if (graph_set_constant(node->graph, &holder, constant, error))
        return -1;
    struct attribute *attribute = node_add_attribute(node, name, error);
    if (!attribute)
        return -1;
    attribute->type = ATTRIBUTE_TENSOR;
    attribute->tensor = constant;
    node->changed = true;
    return node_read_settings(node, error);
}

int node_add_metadata(struct node *node, const char *key, const char *value, struct error *error)
{
    struct arena *arena = node->graph->arena;
    size_t count = (size_t)node->metadata_count;
    struct metadata *grown = arena_allocate(arena, count + 1, sizeof *grown, error);
    if (!grown)
        return -1;
    if (count > 0)
        memcpy(grown, node->metadata, count * sizeof *grown);
    grown[count] = (struct metadata){arena_copy_string(arena, key, strlen(key), error),
                                     arena_copy_string(arena, value, strlen(value), error)};
    node->metadata = grown;
    node->metadata_count++;
    node->changed = true;
    return grown[count].key && grown[count].value ? 0 : -1;
}
