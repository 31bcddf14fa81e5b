#include "onnx/loader.h"

/* The file's, NULL and an error. */
static struct dimension *load_dimensions(struct graph *graph, const Onnx__TensorShapeProto *shape, struct error *error)
{
    struct dimension *dimensions = arena_allocate(graph->arena, shape->n_dim + 1, sizeof *dimensions, error);
    for (size_t i = 0; dimensions && i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dimension = shape->dim[i];
        bool known = dimension->has_dim_value && dimension->dim_value >= 0;
        dimensions[i].size = known ? dimension->dim_value : -1;
        if (dimension->has_dim_param && !(dimensions[i].name = load_string(graph->arena, &dimension->dim_param, error)))
            return NULL;
    }
    return dimensions;
}

static int load_type(struct graph *graph, struct value *value, const Onnx__TypeProto *type, struct error *error)
{
    const Onnx__TensorShapeProto *shape = type && type->tensor_type ? type->tensor_type->shape : NULL;
    if (value->dtype == DTYPE_UNDEFINED)
        value->dtype = load_type_code(type);
    if (!shape)
        return 0;
    if (shape->n_dim > 1024)
        return error_set(error, ERROR_LIMIT, "value '%s' has too many dimensions (limit 1024)", value->name);
    value->declared_rank = (int)shape->n_dim;
    value->declared = load_dimensions(graph, shape, error);
    return value->declared ? 0 : -1;
}

/* What value_info says of results of nodes, where that is a tensor. */
static int load_told(struct graph *graph, const Onnx__GraphProto *message, struct error *error)
{
    for (size_t i = 0; i < message->n_value_info; i++) {
        const Onnx__TypeProto *type = message->value_info[i]->type;
        const Onnx__TensorShapeProto *shape = type && type->tensor_type ? type->tensor_type->shape : NULL;
        if (!type || !type->tensor_type || !type->tensor_type->has_elem_type ||
            (shape && shape->n_dim > SHAPE_MAX_RANK))
            continue;
        char *name = load_string(graph->arena, &message->value_info[i]->name, error);
        struct value *value = name ? graph_find_value(graph, name) : NULL;
        if (!name)
            return -1;
        if (!value || value->graph != graph || !value->producer)
            continue;
        struct told_type *told = arena_allocate(graph->arena, 1, sizeof *told, error);
        if (!told)
            return -1;
        *told = (struct told_type){.dtype = (enum dtype)type->tensor_type->elem_type, .rank = -1};
        if (shape) {
            told->rank = (int)shape->n_dim;
            told->dimensions = load_dimensions(graph, shape, error);
            if (!told->dimensions)
                return -1;
        }
        value->told = told;
    }
    return 0;
}

/* Takes over the reference to `constant`, which may be NULL after an error. */
static int add_initialiser(struct graph *graph, const ProtobufCBinaryData *bytes, struct constant *constant,
                           struct error *error)
{
    struct value *value = constant ? load_own_value(graph, bytes, error) : NULL;
    if (!value) {
        constant_release(constant);
        return -1;
    }
    if (value->constant) {
        constant_release(constant);
        return error_set(error, ERROR_INPUT, "the name '%s' is given to two initialisers", value->name);
    }
    value->span = constant->span;
    return graph_set_constant(graph, value, constant, error);
}

static int load_initialisers(struct graph *graph, const struct model_reader *reader, const Onnx__GraphProto *message,
                             struct error *error)
{
    for (size_t i = 0; i < message->n_initializer; i++) {
        const Onnx__TensorProto *tensor = message->initializer[i];
        if (add_initialiser(graph, &tensor->name, load_tensor(graph->arena, reader, tensor, error), error))
            return -1;
    }
    for (size_t i = 0; i < message->n_sparse_initializer; i++) {
        const Onnx__SparseTensorProto *tensor = message->sparse_initializer[i];
        struct constant *constant = load_sparse_tensor(graph->arena, reader, tensor, error);
        if (add_initialiser(graph, constant ? &tensor->values->name : NULL, constant, error))
            return -1;
    }
    return 0;
}

/* Where the graph stands in the file: offset, length of each of its parts. */
static int load_spans(struct graph *graph, const Onnx__GraphProto *message, struct error *error)
{
    size_t count = message->n_source / 2;
    struct span *spans = arena_allocate(graph->arena, count + 1, sizeof *spans, error);
    for (size_t i = 0; spans && i < count; i++)
        spans[i] = (struct span){message->source[2 * i], message->source[2 * i + 1]};
    graph->spans = spans;
    graph->span_count = (int)count;
    return spans ? 0 : -1;
}

static void mark_spare(struct graph *graph)
{
    for (size_t i = 0; i < graph->value_count; i++) {
        struct value *value = graph->values[i];
        value->spare = value->constant && value->use_count == 0 && !value->is_output;
    }
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

int load_check_sources(const struct graph *graph, struct error *error)
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
    if (load_spans(graph, message, error) || load_inputs(graph, message, error) ||
        load_initialisers(graph, reader, message, error) ||
        load_nodes(graph, reader, message->node, message->n_node, error) || load_outputs(graph, message, error) ||
        load_told(graph, message, error))
        return -1;
    mark_spare(graph);
    return load_check_sources(graph, error);
}
