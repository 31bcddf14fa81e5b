/* Sparse tensors become dense when they are loaded. */
#include <inttypes.h>
#include <string.h>

#include "onnx/loader.h"

/* Place of entry `entry` in the dense tensor, or -1. Indices are places, or one coordinate per axis. */
static int64_t dense_place(const struct tensor *indices, const struct shape *shape, int64_t entry)
{
    int columns = indices->shape.rank == 2 ? (int)indices->shape.dims[1] : 0;
    if (columns == 0) {
        int64_t place = tensor_int(indices, entry);
        return place >= 0 && place < shape_count(shape) ? place : -1;
    }
    int64_t place = 0;
    for (int axis = 0; axis < columns; axis++) {
        int64_t coordinate = tensor_int(indices, entry * columns + axis);
        if (coordinate < 0 || coordinate >= shape->dims[axis])
            return -1;
        place = place * shape->dims[axis] + coordinate;
    }
    return place;
}

static int check_indices(const struct tensor *indices, const struct tensor *values, const struct shape *shape,
                         struct error *error)
{
    const struct shape *have = &indices->shape;
    bool fits = indices->dtype == DTYPE_INT64 && values->shape.rank == 1 && have->rank >= 1 && have->rank <= 2 &&
                have->dims[0] == values->shape.dims[0] && (have->rank == 1 || have->dims[1] == shape->rank) &&
                (have->rank == 1 || shape->rank > 0);
    return fits ? 0 : error_set(error, ERROR_INPUT, "its indices are not int64 with one row for each value");
}

static int fill(struct constant *dense, struct constant *values, struct constant *indices, struct error *error)
{
    struct tensor *to = &dense->tensor;
    if (check_indices(&indices->tensor, &values->tensor, &to->shape, error))
        return -1;
    if (dtype_storage(to->dtype) == DTYPE_UNDEFINED)
        return 0; /* strings and the like: refused when they are computed with */
    const struct tensor *from = constant_data(values, error), *at = from ? constant_data(indices, error) : NULL;
    if (!at || tensor_allocate(dense->memory, to, error))
        return -1;
    size_t size = dtype_storage_size(dtype_storage(to->dtype));
    for (int64_t i = 0; i < from->shape.dims[0]; i++) {
        int64_t place = dense_place(at, &to->shape, i);
        if (place < 0)
            return error_set(error, ERROR_INPUT, "index %" PRId64 " is outside of its shape", i);
        memcpy((char *)to->data + (size_t)place * size, (const char *)from->data + (size_t)i * size, size);
    }
    return 0;
}

struct constant *load_sparse_tensor(struct arena *arena, const struct model_reader *reader,
                                    const Onnx__SparseTensorProto *message, struct error *error)
{
    struct constant *values = NULL, *indices = NULL, *dense = NULL;
    struct tensor tensor = {0};
    if (!message->values || !message->indices)
        error_set(error, ERROR_INPUT, "has no values or no indices");
    else if (message->n_dims > SHAPE_MAX_RANK)
        error_set(error, ERROR_LIMIT, "has too many dimensions (limit %d)", SHAPE_MAX_RANK);
    else if (shape_set(&tensor.shape, (int)message->n_dims, message->dims, error) == 0 &&
             (values = load_tensor(arena, reader, message->values, error)) &&
             (indices = load_tensor(arena, reader, message->indices, error))) {
        tensor.dtype = values->tensor.dtype;
        dense = constant_create(arena_memory(arena), &tensor, error);
    }
    if (dense) {
        dense->sparse = true;
        dense->span = (struct span){message->source_offset, message->source_length};
        dense->reader = &reader->base;
        dense->reader->retain(dense->reader);
    }
    if (dense && fill(dense, values, indices, error)) {
        constant_release(dense);
        dense = NULL;
    }
    constant_release(values);
    constant_release(indices);
    if (!dense) {
        char *name = message->values ? load_string(arena, &message->values->name, NULL) : NULL;
        error_prefix(error, "sparse tensor '%s'", name ? name : "?");
    }
    return dense;
}
