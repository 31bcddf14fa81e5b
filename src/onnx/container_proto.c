/* SequenceProto and OptionalProto in files of their own, as the ONNX test data and onnx.save have them. */
#include <string.h>

#include "base/file.h"
#include "onnx/loader.h"
#include "onnx/wire.h"
#include "tensor/sequence.h"

enum { SEQUENCE_TENSOR = 3 };
enum { OPTIONAL_TENSOR = 3, OPTIONAL_SEQUENCE = 5 };

struct bytes {
    const unsigned char *at, *end;
};

static int read_varint(struct bytes *from, uint64_t *value)
{
    size_t read = 0;
    bool there = wire_take_varint(from->at, (size_t)(from->end - from->at), &read, value);
    from->at += read;
    return there ? 0 : -1;
}

/* 1 and the next field that is a message or a text, 0 at the end, -1 on damage. Numbers are passed over. */
static int next_field(struct bytes *from, uint64_t *number, struct bytes *field)
{
    while (from->at < from->end) {
        uint64_t tag, length;
        if (read_varint(from, &tag))
            return -1;
        unsigned type = tag & 7;
        *number = tag >> 3;
        if (type == WIRE_VARINT ? read_varint(from, &length) : type != WIRE_LENGTH)
            return -1;
        if (type == WIRE_VARINT)
            continue;
        if (read_varint(from, &length) || length > (uint64_t)(from->end - from->at))
            return -1;
        *field = (struct bytes){from->at, from->at + length};
        from->at += length;
        return 1;
    }
    return 0;
}

static int put_item(struct memory *memory, struct tensor *container, struct tensor *item, struct error *error)
{
    enum dtype held = dtype_held(container->dtype);
    int failed = item->dtype == held
                     ? sequence_insert(memory, container, sequence_length(container), item, error)
                     : error_set(error, ERROR_INPUT, "holds %s, not %s", dtype_name(item->dtype), dtype_name(held));
    tensor_release(memory, item);
    return failed;
}

static int read_container(struct memory *memory, struct bytes from, enum dtype dtype, struct tensor *container,
                          struct error *error);

static int read_item(struct memory *memory, const struct bytes *field, bool sequence, enum dtype dtype,
                     struct tensor *container, struct error *error)
{
    struct tensor item;
    if (sequence ? read_container(memory, *field, dtype_held(dtype), &item, error)
                 : load_tensor_bytes(memory, field->at, (size_t)(field->end - field->at), &item, error))
        return -1;
    return put_item(memory, container, &item, error);
}

static int read_container(struct memory *memory, struct bytes from, enum dtype dtype, struct tensor *container,
                          struct error *error)
{
    uint64_t number;
    struct bytes field;
    int more, failed = 0;
    bool optional = dtype & DTYPE_OPTIONAL;
    if (sequence_create(memory, dtype, 0, 0, container, error))
        return -1;
    while (!failed && (more = next_field(&from, &number, &field)) != 0) {
        bool sequence = optional && number == OPTIONAL_SEQUENCE;
        if (more < 0)
            failed = error_set(error, ERROR_INPUT, "is no %s, or damaged", dtype_name(dtype));
        else if (sequence || number == (optional ? OPTIONAL_TENSOR : SEQUENCE_TENSOR))
            failed = read_item(memory, &field, sequence, dtype, container, error);
    }
    if (failed)
        tensor_release(memory, container);
    return failed;
}

int container_proto_read(struct memory *memory, const char *path, enum dtype dtype, struct tensor *container,
                         struct error *error)
{
    size_t length;
    unsigned char *bytes = file_read(memory, path, CONTAINER_MOST_BYTES, &length, error);
    if (!bytes)
        return -1;
    int failed = read_container(memory, (struct bytes){bytes, bytes + length}, dtype, container, error);
    memory_release(memory, bytes);
    return failed ? error_prefix(error, "%s", path) : 0;
}
