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

static int load_dimensions(struct graph *graph, struct value *value, const Onnx__TensorShapeProto *shape,
                           struct error *error)
{
    struct dimension *dimensions = arena_allocate(graph->arena, shape->n_dim + 1, sizeof *dimensions, error);
    if (!dimensions)
        return -1;
    if (shape->n_dim > 1024)
        return error_set(error, ERROR_LIMIT, "value '%s' has too many dimensions (limit 1024)", value->name);
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dimension = shape->dim[i];
        bool known = dimension->has_dim_value && dimension->dim_value >= 0;
        dimensions[i].size = known ? dimension->dim_value : -1;
        if (dimension->has_dim_param && !(dimensions[i].name = load_string(graph->arena, &dimension->dim_param, error)))
            return -1;
    }
    value->declared = dimensions;
    value->declared_rank = (int)shape->n_dim;
    return 0;
}

static int load_type(struct graph *graph, struct value *value, const Onnx__TypeProto *type, struct error *error)
{
    if (!type || !type->tensor_type)
        return 0;
    if (value->dtype == DTYPE_UNDEFINED && type->tensor_type->has_elem_type)
        value->dtype = (enum dtype)type->tensor_type->elem_type;
    return type->tensor_type->shape ? load_dimensions(graph, value, type->tensor_type->shape, error) : 0;
}

static int load_initialisers(struct graph *graph, const struct model_reader *reader, const Onnx__GraphProto *message,
                             struct error *error)
{
    for (size_t i = 0; i < message->n_initializer; i++) {
        struct value *value = load_value(graph, &message->initializer[i]->name, error);
        struct constant *constant = value ? load_tensor(graph->arena, reader, message->initializer[i], error) : NULL;
        if (!constant)
            return -1;
        if (value->constant || value->graph != graph) {
            constant_release(constant);
            return error_set(error, ERROR_INPUT, "the name '%s' is given to two initialisers", value->name);
        }
        if (graph_set_constant(graph, value, constant, error))
            return -1;
    }
    if (message->n_sparse_initializer > 0)
        return error_set(error, ERROR_UNSUPPORTED, "sparse initialisers are not supported");
    return 0;
}

/* The graph's own inputs; a name of the graph around may be taken again (Loop bodies do). */
static int load_inputs(struct graph *graph, const Onnx__GraphProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_input; i++) {
        char *name = load_string(graph->arena, &message->input[i]->name, error);
        struct value *value = name ? graph_add_value(graph, name, error) : NULL;
        if (!value || load_type(graph, value, message->input[i]->type, error) || graph_add_input(graph, value, error))
            return -1;
    }
    return 0;
}

static int load_outputs(struct graph *graph, const Onnx__GraphProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_output; i++) {
        char *name = load_string(graph->arena, &message->output[i]->name, error);
        struct value *value = name ? graph_find_value(graph, name) : NULL;
        if (!name)
            return -1;
        if (!value || (!value->producer && !value->is_input && !value->constant))
            return error_set(error, ERROR_INPUT, "the graph's output '%s' is made by no node", name);
        if ((value->declared_rank < 0 && load_type(graph, value, message->output[i]->type, error)) ||
            graph_add_output(graph, value, error))
            return -1;
    }
    return 0;
}

/* Every value that a node reads must come from somewhere. */
static int check_sources(const struct graph *graph, struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            const struct value *value = node->inputs[i];
            char label[NODE_LABEL_SIZE];
            if (value && value->graph == graph && !value->producer && !value->is_input && !value->constant)
                return error_set(error, ERROR_INPUT, "%s reads '%s', which nothing makes", node_label(node, label),
                                 value->name);
        }
    }
    return 0;
}

int load_graph(struct graph *graph, const struct model_reader *reader, const Onnx__GraphProto *message,
               struct error *error)
{
    if (load_inputs(graph, message, error) || load_initialisers(graph, reader, message, error) ||
        load_nodes(graph, reader, message->node, message->n_node, error) || load_outputs(graph, message, error))
        return -1;
    return check_sources(graph, error);
}
