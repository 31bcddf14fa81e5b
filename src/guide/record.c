#include "guide/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "onnx/onnx.h"

/* The list as it is; an empty one where there is none or it is damaged. NULL without memory. */
static json_t *read_record(const struct model *model, struct error *error)
{
    struct error damaged = ERROR_INITIALISER;
    const char *text = model_metadata(model, RECORD_KEY);
    json_t *list = text ? document_read(model->context->memory, text, strlen(text), 0, &damaged) : NULL;
    if (!json_is_array(list)) {
        json_decref(list);
        list = damaged.kind == ERROR_MEMORY ? NULL : json_array();
    }
    if (!list)
        error_set(error, ERROR_MEMORY, "out of memory");
    return list;
}

/* Takes over `list`. */
static int write_record(struct model *model, json_t *list, struct error *error)
{
    char *text = document_text(list, JSON_COMPACT);
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

static int has_entry(const struct model *model, const char *guide, bool pending, struct error *error)
{
    json_t *list = read_record(model, error), *entry;
    size_t index;
    int found = list ? 0 : -1;
    json_array_foreach(list, index, entry)
    {
        if (is_of_guide(entry, guide) && (!pending || json_is_false(json_object_get(entry, "trained"))))
            found = 1;
    }
    json_decref(list);
    return found;
}

int record_has(const struct model *model, const char *guide, struct error *error)
{
    return has_entry(model, guide, false, error);
}

int record_is_pending(const struct model *model, const char *guide, struct error *error)
{
    return has_entry(model, guide, true, error);
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
    json_t *list = read_record(model, error), *entry;
    size_t index, capacity = 0;
    int result = list ? 0 : -1;
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
    json_t *list = read_record(model, error), *names = json_array();
    for (int i = 0; i < node_count; i++)
        document_append(&names, document_string(nodes[i]));
    for (size_t i = json_array_size(list); i-- > 0;) {
        const json_t *entry = json_array_get(list, i);
        if (is_of_guide(entry, guide) && names && json_equal(json_object_get(entry, "nodes"), names))
            json_array_remove(list, i);
    }
    document_append(&list, document_object("guide", document_string(guide), "code", document_string(code), "nodes",
                                           names, "trained", json_boolean(trained), NULL));
    return write_record(model, list, error);
}

int record_mark_trained(struct model *model, struct error *error)
{
    if (!model_metadata(model, RECORD_KEY))
        return 0;
    json_t *list = read_record(model, error), *entry;
    size_t index;
    bool marked = true;
    json_array_foreach(list, index, entry)
    {
        json_t *kept = json_is_object(entry) ? json_incref(entry) : NULL;
        document_set(&kept, "trained", json_true());
        marked = marked && (kept || !json_is_object(entry));
        json_decref(kept);
    }
    if (!marked) {
        json_decref(list);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return write_record(model, list, error);
}
