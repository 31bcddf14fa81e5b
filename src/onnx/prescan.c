#include "onnx/prescan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum message {
    MESSAGE_MODEL,
    MESSAGE_GRAPH,
    MESSAGE_NODE,
    MESSAGE_ATTRIBUTE,
    MESSAGE_TENSOR,
    MESSAGE_SPARSE_TENSOR,
    MESSAGE_VALUE_INFO,
    MESSAGE_TYPE,
    MESSAGE_TENSOR_TYPE,
    MESSAGE_SEQUENCE_TYPE,
    MESSAGE_MAP_TYPE,
    MESSAGE_SHAPE,
    MESSAGE_DIMENSION,
    MESSAGE_FUNCTION,
    MESSAGE_TRAINING,
    MESSAGE_ENTRY,
    MESSAGE_OPSET,
    MESSAGE_ANNOTATION,
    MESSAGE_DEVICE,
    MESSAGE_NODE_DEVICE,
    MESSAGE_SHARDING,
    MESSAGE_SHARDED_DIM,
    MESSAGE_SIMPLE_SHARDING,
    MESSAGE_INT_LIST,
    MESSAGE_NONE
};

/* Which fields of which messages are messages themselves. */
static const struct {
    unsigned char parent, field, child;
} children[] = {
    {MESSAGE_MODEL, 7, MESSAGE_GRAPH},
    {MESSAGE_MODEL, 8, MESSAGE_OPSET},
    {MESSAGE_MODEL, 14, MESSAGE_ENTRY},
    {MESSAGE_MODEL, 20, MESSAGE_TRAINING},
    {MESSAGE_MODEL, 25, MESSAGE_FUNCTION},
    {MESSAGE_MODEL, 26, MESSAGE_DEVICE},
    {MESSAGE_GRAPH, 1, MESSAGE_NODE},
    {MESSAGE_GRAPH, 5, MESSAGE_TENSOR},
    {MESSAGE_GRAPH, 11, MESSAGE_VALUE_INFO},
    {MESSAGE_GRAPH, 12, MESSAGE_VALUE_INFO},
    {MESSAGE_GRAPH, 13, MESSAGE_VALUE_INFO},
    {MESSAGE_GRAPH, 14, MESSAGE_ANNOTATION},
    {MESSAGE_GRAPH, 15, MESSAGE_SPARSE_TENSOR},
    {MESSAGE_GRAPH, 16, MESSAGE_ENTRY},
    {MESSAGE_NODE, 5, MESSAGE_ATTRIBUTE},
    {MESSAGE_NODE, 9, MESSAGE_ENTRY},
    {MESSAGE_NODE, 10, MESSAGE_NODE_DEVICE},
    {MESSAGE_ATTRIBUTE, 5, MESSAGE_TENSOR},
    {MESSAGE_ATTRIBUTE, 6, MESSAGE_GRAPH},
    {MESSAGE_ATTRIBUTE, 10, MESSAGE_TENSOR},
    {MESSAGE_ATTRIBUTE, 11, MESSAGE_GRAPH},
    {MESSAGE_ATTRIBUTE, 14, MESSAGE_TYPE},
    {MESSAGE_ATTRIBUTE, 15, MESSAGE_TYPE},
    {MESSAGE_ATTRIBUTE, 22, MESSAGE_SPARSE_TENSOR},
    {MESSAGE_ATTRIBUTE, 23, MESSAGE_SPARSE_TENSOR},
    {MESSAGE_TENSOR, 3, MESSAGE_ENTRY},
    {MESSAGE_TENSOR, 13, MESSAGE_ENTRY},
    {MESSAGE_TENSOR, 16, MESSAGE_ENTRY},
    {MESSAGE_SPARSE_TENSOR, 1, MESSAGE_TENSOR},
    {MESSAGE_SPARSE_TENSOR, 2, MESSAGE_TENSOR},
    {MESSAGE_VALUE_INFO, 2, MESSAGE_TYPE},
    {MESSAGE_VALUE_INFO, 4, MESSAGE_ENTRY},
    {MESSAGE_TYPE, 1, MESSAGE_TENSOR_TYPE},
    {MESSAGE_TYPE, 4, MESSAGE_SEQUENCE_TYPE},
    {MESSAGE_TYPE, 5, MESSAGE_MAP_TYPE},
    {MESSAGE_TYPE, 7, MESSAGE_ENTRY},
    {MESSAGE_TYPE, 8, MESSAGE_TENSOR_TYPE},
    {MESSAGE_TYPE, 9, MESSAGE_SEQUENCE_TYPE},
    {MESSAGE_TENSOR_TYPE, 2, MESSAGE_SHAPE},
    {MESSAGE_SEQUENCE_TYPE, 1, MESSAGE_TYPE},
    {MESSAGE_MAP_TYPE, 2, MESSAGE_TYPE},
    {MESSAGE_SHAPE, 1, MESSAGE_DIMENSION},
    {MESSAGE_FUNCTION, 7, MESSAGE_NODE},
    {MESSAGE_FUNCTION, 9, MESSAGE_OPSET},
    {MESSAGE_FUNCTION, 11, MESSAGE_ATTRIBUTE},
    {MESSAGE_FUNCTION, 12, MESSAGE_VALUE_INFO},
    {MESSAGE_FUNCTION, 14, MESSAGE_ENTRY},
    {MESSAGE_TRAINING, 1, MESSAGE_GRAPH},
    {MESSAGE_TRAINING, 2, MESSAGE_GRAPH},
    {MESSAGE_TRAINING, 3, MESSAGE_ENTRY},
    {MESSAGE_TRAINING, 4, MESSAGE_ENTRY},
    {MESSAGE_ANNOTATION, 2, MESSAGE_ENTRY},
    {MESSAGE_NODE_DEVICE, 2, MESSAGE_SHARDING},
    {MESSAGE_SHARDING, 3, MESSAGE_INT_LIST},
    {MESSAGE_SHARDING, 4, MESSAGE_SHARDED_DIM},
    {MESSAGE_SHARDED_DIM, 2, MESSAGE_SIMPLE_SHARDING},
};

