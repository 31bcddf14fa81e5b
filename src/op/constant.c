/* Constant, ConstantOfShape. */
#include "op/families.h"

#include <string.h>

#include "op/infer.h"
#include "op/settings.h"
#include "op/strided.h"

static const struct attribute_rule constant_attributes[] = {
    {TENSOR_ATTRIBUTE(struct constant_settings, value)},
    {TENSOR_ATTRIBUTE(struct constant_settings, sparse_value), .since = 11},
    {FLOAT_ATTRIBUTE(struct constant_settings, value_float, 0),
     .given = offsetof(struct constant_settings, value_float_given), .since = 12},
    {INT_ATTRIBUTE(struct constant_settings, value_int, 0),
     .given = offsetof(struct constant_settings, value_int_given), .since = 12},
    {FLOATS_ATTRIBUTE(struct constant_settings, value_floats),
     .given = offsetof(struct constant_settings, value_floats_given), .since = 12},
    {INTS_ATTRIBUTE(struct constant_settings, value_ints),
     .given = offsetof(struct constant_settings, value_ints_given), .since = 12},
    {IGNORED_ATTRIBUTE("value_string"), .since = 12},
    {IGNORED_ATTRIBUTE("value_strings"), .since = 12},
    {0},
};

struct constant_of_shape_settings {
    struct constant *value; /* one element; none: the float 0 */
};

static const struct attribute_rule constant_of_shape_attributes[] = {
    {TENSOR_ATTRIBUTE(struct constant_of_shape_settings, value)},
    {0},
};

/* The value as attributes hold it; false: there is no numeric one. */
struct plain_value {
    struct constant *tensor; /* or else: */
    enum dtype dtype;
    int rank;
    int64_t count;
    const void *elements;
};

static bool read_plain(const struct node *node, struct plain_value *value)
{
    const struct constant_settings *settings = node->settings;
    *value = (struct plain_value){.tensor = settings->value ? settings->value : settings->sparse_value};
    if (value->tensor)
        return true;
    if (settings->value_float_given)
        *value = (struct plain_value){NULL, DTYPE_FLOAT, 0, 1, &settings->value_float};
    else if (settings->value_floats_given)
        *value =
            (struct plain_value){NULL, DTYPE_FLOAT, 1, settings->value_floats.count, settings->value_floats.values};
    else if (settings->value_int_given)
        *value = (struct plain_value){NULL, DTYPE_INT64, 0, 1, &settings->value_int};
    else if (settings->value_ints_given)
        *value = (struct plain_value){NULL, DTYPE_INT64, 1, settings->value_ints.count, settings->value_ints.values};
    return value->dtype != DTYPE_UNDEFINED;
}

static int infer_constant(struct infer_context *context, struct error *error)
{
    struct plain_value value;
    if (!read_plain(context->node, &value))
        return error_set(error, ERROR_UNSUPPORTED, "the constant has no numeric value (strings are not supported)");
    if (!value.tensor)
        return infer_output(context, 0, value.dtype, value.rank, &value.count, error);
    const struct tensor *tensor = &value.tensor->tensor; /* dense since it was loaded */
    return infer_output(context, 0, tensor->dtype, tensor->shape.rank, tensor->shape.dims, error);
}

static int compute_constant(struct compute_context *context, struct error *error)
{
    struct plain_value value;
    read_plain(context->node, &value);
    const struct tensor *tensor = value.tensor ? constant_data(value.tensor, error) : NULL;
    if (value.tensor && !tensor)
        return -1;
    size_t bytes = tensor_bytes(context->outputs[0]);
    if (bytes > 0)
        memcpy(context->outputs[0]->data, tensor ? tensor->data : value.elements, bytes);
    return 0;
}

static int infer_constant_of_shape(struct infer_context *context, struct error *error)
{
    const struct constant_of_shape_settings *settings = context->node->settings;
    if (settings->value && shape_count(&settings->value->tensor.shape) != 1)
        return error_set(error, ERROR_INPUT, "attribute value must be a tensor of one element");
    enum dtype dtype = settings->value ? settings->value->tensor.dtype : DTYPE_FLOAT;
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
    const struct constant_of_shape_settings *settings = context->node->settings;
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
    if (settings->value) {
        const struct tensor *tensor = constant_data(settings->value, error);
        if (!tensor)
            return -1;
        element = tensor->data;
    }
    fill_elements(output->data, element, shape_count(&output->shape), size);
    return 0;
}

const struct operator_definition operators_constant[] = {
    {.domain = "",
     .name = "Constant",
     .since = 1,
     ARITY(0, 0, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_SOURCE,
     SETTINGS(struct constant_settings, constant_attributes),
     .infer = infer_constant,
     .compute = compute_constant},
    {.domain = "",
     .name = "ConstantOfShape",
     .since = 9,
     ARITY(1, 1, 1, 1),
     .types = TYPE_BIT(DTYPE_INT64),
     .traits = OPERATOR_SOURCE,
     .roles = {ROLE_SHAPE},
     SETTINGS(struct constant_of_shape_settings, constant_of_shape_attributes),
     .infer = infer_constant_of_shape,
     .compute = compute_constant_of_shape},
    {0},
};
