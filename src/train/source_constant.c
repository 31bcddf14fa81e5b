#include "train/source_constant.h"

#include <string.h>

#include "graph/match.h"
#include "op/settings.h"

struct constant *source_constant(const struct value *value)
{
    if (value->constant)
        return value->producer ? NULL : value->constant;
    const struct constant_settings *settings = match_settings(value->producer, "Constant");
    return settings ? settings->value : NULL;
}

struct value *source_constant_root(struct value *value)
{
    while (match_producer(value, "Identity") && value->producer->inputs[0])
        value = value->producer->inputs[0];
    return source_constant(value) ? value : NULL;
}

const struct tensor *source_constant_read(const struct value *source, struct error *error)
{
    return constant_data(source_constant(source), error);
}

/* A constant that stands in no file, made by an earlier store: its elements may be changed. */
static bool is_own(const struct constant *constant)
{
    return !constant->reader && constant->references == 1 && constant->tensor.data;
}

static struct constant *new_constant(struct memory *memory, const struct constant *old, struct error *error)
{
    struct tensor tensor = {.dtype = old->tensor.dtype, .shape = old->tensor.shape};
    if (tensor_allocate(memory, &tensor, error))
        return NULL;
    struct constant *constant = constant_create(memory, &tensor, error);
    if (!constant)
        tensor_release(memory, &tensor);
    return constant;
}

int source_constant_store(struct value *source, const float *elements, struct error *error)
{
    struct constant *old = source_constant(source);
    struct constant *constant = is_own(old) ? old : new_constant(source->graph->context->memory, old, error);
    if (!constant)
        return -1;
    memcpy(constant->tensor.data, elements, tensor_bytes(&constant->tensor));
    dtype_round(constant->tensor.dtype, constant->tensor.data, (size_t)shape_count(&constant->tensor.shape));
    if (constant == old)
        return 0;
    return source->producer ? node_set_tensor(source->producer, "value", constant, error)
                            : graph_set_constant(source->graph, source, constant, error);
}

int source_constant_replace(struct value *source, const float *elements, struct error *error)
{
    struct constant *old = constant_retain(source_constant(source));
    int result = source_constant_store(source, elements, error);
    if (source_constant(source) != old)
        constant_unload(old);
    constant_release(old);
    return result;
}

int source_constant_place(const struct model *model, struct value *value, const struct tensor *elements,
                          struct error *error)
{
    struct memory *memory = value->graph->context->memory;
    struct tensor copy;
    if (tensor_copy(memory, elements, &copy, error))
        return -1;
    struct constant *constant = constant_create(memory, &copy, error);
    if (!constant) {
        tensor_release(memory, &copy);
        return -1;
    }
    return model_set_initialiser(model, value, constant, error);
}
