#include "graph/graph.h"

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

static bool is_in_file(const struct constant *constant)
{
    return constant->reader && constant->payload.place != PAYLOAD_NONE && !constant->typed && !constant->sparse;
}

bool constant_is_readable(const struct constant *constant)
{
    return !constant->tensor.data && is_in_file(constant);
}

int constant_read(const struct constant *constant, uint64_t offset, uint64_t length, void *bytes, struct error *error)
{
    struct constant part = *constant;
    part.payload.offset += offset;
    part.payload.length = length;
    return constant->reader->read(constant->reader, &part, bytes, error);
}

void constant_unload(struct constant *constant)
{
    if (is_in_file(constant))
        tensor_release(constant->memory, &constant->tensor);
}
