#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "onnx/saver.h"

enum { VALUE_INFO_NAME = 1, VALUE_INFO_TYPE = 2, TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2 };
enum { TYPE_TENSOR = 1, TYPE_SEQUENCE = 4, TYPE_OPTIONAL = 9, CONTAINER_ELEMENT = 1 };
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
    output_int_field(out, TENSOR_TYPE_ELEMENT, (int64_t)dtype_element(value->dtype));
    if (rank < 0 || dtype_is_container(value->dtype))
        return;
    put_shape(&count, value, rank);
    output_header(out, TENSOR_TYPE_SHAPE, count.length);
    put_shape(out, value, rank);
}

/* TypeProto of what remains of `dtype`, the value's own or what its container holds. */
static void put_type(struct output *out, const struct value *value, enum dtype dtype)
{
    struct output held = {0}, inner = {0};
    unsigned container = dtype & DTYPE_OPTIONAL ? DTYPE_OPTIONAL : dtype & DTYPE_SEQUENCE;
    if (!container) {
        put_tensor_type(&held, value);
        output_header(out, TYPE_TENSOR, held.length);
        put_tensor_type(out, value);
        return;
    }
    enum dtype rest = (enum dtype)(dtype & ~container);
    put_type(&held, value, rest);
    output_header(&inner, CONTAINER_ELEMENT, held.length);
    output_header(out, container == DTYPE_OPTIONAL ? TYPE_OPTIONAL : TYPE_SEQUENCE, inner.length + held.length);
    output_header(out, CONTAINER_ELEMENT, held.length);
    put_type(out, value, rest);
}

int save_value_info(struct output *out, const struct value *value, struct error *error)
{
    if (save_value_name(out, VALUE_INFO_NAME, value, error))
        return -1;
    if (value->dtype == DTYPE_UNDEFINED)
        return 0;
    struct output type = {0};
    put_type(&type, value, value->dtype);
    output_header(out, VALUE_INFO_TYPE, type.length);
    put_type(out, value, value->dtype);
    return 0;
}
