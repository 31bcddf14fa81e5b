#include "guide/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/onnx.h"

/* The list as it is; an empty one where there is none or it is damaged. NULL without memory. */
static json_t *read_record(const struct model *model)
{
    const char *text = model_metadata(model, RECORD_KEY);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_array(list))
        return list;
    json_decref(list);
    return json_array();
}

/* Takes over `list`. */
static int write_record(struct model *model, json_t *list, struct error *error)
{
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory");
    int result = model_set_metadata(model, RECORD_KEY, text, error);
    free(text);
    return result;
}

static bool is_of_guide(const json_t *entry, const char *guide)
{
    const char *name = json_string_value(json_object_get(entry, "guide"));
    return name && strcmp(name, guide) == 0;
}

static bool has_entry(const struct model *model, const char *guide, bool pending)
{
    json_t *list = read_record(model), *entry;
    size_t index;
    bool found = false;
    json_array_foreach(list, index, entry) found =
        found || (is_of_guide(entry, guide) && (!pending || json_is_false(json_object_get(entry, "trained"))));
    json_decref(list);
    return found;
}

bool record_has(const struct model *model, const char *guide)
{
    return has_entry(model, guide, false);
}

bool record_is_pending(const struct model *model, const char *guide)
{
    return has_entry(model, guide, true);
}

/* Appends the entry's nodes; names are copied. */
static int copy_nodes(const json_t *entry, struct arena *arena, struct record_nodes *nodes, size_t *capacity,
                      struct error *error)
{
    const json_t *name;
    size_t index;
    json_array_foreach(json_object_get(entry, "nodes"), index, name)
    {
        const char *text = json_string_value(name);
        const char **grown = arena_grow(arena, nodes->names, nodes->count, capacity, sizeof *nodes->names, error);
        const char *copy = grown && text ? arena_copy_string(arena, text, strlen(text), error) : NULL;
        if (!grown || (text && !copy))
            return -1;
        nodes->names = grown;
        if (copy)
            nodes->names[nodes->count++] = copy;
    }
    return 0;
}

int record_list_nodes(const struct model *model, const char *guide, struct arena *arena, struct record_nodes *nodes,
                      struct error *error)
{
    json_t *list = read_record(model), *entry;
    size_t index, capacity = 0;
    int result = 0;
    *nodes = (struct record_nodes){0};
    json_array_foreach(list, index, entry)
    {
        if (result == 0 && is_of_guide(entry, guide))
            result = copy_nodes(entry, arena, nodes, &capacity, error);
    }
    json_decref(list);
    return result;
}

int record_add(struct model *model, const char *guide, const char *code, const char *const *nodes, int node_count,
               bool trained, struct error *error)
{
    json_t *list = read_record(model), *names = json_array();
    for (int i = 0; i < node_count; i++) {
        json_t *name = json_string(nodes[i]);
        json_array_append_new(names, name ? name : json_string("?")); /* bytes that are no UTF-8 */
    }
    for (size_t i = json_array_size(list); i-- > 0;) {
        const json_t *entry = json_array_get(list, i);
        if (is_of_guide(entry, guide) && json_equal(json_object_get(entry, "nodes"), names))
            json_array_remove(list, i);
    }
    json_t *entry = json_pack("{s:s, s:s, s:o, s:b}", "guide", guide, "code", code, "nodes", names, "trained", trained);
    if (!entry || json_array_append_new(list, entry)) {
        json_decref(list);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return write_record(model, list, error);
}

int record_mark_trained(struct model *model, struct error *error)
{
    if (!model_metadata(model, RECORD_KEY))
        return 0;
    json_t *list = read_record(model), *entry;
    size_t index;
    json_array_foreach(list, index, entry) json_object_set_new(entry, "trained", json_true());
    return write_record(model, list, error);
}
