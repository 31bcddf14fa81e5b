#include <string.h>

#include "onnx/loader.h"

static struct graph *load_subgraph(struct graph *around, const struct model_reader *reader,
                                   const Onnx__GraphProto *message, struct error *error)
{
    char *name = load_string(around->arena, &message->name, error);
    struct graph *graph = name ? graph_create(around->context, around, name, error) : NULL;
    return graph && load_graph(graph, reader, message, error) == 0 ? graph : NULL;
}

static int load_graphs(struct graph *graph, const struct model_reader *reader, const Onnx__AttributeProto *message,
                       struct attribute *attribute, struct error *error)
{
    struct graph **graphs = arena_allocate(graph->arena, message->n_graphs + 1, sizeof *graphs, error);
    for (size_t i = 0; graphs && i < message->n_graphs; i++) {
        if (!(graphs[i] = load_subgraph(graph, reader, message->graphs[i], error)))
            return -1;
    }
    attribute->graphs = graphs;
    attribute->count = message->n_graphs;
    return graphs ? 0 : -1;
}

static int load_strings(struct arena *arena, const Onnx__AttributeProto *message, struct attribute *attribute,
                        struct error *error)
{
    struct string *strings = arena_allocate(arena, message->n_strings + 1, sizeof *strings, error);
    for (size_t i = 0; strings && i < message->n_strings; i++) {
        const ProtobufCBinaryData *bytes = &message->strings[i];
        strings[i] =
            (struct string){arena_copy_string(arena, (const char *)bytes->data, bytes->len, error), bytes->len};
        if (!strings[i].data)
            return -1;
    }
    attribute->strings = strings;
    attribute->count = message->n_strings;
    return strings ? 0 : -1;
}

/* Files older than IR 2 leave the type out: the field that is there tells it. */
static enum attribute_type attribute_kind(const Onnx__AttributeProto *message)
{
    if (message->has_type && message->type != 0)
        return (enum attribute_type)message->type;
    return message->has_f       ? ATTRIBUTE_FLOAT
           : message->has_i     ? ATTRIBUTE_INT
           : message->has_s     ? ATTRIBUTE_STRING
           : message->t         ? ATTRIBUTE_TENSOR
           : message->g         ? ATTRIBUTE_GRAPH
           : message->n_floats  ? ATTRIBUTE_FLOATS
           : message->n_ints    ? ATTRIBUTE_INTS
           : message->n_strings ? ATTRIBUTE_STRINGS
                                : ATTRIBUTE_UNDEFINED;
}

static void *copy_numbers(struct arena *arena, const void *from, size_t count, size_t size, struct error *error)
{
    void *copy = arena_allocate(arena, count + 1, size, error);
    if (copy && count > 0)
        memcpy(copy, from, count * size);
    return copy;
}

/* A tensor attribute's constant is held by the graph, under no value's name. */
static int load_tensor_attribute(struct graph *graph, const struct model_reader *reader,
                                 const Onnx__TensorProto *message, struct attribute *attribute, struct error *error)
{
    struct value holder = {0};
    if (!message)
        return error_set(error, ERROR_INPUT, "attribute '%s' has no tensor", attribute->name);
    attribute->tensor = load_tensor(graph->arena, reader, message, error);
    return attribute->tensor ? graph_set_constant(graph, &holder, attribute->tensor, error) : -1;
}

static int load_sparse_attribute(struct graph *graph, const struct model_reader *reader,
                                 const Onnx__SparseTensorProto *message, struct attribute *attribute,
                                 struct error *error)
{
    struct value holder = {0};
    if (!message)
        return error_set(error, ERROR_INPUT, "attribute '%s' has no sparse tensor", attribute->name);
    attribute->tensor = load_sparse_tensor(graph->arena, reader, message, error);
    return attribute->tensor ? graph_set_constant(graph, &holder, attribute->tensor, error) : -1;
}

