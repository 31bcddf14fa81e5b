#include "graph/graph.h"

#define LISTED_INITIALISERS 4 /* below this IR version initialisers are graph inputs too */

struct constant *constant_create(struct memory *memory, struct tensor *tensor, struct error *error)
{
    struct constant *constant = memory_allocate(memory, 1, sizeof *constant, error);
    if (!constant)
        return NULL;
    constant->references = 1;
    constant->memory = memory;
    constant->tensor = *tensor;
    return constant;
}

struct constant *constant_retain(struct constant *constant)
{
    constant->references++;
    return constant;
}

void constant_release(struct constant *constant)
{
    if (!constant || --constant->references > 0)
        return;
    if (constant->reader)
        constant->reader->release(constant->reader);
    tensor_release(constant->memory, &constant->tensor);
    memory_release(constant->memory, constant);
}

/* Reads the payload and widens it to the storage type. */
static int constant_load(struct constant *constant, struct error *error)
{
    struct tensor *tensor = &constant->tensor;
    enum dtype storage = dtype_storage(tensor->dtype);
    if (storage == DTYPE_UNDEFINED)
        return error_set(error, ERROR_UNSUPPORTED, "tensors of type %s cannot be computed with",
                         dtype_name(tensor->dtype));
    if (!constant->reader)
        return error_set(error, ERROR_INPUT, "the tensor has no data");
    if (tensor_allocate(constant->memory, tensor, error))
        return -1;
    size_t count = (size_t)shape_count(&tensor->shape);
    if (storage == tensor->dtype) {
        if (constant->reader->read(constant->reader, constant, tensor->data, error) == 0)
            return 0;
    } else {
        size_t bytes = (size_t)constant->payload.length;
        void *packed = memory_allocate_uninitialised(constant->memory, bytes, 1, error);
        int result = packed ? constant->reader->read(constant->reader, constant, packed, error) : -1;
        if (result == 0)
            dtype_widen(tensor->dtype, packed, tensor->data, count);
        memory_release(constant->memory, packed);
        if (result == 0)
            return 0;
    }
    tensor_release(constant->memory, tensor);
    return -1;
}

const struct tensor *constant_data(struct constant *constant, struct error *error)
{
    if (!constant->tensor.data && constant_load(constant, error))
        return NULL;
    return &constant->tensor;
}

void constant_unload(struct constant *constant)
{
    if (constant->reader && constant->payload.place != PAYLOAD_NONE && !constant->typed && !constant->sparse)
        tensor_release(constant->memory, &constant->tensor);
}

struct tensor *node_own_constant(struct node *node, int input, struct error *error)
{
    struct graph *graph = node->graph;
    const struct value *value = node->inputs[input];
    const struct tensor *from = constant_data(value->constant, error);
    struct tensor copy;
    if (!from || tensor_copy(graph->context->memory, from, &copy, error))
        return NULL;
    struct constant *constant = constant_create(graph->context->memory, &copy, error);
    struct value *made = constant ? graph_add_constant(graph, constant, error) : NULL;
    if (!made)
        return NULL;
    made->dtype = value->dtype;
    made->shape = value->shape;
    return node_set_input(node, input, made, error) ? NULL : &made->constant->tensor;
}

static int declare_shape(struct value *value, const struct shape *shape, struct error *error)
{
    struct dimension *declared = arena_allocate(value->graph->arena, (size_t)shape->rank + 1, sizeof *declared, error);
    if (!declared)
        return -1;
    for (int i = 0; i < shape->rank; i++)
        declared[i].size = shape->dims[i];
    value->declared = declared;
    value->declared_rank = shape->rank;
    value->changed = true;
    return 0;
}

int model_set_initialiser(const struct model *model, struct value *value, struct constant *constant,
                          struct error *error)
{
    const struct shape shape = constant->tensor.shape;
    bool listed = model->ir_version < LISTED_INITIALISERS && value->graph == model->graph;
    if (graph_set_constant(value->graph, value, constant, error) ||
        (listed && !value->is_input && graph_add_input(value->graph, value, error)))
        return -1;
    return value->is_input ? declare_shape(value, &shape, error) : 0;
}