#define FIELD_RAW_DATA 9
#define FIELD_DATA_LOCATION 14
/* Bytes of a mark: two fixed64 fields, or (graphs) one packed pair. Tags of numbers this high take five bytes. */
#define MARK_BYTES (2 * (5 + 8))
#define GRAPH_MARK_BYTES (5 + 1 + 16)

static enum message child_message(enum message parent, uint64_t field)
{
    for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
        if (children[i].parent == parent && children[i].field == field)
            return (enum message)children[i].child;
    }
    return MESSAGE_NONE;
}

/* A message that contains payloads (its length changes in the skeleton), or a payload itself (a leaf). */
struct piece {
    uint64_t length_at;  /* where its length varint stands in the file */
    uint64_t begin, end; /* its content in the file */
    int64_t change;      /* bytes its content grows by in the skeleton */
    size_t parent;       /* index of the piece around, SIZE_MAX: the file */
    bool payload;
    size_t mark; /* bytes that say in the skeleton where the message stands; 0: none */
};

struct open_message {
    enum message type;
    uint64_t length_at, begin, end;
    size_t piece; /* SIZE_MAX: not recorded yet */
};

struct scan {
    struct wire_reader *reader;
    struct memory *memory;
    struct piece *pieces; /* in file order: parents first */
    size_t piece_count, piece_capacity;
    struct open_message stack[LIMIT_DEPTH];
    int depth;
    unsigned nodes, initialisers, attributes, messages, external;
};

static size_t mark_bytes(enum message type)
{
    switch (type) {
    case MESSAGE_GRAPH:
        return GRAPH_MARK_BYTES;
    case MESSAGE_NODE:
    case MESSAGE_ATTRIBUTE:
    case MESSAGE_TENSOR:
    case MESSAGE_SPARSE_TENSOR:
        return MARK_BYTES;
    default:
        return 0;
    }
}

static int add_piece(struct scan *scan, struct piece piece, size_t *index, struct error *error)
{
    if (scan->piece_count == scan->piece_capacity) {
        size_t capacity = scan->piece_capacity ? scan->piece_capacity * 2 : 64;
        struct piece *grown = memory_resize(scan->memory, scan->pieces, capacity, sizeof piece, error);
        if (!grown)
            return -1;
        scan->pieces = grown;
        scan->piece_capacity = capacity;
    }
    *index = scan->piece_count;
    scan->pieces[scan->piece_count++] = piece;
    return 0;
}

/* Records the open messages that are not recorded yet; *parent is the innermost one. */
static int add_open_messages(struct scan *scan, size_t *parent, struct error *error)
{
    *parent = SIZE_MAX;
    for (int level = 1; level <= scan->depth; level++) { /* level 0 is the file itself */
        struct open_message *open = &scan->stack[level];
        if (open->piece == SIZE_MAX) {
            struct piece piece = {
                .length_at = open->length_at, .begin = open->begin, .end = open->end, .parent = *parent};
            piece.mark = mark_bytes(open->type);
            if (add_piece(scan, piece, &open->piece, error))
                return -1;
        }
        *parent = open->piece;
    }
    return 0;
}

