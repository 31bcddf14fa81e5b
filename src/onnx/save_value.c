#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "onnx/saver.h"

enum { VALUE_INFO_NAME = 1, VALUE_INFO_TYPE = 2, TYPE_TENSOR = 1, TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2 };
enum { SHAPE_DIMENSION = 1, DIMENSION_VALUE = 1, DIMENSION_NAME = 2 };

static int graph_depth(const struct graph *graph)
{
    int depth = 0;
    for (; graph->parent; graph = graph->parent)
        depth++;
    return depth;
}

const char *save_name(const struct value *value, char made[SAVED_NAME_SIZE], struct error *error)
{
    if (strstr(value->name, "\\x00")) { /* load_string made it so; the other places still hold the NUL */
        error_set(error, ERROR_UNSUPPORTED, "the name '%s' holds a NUL byte; rename it to edit what uses it",
                  value->name);
        return NULL;
    }
    if (value->name[0] != '%' || graph_find_value(value->graph, value->name) == value)
        return value->name;
    int length = snprintf(made, SAVED_NAME_SIZE, "fovea_value_%d_%d", graph_depth(value->graph), value->id);
    while (graph_find_value(value->graph, made) && length + 1 < SAVED_NAME_SIZE) {
        made[length++] = '_';
        made[length] = 0;
    }
    return made;
}

int save_value_name(struct output *out, unsigned field, const struct value *value, struct error *error)
{
    char made[SAVED_NAME_SIZE];
    const char *name = value ? save_name(value, made, error) : "";
    if (name)
        output_string_field(out, field, name);
    return name ? 0 : -1;
}

static void put_dimension(struct output *out, const struct value *value, int axis)
{
    int64_t size = value->declared_rank >= 0 ? value->declared[axis].size : value->shape.dims[axis];
    const char *name = value->declared_rank >= 0 ? value->declared[axis].name : NULL;
    if (size >= 0)
        output_int_field(out, DIMENSION_VALUE, size);
    else if (name)
        output_string_field(out, DIMENSION_NAME, name);
}

static void put_shape(struct output *out, const struct value *value, int rank)
{
    for (int axis = 0; axis < rank; axis++) {
        struct output count = {0};
        put_dimension(&count, value, axis);
        output_header(out, SHAPE_DIMENSION, count.length);
        put_dimension(out, value, axis);
    }
}

static void put_tensor_type(struct output *out, const struct value *value)
{
    struct output count = {0};
    int rank = value->declared_rank >= 0 ? value->declared_rank : value->shape.rank;
    output_int_field(out, TENSOR_TYPE_ELEMENT, (int64_t)value->dtype);
    if (rank < 0)
        return;
    put_shape(&count, value, rank);
    output_header(out, TENSOR_TYPE_SHAPE, count.length);
    put_shape(out, value, rank);
}

int save_value_info(struct output *out, const struct value *value, struct error *error)
{
    if (save_value_name(out, VALUE_INFO_NAME, value, error))
        return -1;
    if (value->dtype == DTYPE_UNDEFINED)
        return 0;
    struct output tensor = {0}, type = {0};
    put_tensor_type(&tensor, value);
    output_header(&type, TYPE_TENSOR, tensor.length);
    output_header(out, VALUE_INFO_TYPE, type.length + tensor.length);
    output_header(out, TYPE_TENSOR, tensor.length);
    put_tensor_type(out, value);
    return 0;
}
