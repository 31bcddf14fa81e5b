#include "onnx/wire.h"

#include <inttypes.h>
#include <string.h>

static int fill_window(struct wire_reader *reader, uint64_t offset, struct error *error)
{
    uint64_t left = reader->source->size - offset;
    uint64_t wanted = left < WIRE_WINDOW_SIZE ? left : WIRE_WINDOW_SIZE;
    reader->window_start = offset;
    reader->window_length = 0;
    if (model_reader_read(reader->source, offset, reader->window, wanted, error))
        return -1;
    reader->window_length = wanted;
    return 0;
}

int wire_read(struct wire_reader *reader, uint64_t offset, void *bytes, uint64_t length, struct error *error)
{
    unsigned char *to = bytes;
    uint64_t size = reader->source->size;
    if (offset > size || length > size - offset)
        return error_set(error, ERROR_INPUT, "the file ends in the middle of a field");
    if (reader->source->bytes)
        return model_reader_read(reader->source, offset, bytes, length, error);
    while (length > 0) {
        if (offset < reader->window_start || offset - reader->window_start >= reader->window_length) {
            if (fill_window(reader, offset, error))
                return -1;
        }
        uint64_t skip = offset - reader->window_start, here = reader->window_length - skip;
        uint64_t step = here < length ? here : length;
        memcpy(to, reader->window + skip, (size_t)step);
        to += step;
        offset += step;
        length -= step;
    }
    return 0;
}

int wire_varint(struct wire_reader *reader, uint64_t *offset, uint64_t end, uint64_t *value, struct error *error)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        unsigned char byte;
        if (*offset >= end)
            return error_set(error, ERROR_INPUT, "not an ONNX model: cut off at byte %" PRIu64, *offset);
        if (wire_read(reader, *offset, &byte, 1, error))
            return -1;
        ++*offset;
        if (shift < 64)
            result |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = result;
            return 0;
        }
    }
    return error_set(error, ERROR_INPUT, "not an ONNX model: a number at byte %" PRIu64 " is too long", *offset);
}

bool wire_take_varint(const unsigned char *bytes, size_t length, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < length; shift += 7) {
        unsigned char byte = bytes[(*at)++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

int wire_put_varint(uint64_t value, unsigned char out[10])
{
    int length = 0;
    for (; value >= 0x80; value >>= 7)
        out[length++] = (unsigned char)(value | 0x80);
    out[length++] = (unsigned char)value;
    return length;
}
