/* Names: strings of a file, and the values and operator sets called so. */
#include <string.h>

#include "base/text.h"
#include "onnx/loader.h"

/* Names are printed and compared as C strings: a NUL inside is shown as what it is. */
char *load_string(struct arena *arena, const ProtobufCBinaryData *bytes, struct error *error)
{
    if (bytes->len > 0 && memchr(bytes->data, 0, bytes->len)) {
        size_t size = bytes->len * 4 + 8;
        char *printable = arena_allocate(arena, size, 1, error);
        if (printable)
            text_printable((const char *)bytes->data, bytes->len, printable, size);
        return printable;
    }
    return arena_copy_string(arena, (const char *)bytes->data, bytes->len, error);
}

struct value *load_value(struct graph *graph, const ProtobufCBinaryData *bytes, struct error *error)
{
    char *name = load_string(graph->arena, bytes, error);
    if (!name)
        return NULL;
    struct value *value = graph_find_value(graph, name);
    return value ? value : graph_add_value(graph, name, error);
}

struct value *load_own_value(struct graph *graph, const ProtobufCBinaryData *bytes, struct error *error)
{
    char *name = load_string(graph->arena, bytes, error);
    struct value *value = name ? graph_find_value(graph, name) : NULL;
    if (name && (!value || value->graph != graph))
        value = graph_add_value(graph, name, error);
    return value;
}

struct opset_import *load_opsets(struct arena *arena, Onnx__OperatorSetIdProto *const *messages, size_t count,
                                 struct error *error)
{
    struct opset_import *opsets = arena_allocate(arena, count + 1, sizeof *opsets, error);
    for (size_t i = 0; opsets && i < count; i++) {
        opsets[i].version = messages[i]->version;
        if (opsets[i].version < 1 || opsets[i].version > 1000000) {
            error_set(error, ERROR_INPUT, "an imported operator set has no sensible version");
            return NULL;
        }
        if (!(opsets[i].domain = load_string(arena, &messages[i]->domain, error)))
            return NULL;
    }
    return opsets;
}
