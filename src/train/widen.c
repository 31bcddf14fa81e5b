#include "train/widen.h"

#include <string.h>

static bool is_half(enum dtype dtype)
{
    return dtype == DTYPE_FLOAT16 || dtype == DTYPE_BFLOAT16;
}

/* The same elements as float32, which they are held in already. */
static struct constant *widen_constant(struct constant *half, struct error *error)
{
    const struct tensor *from = constant_data(half, error);
    struct tensor tensor;
    if (!from || tensor_copy(half->memory, from, &tensor, error))
        return NULL;
    tensor.dtype = DTYPE_FLOAT;
    struct constant *constant = constant_create(half->memory, &tensor, error);
    if (!constant)
        tensor_release(half->memory, &tensor);
    return constant;
}

static int widen_value(struct value *value, struct error *error)
{
    if (value->constant && is_half(value->constant->tensor.dtype)) {
        struct constant *constant = widen_constant(value->constant, error);
        return constant ? graph_set_constant(value->graph, value, constant, error) : -1;
    }
    value->dtype = is_half(value->dtype) ? DTYPE_FLOAT : value->dtype;
    return 0;
}

/* Tensors, and the types that Cast, RandomNormal and their like are told to make. */
static int widen_attribute(struct node *node, const struct attribute *attribute, struct error *error)
{
    bool names_type = strcmp(attribute->name, "to") == 0 || strcmp(attribute->name, "dtype") == 0;
    if (attribute->type == ATTRIBUTE_INT && names_type && is_half((enum dtype)attribute->i))
        return node_set_int(node, attribute->name, DTYPE_FLOAT, error);
    if (attribute->type != ATTRIBUTE_TENSOR || !attribute->tensor || !is_half(attribute->tensor->tensor.dtype))
        return 0;
    struct constant *constant = widen_constant(attribute->tensor, error);
    return constant ? node_set_tensor(node, attribute->name, constant, error) : -1;
}

int widen_half(struct graph *graph, struct error *error)
{
    for (size_t i = 0; i < graph->value_count; i++) {
        if (widen_value(graph->values[i], error))
            return -1;
    }
    for (struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        for (int i = 0; i < node->attribute_count; i++) {
            if (widen_attribute(node, &node->attributes[i], error))
                return -1;
        }
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            if (widen_half(inner, error))
                return -1;
        }
    }
    return 0;
}