static int add_payload(struct scan *scan, uint64_t length_at, uint64_t begin, uint64_t end, struct error *error)
{
    size_t parent, index;
    if (add_open_messages(scan, &parent, error))
        return -1;
    struct piece payload = {.length_at = length_at, .begin = begin, .end = end, .parent = parent, .payload = true};
    return add_piece(scan, payload, &index, error);
}

static int count_message(struct scan *scan, enum message parent, enum message child, struct error *error)
{
    if (++scan->messages > LIMIT_MESSAGES)
        return error_set(error, ERROR_LIMIT, "too many messages (limit %u)", LIMIT_MESSAGES);
    if (child == MESSAGE_NODE && ++scan->nodes > LIMIT_NODES)
        return error_set(error, ERROR_LIMIT, "too many nodes (limit %u)", LIMIT_NODES);
    if (child == MESSAGE_ATTRIBUTE && ++scan->attributes > LIMIT_ATTRIBUTES)
        return error_set(error, ERROR_LIMIT, "too many attributes (limit %u)", LIMIT_ATTRIBUTES);
    if (child == MESSAGE_TENSOR && parent == MESSAGE_GRAPH && ++scan->initialisers > LIMIT_INITIALISERS)
        return error_set(error, ERROR_LIMIT, "too many initialisers (limit %u)", LIMIT_INITIALISERS);
    return 0;
}

static int scan_length_field(struct scan *scan, uint64_t field, uint64_t length_at, uint64_t *offset,
                             struct error *error)
{
    struct open_message *open = &scan->stack[scan->depth];
    uint64_t length;
    if (wire_varint(scan->reader, offset, open->end, &length, error))
        return -1;
    if (length > open->end - *offset && scan->depth == 0)
        return error_set(error, ERROR_INPUT,
                         "cut off: the field at byte %" PRIu64 " holds %" PRIu64 " bytes, the file ends %" PRIu64
                         " bytes before that; fetch or copy the file again",
                         length_at, length, length - (open->end - *offset));
    if (length > open->end - *offset)
        return error_set(error, ERROR_INPUT,
                         "cut off or damaged: the field at byte %" PRIu64 " is longer than what is around it",
                         length_at);
    uint64_t begin = *offset, end = *offset + length;
    enum message child = child_message(open->type, field);
    if (child == MESSAGE_NONE) {
        *offset = end;
        if (open->type == MESSAGE_TENSOR && field == FIELD_RAW_DATA)
            return add_payload(scan, length_at, begin, end, error);
        if (length > LIMIT_STRING_BYTES && open->type != MESSAGE_TENSOR)
            return error_set(error, ERROR_LIMIT, "too many bytes in a string (limit %" PRIu64 ")", LIMIT_STRING_BYTES);
        return 0;
    }
    if (count_message(scan, open->type, child, error))
        return -1;
    if (scan->depth + 1 >= LIMIT_DEPTH)
        return error_set(error, ERROR_LIMIT, "too many nested messages (limit %d)", LIMIT_DEPTH);
    scan->stack[++scan->depth] = (struct open_message){child, length_at, begin, end, SIZE_MAX};
    size_t piece;
    return mark_bytes(child) ? add_open_messages(scan, &piece, error) : 0;
}

static int scan_field(struct scan *scan, uint64_t *offset, struct error *error)
{
    const struct open_message *open = &scan->stack[scan->depth];
    uint64_t start = *offset, tag, number;
    if (wire_varint(scan->reader, offset, open->end, &tag, error))
        return -1;
    uint64_t field = tag >> 3, size = 0;
    if (field == 0 || field > 536870911u)
        return error_set(error, ERROR_INPUT, "not an ONNX model: a field without a number at byte %" PRIu64, start);
    if (field == SOURCE_FIELD || field == SOURCE_FIELD + 1)
        return error_set(error, ERROR_INPUT,
                         "a field at byte %" PRIu64 " has the number %" PRIu64 ", which ONNX has not", start, field);
    switch (tag & 7) {
    case WIRE_VARINT:
        if (wire_varint(scan->reader, offset, open->end, &number, error))
            return -1;
        scan->external += open->type == MESSAGE_TENSOR && field == FIELD_DATA_LOCATION && number == 1;
        return 0;
    case WIRE_FIXED64:
        size = 8;
        break;
    case WIRE_LENGTH:
        return scan_length_field(scan, field, *offset, offset, error);
    case WIRE_FIXED32:
        size = 4;
        break;
    default:
        return error_set(error, ERROR_INPUT, "not an ONNX model: a field of unknown type at byte %" PRIu64, start);
    }
    if (size > open->end - *offset)
        return error_set(error, ERROR_INPUT, "cut off at byte %" PRIu64, start);
    *offset += size;
    return 0;
}

