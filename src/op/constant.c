/* Constant, ConstantOfShape. */
#include "op/families.h"

#include <string.h>

#include "op/infer.h"

/* The attribute that holds the value; a Constant node has exactly one. */
static const struct attribute *constant_attribute(const struct node *node)
{
    static const char *const names[] = {"value",     "value_float", "value_floats",
                                        "value_int", "value_ints",  "sparse_value"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct attribute *attribute = node_attribute(node, names[i]);
        if (attribute)
            return attribute;
    }
    return NULL;
}

static int infer_constant(struct infer_context *context, struct error *error)
{
    const struct attribute *attribute = constant_attribute(context->node);
    int64_t count = attribute ? (int64_t)attribute->count : 0;
    switch (attribute ? attribute->type : ATTRIBUTE_UNDEFINED) {
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR: /* dense since it was loaded */
        return infer_output(context, 0, attribute->tensor->tensor.dtype, attribute->tensor->tensor.shape.rank,
                            attribute->tensor->tensor.shape.dims, error);
    case ATTRIBUTE_FLOAT:
        return infer_output(context, 0, DTYPE_FLOAT, 0, NULL, error);
    case ATTRIBUTE_FLOATS:
        return infer_output(context, 0, DTYPE_FLOAT, 1, &count, error);
    case ATTRIBUTE_INT:
        return infer_output(context, 0, DTYPE_INT64, 0, NULL, error);
    case ATTRIBUTE_INTS:
        return infer_output(context, 0, DTYPE_INT64, 1, &count, error);
    default:
        return error_set(error, ERROR_UNSUPPORTED, "the constant has no numeric value (strings are not supported)");
    }
}

static int compute_constant(struct compute_context *context, struct error *error)
{
    const struct attribute *attribute = constant_attribute(context->node);
    const void *from = NULL;
    switch (attribute->type) {
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR: {
        const struct tensor *tensor = constant_data(attribute->tensor, error);
        if (!tensor)
            return -1;
        from = tensor->data;
        break;
    }
    case ATTRIBUTE_FLOAT:
        from = &attribute->f;
        break;
    case ATTRIBUTE_FLOATS:
        from = attribute->floats;
        break;
    case ATTRIBUTE_INT:
        from = &attribute->i;
        break;
    default:
        from = attribute->ints;
        break;
    }
    size_t bytes = tensor_bytes(context->outputs[0]);
    if (bytes > 0)
        memcpy(context->outputs[0]->data, from, bytes);
    return 0;
}

static int infer_constant_of_shape(struct infer_context *context, struct error *error)
{
    const struct attribute *value = node_attribute(context->node, "value");
    if (value && (value->type != ATTRIBUTE_TENSOR || shape_count(&value->tensor->tensor.shape) != 1))
        return error_set(error, ERROR_INPUT, "attribute value must be a tensor of one element");
    enum dtype dtype = value ? value->tensor->tensor.dtype : DTYPE_FLOAT;
    if (!context->inputs[0]->data)
        return infer_output(context, 0, dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    const struct tensor *dims;
    int64_t rank;
    if (infer_ints(context, 0, &dims, &rank, error))
        return -1;
    int64_t sizes[SHAPE_MAX_RANK];
    for (int64_t i = 0; i < rank && i < SHAPE_MAX_RANK; i++)
        sizes[i] = tensor_int(dims, i);
    return infer_output(context, 0, dtype, (int)rank, sizes, error);
}

static int compute_constant_of_shape(struct compute_context *context, struct error *error)
{
    const struct tensor *dims = context->inputs[0];
    struct tensor *output = context->outputs[0];
    if (!output->data) {
        int64_t sizes[SHAPE_MAX_RANK];
        int64_t rank = shape_count(&dims->shape);
        for (int64_t i = 0; i < rank && i < SHAPE_MAX_RANK; i++)
            sizes[i] = tensor_int(dims, i);
        if (compute_allocate(context, 0, (int)rank, sizes, error))
            return -1;
    }
    size_t size = dtype_storage_size(dtype_storage(output->dtype));
    const char zero[8] = {0};
    const void *element = zero;
    const struct attribute *value = node_attribute(context->node, "value");
    if (value) {
        const struct tensor *tensor = constant_data(value->tensor, error);
        if (!tensor)
            return -1;
        element = tensor->data;
    }
    int64_t count = shape_count(&output->shape);
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)output->data + (size_t)i * size, element, size);
    return 0;
}

const struct operator operators_constant[] = {
    {.domain = "",
     .name = "Constant",
     .since = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_ALL,
     .infer = infer_constant,
     .compute = compute_constant},
    {.domain = "",
     .name = "ConstantOfShape",
     .since = 9,
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPE_BIT(DTYPE_INT64),
     .infer = infer_constant_of_shape,
     .compute = compute_constant_of_shape},
    {0},
};
