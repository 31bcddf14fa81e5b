#include <inttypes.h>
#include <string.h>

#include "onnx/external_data.h"
#include "onnx/loader.h"
#include "onnx/prescan.h"

/* Elements given in one of the typed lists, by the list that the type uses. */
struct typed_list {
    const void *data;
    size_t count, size;
};

static struct typed_list typed_list(const Onnx__TensorProto *tensor, enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_FLOAT:
        return (struct typed_list){tensor->float_data, tensor->n_float_data, sizeof(float)};
    case DTYPE_DOUBLE:
        return (struct typed_list){tensor->double_data, tensor->n_double_data, sizeof(double)};
    case DTYPE_INT64:
        return (struct typed_list){tensor->int64_data, tensor->n_int64_data, sizeof(int64_t)};
    case DTYPE_UINT32:
    case DTYPE_UINT64:
        return (struct typed_list){tensor->uint64_data, tensor->n_uint64_data, sizeof(uint64_t)};
    default:
        return (struct typed_list){tensor->int32_data, tensor->n_int32_data, sizeof(int32_t)};
    }
}

/* Elements that stand in one entry of the list. */
static size_t per_entry(enum dtype dtype)
{
    return dtype_bits(dtype) < 8 ? 8 / dtype_bits(dtype) : 1;
}

/* Entries of int32_data that are the bits of small floats, or bytes of packed elements. */
static void store_bits(const struct typed_list *list, struct tensor *tensor)
{
    size_t each = per_entry(tensor->dtype), count = (size_t)shape_count(&tensor->shape);
    size_t size = dtype_storage_size(dtype_storage(tensor->dtype));
    for (size_t i = 0; i < list->count; i++) {
        uint32_t entry = (uint32_t)((const int32_t *)list->data)[i], left = (uint32_t)(count - i * each);
        const unsigned char bits[2] = {(unsigned char)entry, (unsigned char)(entry >> 8)};
        dtype_widen(tensor->dtype, bits, (char *)tensor->data + i * each * size, left < each ? left : each);
    }
}

static bool is_held_as_bits(enum dtype dtype)
{
    return dtype_bits(dtype) < 8 || (dtype_storage(dtype) == DTYPE_FLOAT && dtype != DTYPE_FLOAT);
}

/* int32_data holds narrow integers by their value. */
static void store_typed(const struct typed_list *list, struct tensor *tensor)
{
    const int32_t *ints = list->data;
    if (is_held_as_bits(tensor->dtype)) {
        store_bits(list, tensor);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        switch (tensor->dtype) {
        case DTYPE_UINT8:
            ((uint8_t *)tensor->data)[i] = (uint8_t)ints[i];
            break;
        case DTYPE_BOOL:
            ((uint8_t *)tensor->data)[i] = ints[i] != 0;
            break;
        default:
            memcpy((char *)tensor->data + i * list->size, (const char *)list->data + i * list->size, list->size);
        }
    }
}

static int load_typed(struct constant *constant, const Onnx__TensorProto *message, struct error *error)
{
    struct tensor *tensor = &constant->tensor;
    struct typed_list list = typed_list(message, tensor->dtype);
    if (dtype_storage(tensor->dtype) == DTYPE_UNDEFINED)
        return 0; /* strings: kept as a name, refused when they are computed with */
    size_t count = (size_t)shape_count(&tensor->shape), each = per_entry(tensor->dtype);
    size_t entries = count / each + (count % each != 0);
    if (entries != list.count)
        return error_set(error, ERROR_INPUT, "holds %zu %s, its shape says %zu", list.count,
                         each > 1 ? "bytes" : "elements", entries);
    if (tensor_allocate(constant->memory, tensor, error))
        return -1;
    store_typed(&list, tensor);
    dtype_round(tensor->dtype, tensor->data, count);
    return 0;
}

static int load_payload(struct arena *arena, const struct model_reader *reader, const Onnx__TensorProto *message,
                        struct constant *constant, struct error *error)
{
    size_t count = (size_t)shape_count(&constant->tensor.shape), bytes;
    if (dtype_file_bytes(constant->tensor.dtype, count, &bytes))
        return error_set(error, ERROR_LIMIT, "is too large");
    bool external = message->has_data_location && message->data_location == 1;
    if (external) {
        if (external_data_parse(arena, message, bytes, &constant->payload, error))
            return -1;
        if (!reader->folder)
            return error_set(
                error, ERROR_UNSUPPORTED,
                "has its data in another file, '%s', which a model in memory has no folder for: load it by "
                "its path",
                constant->payload.location);
    } else if (message->has_raw_data) {
        struct payload_record record;
        if (message->raw_data.len != sizeof record)
            return error_set(error, ERROR_INTERNAL, "has no payload record");
        memcpy(&record, message->raw_data.data, sizeof record);
        constant->payload =
            (struct payload){.place = PAYLOAD_MODEL_FILE, .offset = record.offset, .length = record.length};
    } else {
        constant->typed = true;
        return load_typed(constant, message, error);
    }
    if (constant->payload.length != bytes)
        return error_set(error, ERROR_INPUT, "has %" PRIu64 " bytes of data, its shape and type need %zu",
                         constant->payload.length, bytes);
    return 0;
}

struct constant *load_tensor(struct arena *arena, const struct model_reader *reader, const Onnx__TensorProto *message,
                             struct error *error)
{
    struct tensor tensor = {.dtype = message->has_data_type ? (enum dtype)message->data_type : DTYPE_UNDEFINED};
    struct constant *constant = NULL;
    if (tensor.dtype <= DTYPE_UNDEFINED || tensor.dtype >= DTYPE_COUNT)
        error_set(error, ERROR_INPUT, "has no known element type (%d)", (int)tensor.dtype);
    else if (message->n_dims > SHAPE_MAX_RANK)
        error_set(error, ERROR_LIMIT, "has too many dimensions (limit %d)", SHAPE_MAX_RANK);
    else if (shape_set(&tensor.shape, (int)message->n_dims, message->dims, error) == 0)
        constant = constant_create(arena_memory(arena), &tensor, error);
    if (constant) {
        constant->reader = &reader->base;
        reader->base.retain(&reader->base);
        constant->span = (struct span){message->source_offset, message->source_length};
    }
    if (constant && load_payload(arena, reader, message, constant, error)) {
        constant_release(constant);
        constant = NULL;
    }
    if (!constant) {
        char *name = load_string(arena, &message->name, NULL);
        error_prefix(error, "tensor '%s'", name ? name : "?");
    }
    return constant;
}
