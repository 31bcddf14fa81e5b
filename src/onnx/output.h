/* Writing protobuf messages twice: once to learn their length, once to a file or to memory. Both times the same code
 * runs. */
#ifndef FOVEA_ONNX_OUTPUT_H
#define FOVEA_ONNX_OUTPUT_H

#include "base/file.h"
#include "graph/graph.h"
#include "onnx/wire.h"

struct output {
    struct file_writer *writer; /* or NULL */
    unsigned char *bytes;       /* of memory for all that is written; or NULL: with neither it only counts */
    uint64_t length;            /* bytes so far */
};

static inline bool output_counts(const struct output *out)
{
    return !out->writer && !out->bytes;
}

void output_bytes(struct output *out, const void *bytes, size_t length);
void output_varint(struct output *out, uint64_t value);
void output_tag(struct output *out, unsigned field, enum wire_type type);
/* A whole field. */
void output_int_field(struct output *out, unsigned field, int64_t value);
void output_float_field(struct output *out, unsigned field, float value);
void output_bytes_field(struct output *out, unsigned field, const void *bytes, size_t length);
void output_string_field(struct output *out, unsigned field, const char *text);
/* The tag and length in front of a message or other content of `length` bytes. */
void output_header(struct output *out, unsigned field, uint64_t length);
/* Bytes [begin, end) of the file as they are. */
int output_copy(struct output *out, struct wire_reader *from, uint64_t begin, uint64_t end, struct error *error);

/* One field of a message in a file. */
struct field {
    uint64_t start;      /* of its tag */
    uint64_t begin, end; /* content; of numbers: the number itself */
    unsigned number;
};

/* Growable list. */
struct field_list {
    struct memory *memory;
    struct field *fields;
    size_t count, capacity;
};

/* Appends the fields of the message whose content is [begin, end). */
int field_list_read(struct field_list *list, struct wire_reader *reader, uint64_t begin, uint64_t end,
                    struct error *error);
void field_list_release(struct field_list *list);

/* A StringStringEntryProto: metadata_props of a model, a node. */
void output_metadata(struct output *output, unsigned field, const struct metadata *entry);

#endif
