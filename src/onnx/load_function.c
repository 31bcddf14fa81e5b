#include <string.h>

#include "base/text.h"
#include "onnx/loader.h"

static int load_formal_inputs(struct graph *body, const Onnx__FunctionProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_input; i++) {
        char *name = load_string(body->arena, &message->input[i], error);
        struct value *value = name ? graph_add_value(body, name, error) : NULL;
        if (!value || graph_add_input(body, value, error))
            return -1;
    }
    return 0;
}

static int load_formal_outputs(struct graph *body, const Onnx__FunctionProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_output; i++) {
        char *name = load_string(body->arena, &message->output[i], error);
        struct value *value = name ? graph_find_value(body, name) : NULL;
        if (!name)
            return -1;
        if (!value || (!value->producer && !value->is_input))
            return error_set(error, ERROR_INPUT, "its output '%s' is made by no node", name);
        if (graph_add_output(body, value, error))
            return -1;
    }
    return 0;
}

/* Attribute names, and through a node that stands in no graph's list the attributes that have defaults. */
static int load_formal_attributes(struct function *function, const struct model_reader *reader,
                                  const Onnx__FunctionProto *message, struct error *error)
{
    struct arena *arena = function->body->arena;
    size_t count = message->n_attribute;
    function->attributes = arena_allocate(arena, count + 1, sizeof *function->attributes, error);
    for (size_t i = 0; function->attributes && i < count; i++) {
        if (!(function->attributes[i] = load_string(arena, &message->attribute[i], error)))
            return -1;
    }
    function->attribute_count = (int)count;
    struct node holder = {.graph = function->body};
    for (size_t i = 0; i < message->n_attribute_proto; i++) {
        if (load_attribute(&holder, reader, message->attribute_proto[i], error))
            return -1;
    }
    if (node_subgraph(&holder, 0))
        return error_set(error, ERROR_UNSUPPORTED, "an attribute's default is a graph");
    function->defaults = holder.attributes;
    function->default_count = holder.attribute_count;
    return function->attributes ? 0 : -1;
}

static int load_function(struct model *model, struct function *function, const struct model_reader *reader,
                         const Onnx__FunctionProto *message, struct error *error)
{
    char *name = load_string(model->arena, &message->name, error);
    char *domain = load_string(model->arena, &message->domain, error);
    if (!name || !domain || !(function->body = graph_create(model->context, NULL, name, error)))
        return -1;
    function->name = name;
    function->domain = strcmp(domain, "ai.onnx") == 0 ? "" : domain;
    if (message->overload.len > 0 && !(function->overload = load_string(model->arena, &message->overload, error)))
        return -1;
    struct graph *body = function->body;
    body->opsets = load_opsets(body->arena, message->opset_import, message->n_opset_import, error);
    body->opset_count = (int)message->n_opset_import;
    if (!body->opsets || load_formal_inputs(body, message, error) ||
        load_formal_attributes(function, reader, message, error) ||
        load_nodes(body, reader, message->node, message->n_node, error))
        return -1;
    return load_formal_outputs(body, message, error) || load_check_sources(body, error) ? -1 : 0;
}

int load_functions(struct model *model, const struct model_reader *reader, Onnx__FunctionProto *const *messages,
                   size_t count, struct error *error)
{
    model->functions = arena_allocate(model->arena, count + 1, sizeof *model->functions, error);
    if (!model->functions)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct function *function = &model->functions[model->function_count++];
        if (load_function(model, function, reader, messages[i], error)) {
            char name[96];
            const ProtobufCBinaryData *bytes = &messages[i]->name;
            return error_prefix(error, "function '%s'",
                                text_printable((const char *)bytes->data, bytes->len, name, sizeof name));
        }
    }
    return 0;
}
