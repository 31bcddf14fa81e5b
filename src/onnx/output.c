#include "onnx/output.h"

#include <string.h>

void output_bytes(struct output *out, const void *bytes, size_t length)
{
    if (out->writer && length > 0)
        file_writer_write(out->writer, bytes, length);
    else if (out->bytes && length > 0)
        memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

void output_varint(struct output *out, uint64_t value)
{
    unsigned char bytes[10];
    output_bytes(out, bytes, (size_t)wire_put_varint(value, bytes));
}

void output_tag(struct output *out, unsigned field, enum wire_type type)
{
    output_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

void output_int_field(struct output *out, unsigned field, int64_t value)
{
    output_tag(out, field, WIRE_VARINT);
    output_varint(out, (uint64_t)value);
}

void output_float_field(struct output *out, unsigned field, float value)
{
    output_tag(out, field, WIRE_FIXED32);
    output_bytes(out, &value, sizeof value);
}

void output_header(struct output *out, unsigned field, uint64_t length)
{
    output_tag(out, field, WIRE_LENGTH);
    output_varint(out, length);
}

void output_bytes_field(struct output *out, unsigned field, const void *bytes, size_t length)
{
    output_header(out, field, length);
    output_bytes(out, bytes, length);
}

void output_string_field(struct output *out, unsigned field, const char *text)
{
    output_bytes_field(out, field, text, strlen(text));
}

int output_copy(struct output *out, struct wire_reader *from, uint64_t begin, uint64_t end, struct error *error)
{
    unsigned char buffer[16384];
    if (output_counts(out)) {
        out->length += end - begin;
        return 0;
    }
    while (begin < end) {
        uint64_t step = end - begin < sizeof buffer ? end - begin : sizeof buffer;
        if (wire_read(from, begin, buffer, step, error))
            return -1;
        output_bytes(out, buffer, (size_t)step);
        begin += step;
    }
    return 0;
}

static int skip_content(struct wire_reader *reader, uint64_t tag, struct field *field, uint64_t *offset, uint64_t end,
                        struct error *error)
{
    uint64_t length = 0;
    switch (tag & 7) {
    case WIRE_VARINT:
        field->begin = *offset;
        return wire_varint(reader, offset, end, &length, error);
    case WIRE_FIXED64:
        length = 8;
        break;
    case WIRE_FIXED32:
        length = 4;
        break;
    default:
        if (wire_varint(reader, offset, end, &length, error))
            return -1;
    }
    if (length > end - *offset)
        return error_set(error, ERROR_IO, "the model file changed while it was open");
    field->begin = *offset;
    *offset += length;
    return 0;
}

static int append(struct field_list *list, const struct field *field, struct error *error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 32;
        struct field *grown = memory_resize(list->memory, list->fields, capacity, sizeof *grown, error);
        if (!grown)
            return -1;
        list->fields = grown;
        list->capacity = capacity;
    }
    list->fields[list->count++] = *field;
    return 0;
}

int field_list_read(struct field_list *list, struct wire_reader *reader, uint64_t begin, uint64_t end,
                    struct error *error)
{
    for (uint64_t offset = begin; offset < end;) {
        struct field field = {.start = offset};
        uint64_t tag;
        if (wire_varint(reader, &offset, end, &tag, error) || skip_content(reader, tag, &field, &offset, end, error))
            return -1;
        field.number = (unsigned)(tag >> 3);
        field.end = offset;
        if (append(list, &field, error))
            return -1;
    }
    return 0;
}

void field_list_release(struct field_list *list)
{
    memory_release(list->memory, list->fields);
    list->fields = NULL;
}

void output_metadata(struct output *output, unsigned field, const struct metadata *entry)
{
    struct output count = {0};
    output_string_field(&count, 1, entry->key);
    output_string_field(&count, 2, entry->value);
    output_header(output, field, count.length);
    output_string_field(output, 1, entry->key);
    output_string_field(output, 2, entry->value);
}
