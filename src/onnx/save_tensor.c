#include <string.h>

#include "onnx/saver.h"

enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9 };

#define CHUNK_BYTES ((uint64_t)1 << 20)

bool save_must_inline(const struct saver *saver, const struct constant *constant)
{
    return saver->inline_external && constant->payload.place == PAYLOAD_EXTERNAL;
}

/* The message as it stands in the file, with another name. */
static int copy_renamed(const struct saver *saver, struct output *out, const struct span *span, const char *name,
                        struct error *error)
{
    struct field_list list = {.memory = saver->memory};
    int result = field_list_read(&list, saver->wire, span->offset, span->offset + span->length, error);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct field *field = &list.fields[i];
        if (field->number != TENSOR_NAME)
            result = output_copy(out, saver->wire, field->start, field->end, error);
    }
    if (name)
        output_string_field(out, TENSOR_NAME, name);
    field_list_release(&list);
    return result;
}

static void write_elements(struct output *out, const struct tensor *tensor)
{
    unsigned char buffer[16384];
    enum dtype storage = dtype_storage(tensor->dtype);
    size_t size = dtype_storage_size(storage), step = sizeof buffer / 8;
    size_t count = (size_t)shape_count(&tensor->shape), bytes;
    if (storage == tensor->dtype) {
        output_bytes(out, tensor->data, count * size);
        return;
    }
    for (size_t done = 0; done < count; done += step) {
        size_t now = count - done < step ? count - done : step;
        dtype_file_bytes(tensor->dtype, now, &bytes);
        dtype_narrow(tensor->dtype, (const char *)tensor->data + done * size, buffer, now);
        output_bytes(out, buffer, bytes);
    }
}

/* Elements that nobody has needed go from file to file, a piece at a time. */
static int copy_payload(const struct saver *saver, struct output *out, const struct constant *constant,
                        struct error *error)
{
    unsigned char *buffer = memory_allocate_uninitialised(saver->memory, CHUNK_BYTES, 1, error);
    uint64_t end = constant->payload.length, length;
    int result = buffer ? 0 : -1;
    for (uint64_t begin = 0; result == 0 && begin < end; begin += length) {
        length = end - begin < CHUNK_BYTES ? end - begin : CHUNK_BYTES;
        result = constant_read(constant, begin, length, buffer, error);
        if (result == 0)
            output_bytes(out, buffer, (size_t)length);
    }
    memory_release(saver->memory, buffer);
    return result;
}

int save_tensor(const struct saver *saver, struct output *out, const struct constant *constant, const char *name,
                struct error *error)
{
    const struct tensor *tensor = &constant->tensor;
    bool own = saver->reader && constant->reader == &saver->reader->base;
    if (own && constant->span.length > 0 && !constant->sparse && !save_must_inline(saver, constant))
        return copy_renamed(saver, out, &constant->span, name, error);
    size_t bytes;
    bool in_file = constant->reader && constant->payload.place != PAYLOAD_NONE;
    if (!tensor->data && !in_file)
        return error_set(error, ERROR_UNSUPPORTED, "tensor '%s' of type %s has no elements that could be written",
                         name ? name : "", dtype_name(tensor->dtype));
    if (dtype_file_bytes(tensor->dtype, (size_t)shape_count(&tensor->shape), &bytes))
        return error_set(error, ERROR_LIMIT, "tensor '%s' is too large", name ? name : "");
    for (int i = 0; i < tensor->shape.rank; i++)
        output_int_field(out, TENSOR_DIMS, tensor->shape.dims[i]);
    output_int_field(out, TENSOR_DATA_TYPE, (int64_t)tensor->dtype);
    if (name)
        output_string_field(out, TENSOR_NAME, name);
    output_header(out, TENSOR_RAW_DATA, bytes);
    if (output_counts(out))
        out->length += bytes;
    else if (tensor->data)
        write_elements(out, tensor);
    else
        return copy_payload(saver, out, constant, error);
    return 0;
}
