/* Reading protobuf's wire format: of a file through a small window, nothing is mapped, nothing is held. */
#ifndef FOVEA_ONNX_WIRE_H
#define FOVEA_ONNX_WIRE_H

#include <stdint.h>

#include "onnx/reader.h"

#define WIRE_WINDOW_SIZE 65536

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

struct wire_reader {
    const struct model_reader *source;
    uint64_t window_start; /* of a file */
    uint64_t window_length;
    unsigned char window[WIRE_WINDOW_SIZE];
};

/* Copies bytes [offset, offset + length) of the source; beyond its end or on a read error: ERROR_INPUT or ERROR_IO. */
int wire_read(struct wire_reader *reader, uint64_t offset, void *bytes, uint64_t length, struct error *error);
/* Reads a varint at *offset, which must end before `end`, and moves *offset behind it. */
int wire_varint(struct wire_reader *reader, uint64_t *offset, uint64_t end, uint64_t *value, struct error *error);
/* The same of bytes in memory; false where they end in front of it. */
bool wire_take_varint(const unsigned char *bytes, size_t length, size_t *at, uint64_t *value);
/* Writes `value` as a varint; returns its bytes (at most 10). */
int wire_put_varint(uint64_t value, unsigned char out[10]);

#endif
