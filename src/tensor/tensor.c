#include "tensor/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t shape_product(const struct shape *shape, int from, int to)
{
    int64_t product = 1;
    for (int i = from; i < to; i++)
        product *= shape->dims[i];
    return product;
}

int64_t shape_count(const struct shape *shape)
{
    return shape->rank < 0 ? 0 : shape_product(shape, 0, shape->rank);
}

/* Zero dimensions do not hide an overflow of the others: strides are computed too. */
int shape_check(const struct shape *shape, struct error *error)
{
    if (shape->rank < 0 || shape->rank > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "a tensor has %d dimensions (limit %d)", shape->rank, SHAPE_MAX_RANK);
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        int64_t size = shape->dims[i];
        if (size < 0)
            return error_set(error, ERROR_INPUT, "a dimension is negative (%" PRId64 ")", size);
        if (size > 1 && count > SHAPE_MAX_ELEMENTS / size)
            return error_set(error, ERROR_LIMIT, "a tensor has too many elements (limit %" PRId64 ")",
                             SHAPE_MAX_ELEMENTS);
        count *= size > 0 ? size : 1;
    }
    return 0;
}

int shape_set(struct shape *shape, int rank, const int64_t *dims, struct error *error)
{
    struct shape made = {.rank = rank};
    for (int i = 0; i < rank && i < SHAPE_MAX_RANK; i++)
        made.dims[i] = dims[i];
    if (shape_check(&made, error))
        return -1;
    *shape = made;
    return 0;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i])
            return false;
    }
    return true;
}

static bool is_channel_count(int64_t size)
{
    return size == 1 || size == 3 || size == 4;
}

bool shape_channels_last(const struct shape *shape)
{
    return shape->rank == 4 && is_channel_count(shape->dims[3]) && !is_channel_count(shape->dims[1]);
}

void shape_strides(const struct shape *shape, int64_t strides[SHAPE_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}

const char *shape_text(const struct shape *shape, char out[SHAPE_TEXT_SIZE])
{
    if (shape->rank <= 0)
        return strcpy(out, shape->rank == 0 ? "scalar" : "?");
    size_t length = 0;
    for (int i = 0; i < shape->rank; i++)
        length += (size_t)snprintf(out + length, SHAPE_TEXT_SIZE - length, "%s%" PRId64, i ? "x" : "", shape->dims[i]);
    return out;
}

int shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out, struct error *error)
{
    struct shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= result.rank; i++) {
        int64_t from_a = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t from_b = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (from_a != from_b && from_a != 1 && from_b != 1) {
            char text_a[SHAPE_TEXT_SIZE], text_b[SHAPE_TEXT_SIZE];
            return error_set(error, ERROR_INPUT, "shapes %s and %s do not fit together", shape_text(a, text_a),
                             shape_text(b, text_b));
        }
        result.dims[result.rank - i] = from_a == 1 ? from_b : from_a;
    }
    if (shape_check(&result, error))
        return -1;
    *out = result;
    return 0;
}

int shape_axis(int64_t axis, int rank, int *out, struct error *error)
{
    if (axis < -rank || axis >= rank)
        return error_set(error, ERROR_INPUT, "axis %" PRId64 " is outside [%d, %d)", axis, -rank, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

/* Bytes that an element is held in: containers are bytes (tensor/sequence.h). */
static size_t held_size(enum dtype dtype)
{
    return dtype_is_container(dtype) ? 1 : dtype_storage_size(dtype_storage(dtype));
}

size_t tensor_bytes(const struct tensor *tensor)
{
    return (size_t)shape_count(&tensor->shape) * held_size(tensor->dtype);
}

int tensor_view(const struct fovea_tensor *given, struct tensor *tensor, struct error *error)
{
    *tensor = (struct tensor){.data = given->data};
    for (int code = 0; given->type && code < DTYPE_COUNT; code++) {
        if (strcmp(dtype_name((enum dtype)code), given->type) == 0)
            tensor->dtype = (enum dtype)code;
    }
    size_t size = dtype_storage_size(dtype_storage(tensor->dtype));
    if (size == 0)
        return error_set(error, ERROR_INPUT, "a tensor of type %s holds no elements",
                         given->type ? given->type : "NULL");
    if (given->rank < 0 || given->rank > SHAPE_MAX_RANK)
        return error_set(error, ERROR_INPUT, "a tensor has %d dimensions, not 0 to %d", given->rank, SHAPE_MAX_RANK);
    if (shape_set(&tensor->shape, given->rank, given->dims, error))
        return -1;
    if (given->bytes != tensor_bytes(tensor) || (!given->data && given->bytes > 0))
        return error_set(error, ERROR_INPUT, "a tensor has %zu bytes, its type and shape need %zu",
                         given->data ? given->bytes : 0, tensor_bytes(tensor));
    return 0;
}

int tensor_allocate(struct memory *memory, struct tensor *tensor, struct error *error)
{
    size_t size = held_size(tensor->dtype);
    if (size == 0)
        return error_set(error, ERROR_UNSUPPORTED, "tensors of type %s cannot be computed with",
                         dtype_name(tensor->dtype));
    tensor->data = memory_allocate(memory, (size_t)shape_count(&tensor->shape), size, error);
    return tensor->data ? 0 : -1;
}

void tensor_release(struct memory *memory, struct tensor *tensor)
{
    memory_release(memory, tensor->data);
    tensor->data = NULL;
}

int tensor_copy(struct memory *memory, const struct tensor *from, struct tensor *to, struct error *error)
{
    struct tensor copy = {.dtype = from->dtype, .shape = from->shape};
    if (tensor_allocate(memory, &copy, error))
        return -1;
    if (tensor_bytes(from) > 0)
        memcpy(copy.data, from->data, tensor_bytes(from));
    *to = copy;
    return 0;
}

/* False: the elements are no integers. */
static bool read_integer(const struct tensor *tensor, int64_t index, int64_t *integer)
{
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_INT64:
        *integer = ((const int64_t *)tensor->data)[index];
        return true;
    case DTYPE_INT32:
        *integer = ((const int32_t *)tensor->data)[index];
        return true;
    case DTYPE_UINT8:
    case DTYPE_BOOL:
        *integer = ((const uint8_t *)tensor->data)[index];
        return true;
    default:
        return false;
    }
}

int64_t tensor_int(const struct tensor *tensor, int64_t index)
{
    int64_t integer;
    return read_integer(tensor, index, &integer) ? integer : number_to_int64(tensor_number(tensor, index));
}

double tensor_number(const struct tensor *tensor, int64_t index)
{
    int64_t integer;
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_FLOAT:
        return (double)((const float *)tensor->data)[index];
    case DTYPE_DOUBLE:
        return ((const double *)tensor->data)[index];
    default:
        return read_integer(tensor, index, &integer) ? (double)integer : (double)NAN;
    }
}

void tensor_set_number(const struct tensor *tensor, int64_t index, double value)
{
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_FLOAT:
        ((float *)tensor->data)[index] = (float)value;
        break;
    case DTYPE_DOUBLE:
        ((double *)tensor->data)[index] = value;
        break;
    case DTYPE_INT32:
        ((int32_t *)tensor->data)[index] = number_to_int32(value);
        break;
    case DTYPE_INT64:
        ((int64_t *)tensor->data)[index] = number_to_int64(value);
        break;
    case DTYPE_UINT8:
    case DTYPE_BOOL:
        ((uint8_t *)tensor->data)[index] = (uint8_t)number_to_int32(value);
        break;
    default:
        break;
    }
}