static int scan_file(struct scan *scan, struct error *error)
{
    uint64_t offset = 0;
    for (;;) {
        while (offset == scan->stack[scan->depth].end) {
            if (scan->depth-- == 0)
                return 0;
        }
        if (scan_field(scan, &offset, error))
            return -1;
    }
}

static uint64_t varint_length(uint64_t value)
{
    unsigned char bytes[10];
    return (uint64_t)wire_put_varint(value, bytes);
}

/* Children stand behind their parents: going backwards, every change is complete when it is handed up. */
static int64_t add_up_changes(const struct scan *scan)
{
    int64_t total = 0;
    for (size_t i = scan->piece_count; i-- > 0;) {
        struct piece *piece = &scan->pieces[i];
        uint64_t old_length = piece->end - piece->begin;
        if (piece->payload)
            piece->change = (int64_t)sizeof(struct payload_record) - (int64_t)old_length;
        piece->change += (int64_t)piece->mark;
        uint64_t new_length = (uint64_t)((int64_t)old_length + piece->change);
        int64_t change =
            piece->change + (int64_t)varint_length(new_length) - (int64_t)(piece->begin - piece->length_at);
        if (piece->parent == SIZE_MAX)
            total += change;
        else
            scan->pieces[piece->parent].change += change;
    }
    return total;
}

static unsigned char *put_fixed64(uint64_t value, unsigned char *out)
{
    for (int i = 0; i < 8; i++)
        *out++ = (unsigned char)(value >> (8 * i));
    return out;
}

static unsigned char *write_mark(const struct piece *piece, unsigned char *out)
{
    uint64_t length = piece->end - piece->begin;
    if (piece->mark == GRAPH_MARK_BYTES) {
        out += wire_put_varint((uint64_t)SOURCE_FIELD << 3 | WIRE_LENGTH, out);
        *out++ = 16;
        return put_fixed64(length, put_fixed64(piece->begin, out));
    }
    out += wire_put_varint((uint64_t)SOURCE_FIELD << 3 | WIRE_FIXED64, out);
    out = put_fixed64(piece->begin, out);
    out += wire_put_varint((uint64_t)(SOURCE_FIELD + 1) << 3 | WIRE_FIXED64, out);
    return put_fixed64(length, out);
}

static int write_skeleton(const struct scan *scan, unsigned char *out, struct error *error)
{
    uint64_t offset = 0;
    for (size_t i = 0; i <= scan->piece_count; i++) {
        const struct piece *piece = i < scan->piece_count ? &scan->pieces[i] : NULL;
        uint64_t until = piece ? piece->length_at : scan->reader->source->size;
        if (wire_read(scan->reader, offset, out, until - offset, error))
            return -1;
        out += until - offset;
        if (!piece)
            break;
        out += wire_put_varint((uint64_t)((int64_t)(piece->end - piece->begin) + piece->change), out);
        offset = piece->begin;
        if (piece->mark)
            out = write_mark(piece, out);
        if (piece->payload) {
            struct payload_record record = {piece->begin, piece->end - piece->begin};
            memcpy(out, &record, sizeof record);
            out += sizeof record;
            offset = piece->end;
        }
    }
    return 0;
}

unsigned char *prescan(struct memory *memory, struct wire_reader *reader, enum scan_root root, size_t *length,
                       unsigned *external, struct error *error)
{
    unsigned char *skeleton = NULL;
    struct scan *scan = memory_allocate(memory, 1, sizeof *scan, error);
    if (!scan)
        return NULL;
    scan->reader = reader;
    scan->memory = memory;
    scan->stack[0] = (struct open_message){root == SCAN_MODEL ? MESSAGE_MODEL : MESSAGE_TENSOR, 0, 0,
                                           reader->source->size, SIZE_MAX};
    if (reader->source->size > LIMIT_FILE_BYTES) {
        error_set(error, ERROR_LIMIT, "too many bytes in the file (limit %" PRIu64 ")", LIMIT_FILE_BYTES);
    } else if (scan_file(scan, error) == 0) {
        uint64_t size = (uint64_t)((int64_t)reader->source->size + add_up_changes(scan));
        if (size > LIMIT_SKELETON_BYTES)
            error_set(error, ERROR_LIMIT, "too many bytes outside of tensors (limit %" PRIu64 ")",
                      LIMIT_SKELETON_BYTES);
        else
            skeleton = memory_allocate(memory, (size_t)size + 1, 1, error);
        *length = (size_t)size;
        *external = scan->external;
        if (skeleton && write_skeleton(scan, skeleton, error)) {
            memory_release(memory, skeleton);
            skeleton = NULL;
        }
    }
    memory_release(memory, scan->pieces);
    memory_release(memory, scan);
    return skeleton;
}