int load_attribute(struct node *node, const struct model_reader *reader, const Onnx__AttributeProto *message,
                   struct error *error)
{
    struct arena *arena = node->graph->arena;
    char *name = load_string(arena, &message->name, error);
    if (name && node_attribute(node, name))
        return error_set(error, ERROR_INPUT, "attribute '%s' is given twice", name);
    struct attribute *attribute = name ? node_add_attribute(node, name, error) : NULL;
    if (!attribute)
        return -1;
    attribute->type = attribute_kind(message);
    attribute->span = (struct span){message->source_offset, message->source_length};
    if (message->has_ref_attr_name && !(attribute->reference = load_string(arena, &message->ref_attr_name, error)))
        return -1;
    if (attribute->reference)
        attribute->type = ATTRIBUTE_UNDEFINED; /* that of the attribute it refers to */
    switch (attribute->type) {
    case ATTRIBUTE_FLOAT:
        attribute->f = message->f;
        return 0;
    case ATTRIBUTE_INT:
        attribute->i = message->i;
        return 0;
    case ATTRIBUTE_STRING:
        attribute->s.data = arena_copy_string(arena, (const char *)message->s.data, message->s.len, error);
        attribute->s.length = message->s.len;
        return attribute->s.data ? 0 : -1;
    case ATTRIBUTE_FLOATS:
        attribute->count = message->n_floats;
        attribute->floats = copy_numbers(arena, message->floats, message->n_floats, sizeof(float), error);
        return attribute->floats ? 0 : -1;
    case ATTRIBUTE_INTS:
        attribute->count = message->n_ints;
        attribute->ints = copy_numbers(arena, message->ints, message->n_ints, sizeof(int64_t), error);
        return attribute->ints ? 0 : -1;
    case ATTRIBUTE_STRINGS:
        return load_strings(arena, message, attribute, error);
    case ATTRIBUTE_TENSOR:
        return load_tensor_attribute(node->graph, reader, message->t, attribute, error);
    case ATTRIBUTE_SPARSE_TENSOR:
        return load_sparse_attribute(node->graph, reader, message->sparse_tensor, attribute, error);
    case ATTRIBUTE_GRAPH:
        if (!message->g)
            return error_set(error, ERROR_INPUT, "attribute '%s' has no graph", name);
        attribute->graph = load_subgraph(node->graph, reader, message->g, error);
        return attribute->graph ? 0 : -1;
    case ATTRIBUTE_GRAPHS:
        return load_graphs(node->graph, reader, message, attribute, error);
    case ATTRIBUTE_TYPE_PROTO:
        attribute->dtype = load_type_code(message->tp);
        return 0;
    default:
        return 0;
    }
}

static int load_operands(struct node *node, const Onnx__NodeProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_input; i++) {
        struct value *value = message->input[i].len ? load_value(node->graph, &message->input[i], error) : NULL;
        if (message->input[i].len && (!value || node_set_input(node, (int)i, value, error)))
            return -1;
    }
    for (size_t i = 0; i < message->n_output; i++) {
        if (!message->output[i].len)
            continue;
        struct value *value = load_own_value(node->graph, &message->output[i], error);
        if (!value)
            return -1;
        if (value->is_input || value->constant)
            return error_set(error, ERROR_INPUT, "output '%s' has the name of another value", value->name);
        if (node_set_output(node, (int)i, value, error))
            return -1;
    }
    return 0;
}

/* Layouts that ONNX Runtime's highest level writes for the processor that it runs on: nobody else has their operators.
 */
static int refuse_layout(const char *domain, const char *op_type, struct error *error)
{
    if (strcmp(domain, "com.microsoft.nchwc") != 0 && strcmp(domain, "com.ms.internal.nhwc") != 0)
        return 0;
    return error_set(
        error, ERROR_UNSUPPORTED,
        "ONNX Runtime optimised the file for one CPU (%s.%s): use the exported file, or optimise it at level "
        "'extended' at most",
        domain, op_type);
}

static int load_node(struct graph *graph, const struct model_reader *reader, const Onnx__NodeProto *message,
                     struct error *error)
{
    char *op_type = load_string(graph->arena, &message->op_type, error);
    char *domain = load_string(graph->arena, &message->domain, error);
    char *name = load_string(graph->arena, &message->name, error);
    if (!op_type || !domain || !name || refuse_layout(domain, op_type, error))
        return -1;
    struct node *node = graph_add_node(graph, strcmp(domain, "ai.onnx") == 0 ? "" : domain, op_type, name,
                                       (int)message->n_input, (int)message->n_output, error);
    if (!node)
        return -1;
    node->opset = graph_opset(graph, domain);
    node->span = (struct span){message->source_offset, message->source_length};
    if (message->overload.len > 0 && !(node->overload = load_string(graph->arena, &message->overload, error)))
        return -1;
    char label[NODE_LABEL_SIZE];
    if (load_operands(node, message, error))
        return name[0] || (node->output_count > 0 && node->outputs[0])
                   ? error_prefix(error, "%s", node_label(node, label))
                   : error_prefix(error, "node %d (%.100s)", graph->node_count - 1, op_type);
    for (size_t i = 0; i < message->n_attribute; i++) {
        if (load_attribute(node, reader, message->attribute[i], error))
            return error_prefix(error, "%s", node_label(node, label));
    }
    node->changed = false;
    return 0;
}

int load_nodes(struct graph *graph, const struct model_reader *reader, Onnx__NodeProto *const *messages, size_t count,
               struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (load_node(graph, reader, messages[i], error))
            return -1;
    }
    return 0;
}
