/* Changes of a model file: bytes flipped or cut off, and fields of its messages given other numbers, texts and places,
 * with the lengths around them set right, so that the change gets past the first look at the file. */
#ifndef FOVEA_TESTS_MUTATION_H
#define FOVEA_TESTS_MUTATION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fovea.h"

#define MUTATION_BYTES (1 << 20)
#define MUTATION_FIELDS 40000

struct bytes {
    uint8_t at[MUTATION_BYTES];
    size_t count;
};

/* A field of the file, its message's fields behind it. */
struct field {
    int parent;   /* -1: of the model itself */
    char message; /* of the parent's kind: a letter of `messages`, below */
    char child;   /* kind of message that the field holds; 0: a number, text or elements */
    uint32_t tag;
    size_t tag_begin, begin, end; /* value without its length */
};

struct mutator {
    uint64_t state; /* of the random numbers */
    struct field fields[MUTATION_FIELDS];
    int field_count;
};

/* splitmix64 */
static inline uint64_t draw(struct mutator *mutator, uint64_t below)
{
    uint64_t z = mutator->state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

/* Kinds: Model, Graph, Node, Attribute, Tensor, Value, tYpe, Element type and shape, Shape, Dimension, Opset, Function,
 * Pair of texts. Rows of field number and kind of the message that it holds (onnx.proto). */
static inline char held_message(char message, uint32_t number)
{
    static const char *rules[128] = {['M'] = "\7G\10O\16P\31F",
                                     ['G'] = "\1N\5T\13V\14V\15V",
                                     ['N'] = "\5A",
                                     ['A'] = "\5T\6G\12T\13G",
                                     ['V'] = "\2Y",
                                     ['Y'] = "\1E",
                                     ['E'] = "\2S",
                                     ['S'] = "\1D",
                                     ['T'] = "\15P",
                                     ['F'] = "\7N\11O"};
    const char *rule = rules[(int)message];
    for (; rule && *rule; rule += 2) {
        if ((uint32_t)*rule == number)
            return rule[1];
    }
    return 0;
}

static inline bool take_varint(const struct bytes *file, size_t *at, size_t end, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = file->at[(*at)++];
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* Lists the fields of bytes begin to end. False where they are no message. */
static inline bool list_fields(struct mutator *mutator, const struct bytes *file, size_t begin, size_t end, int parent,
                               char message)
{
    for (size_t at = begin; at < end;) {
        uint64_t tag, length = 0;
        size_t tag_begin = at;
        if (!take_varint(file, &at, end, &tag) || mutator->field_count == MUTATION_FIELDS)
            return false;
        size_t value = at;
        if ((tag & 7) == 0 ? !take_varint(file, &at, end, &length) : false)
            return false;
        if ((tag & 7) == 2) {
            if (!take_varint(file, &at, end, &length) || length > end - at)
                return false;
            value = at;
        } else if ((tag & 7) == 0) {
            length = at - value;
        } else {
            length = (tag & 7) == 5 ? 4 : 8;
        }
        if (length > end - value)
            return false;
        at = value + length;
        char child = (tag & 7) == 2 ? held_message(message, (uint32_t)(tag >> 3)) : (char)0;
        int self = mutator->field_count++;
        mutator->fields[self] = (struct field){parent, message, child, (uint32_t)tag, tag_begin, value, at};
        if (child && !list_fields(mutator, file, value, at, self, child))
            return false;
    }
    return true;
}

static inline size_t put_varint(uint8_t out[10], uint64_t number)
{
    size_t count = 0;
    for (; number > 0x7f; number >>= 7)
        out[count++] = (uint8_t)(number | 0x80);
    out[count++] = (uint8_t)number;
    return count;
}

/* Puts `count` bytes in the place of begin to end. */
static inline void splice(struct bytes *file, size_t begin, size_t end, const uint8_t *with, size_t count)
{
    if (file->count - (end - begin) + count > sizeof file->at)
        return;
    memmove(file->at + begin + count, file->at + end, file->count - end);
    if (count > 0)
        memcpy(file->at + begin, with, count);
    file->count = file->count - (end - begin) + count;
}

/* The length of a field's value has become `length`: says so there, and in all messages around it. */
static inline void set_length(struct mutator *mutator, struct bytes *file, int index, size_t length)
{
    while (index >= 0) {
        const struct field *field = &mutator->fields[index];
        uint8_t text[20];
        size_t tag = put_varint(text, field->tag), whole = tag + put_varint(text + tag, length);
        size_t before = field->begin - field->tag_begin, inner = 0;
        splice(file, field->tag_begin, field->begin, text, whole);
        inner = whole + length - (before + field->end - field->begin); /* how much longer, in two's complement */
        index = field->parent;
        if (index >= 0)
            length = mutator->fields[index].end - mutator->fields[index].begin + inner;
    }
}

/* A field, or with `count` 0 and `remove` nothing, in the place of one. */
static inline void replace_value(struct mutator *mutator, struct bytes *file, int index, const uint8_t *with,
                                 size_t count)
{
    const struct field *field = &mutator->fields[index];
    splice(file, field->begin, field->end, with, count);
    if ((field->tag & 7) == 2)
        set_length(mutator, file, index, count);
    else if (field->parent >= 0)
        set_length(mutator, file, field->parent,
                   mutator->fields[field->parent].end - mutator->fields[field->parent].begin + count -
                       (field->end - field->begin));
}

/* Puts bytes in front of a field, in its message. */
static inline void insert_before(struct mutator *mutator, struct bytes *file, int index, const uint8_t *what,
                                 size_t count)
{
    const struct field *field = &mutator->fields[index];
    splice(file, field->tag_begin, field->tag_begin, what, count);
    if (field->parent >= 0)
        set_length(mutator, file, field->parent,
                   mutator->fields[field->parent].end - mutator->fields[field->parent].begin + count);
}

static inline void remove_field(struct mutator *mutator, struct bytes *file, int index)
{
    const struct field *field = &mutator->fields[index];
    splice(file, field->tag_begin, field->end, NULL, 0);
    if (field->parent >= 0)
        set_length(mutator, file, field->parent,
                   mutator->fields[field->parent].end - mutator->fields[field->parent].begin -
                       (field->end - field->tag_begin));
}

static inline uint64_t odd_number(struct mutator *mutator, uint64_t old)
{
    static const int64_t odd[] = {0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  5,
                                  7,
                                  8,
                                  9,
                                  10,
                                  11,
                                  13,
                                  16,
                                  22,
                                  64,
                                  255,
                                  256,
                                  1000,
                                  65536,
                                  1000003,
                                  INT32_MAX,
                                  -1,
                                  -2,
                                  -3,
                                  -4,
                                  -5,
                                  -8,
                                  -1000,
                                  INT32_MIN,
                                  (int64_t)1 << 31,
                                  (int64_t)1 << 32,
                                  (int64_t)1 << 40,
                                  (int64_t)1 << 62,
                                  INT64_MAX,
                                  INT64_MIN,
                                  INT64_MIN + 1};
    uint64_t which = draw(mutator, sizeof odd / sizeof odd[0] + 6);
    if (which >= sizeof odd / sizeof odd[0])
        return which % 3 == 0 ? old + 1 : which % 3 == 1 ? old - 1 : old * 2;
    return (uint64_t)odd[which];
}

static inline float odd_float(struct mutator *mutator)
{
    static const float odd[] = {0,
                                -0.0f,
                                1,
                                -1,
                                0.5f,
                                -0.5f,
                                3e38f,
                                -3e38f,
                                1e-40f,
                                1e10f,
                                -1e10f,
                                2147483648.0f,
                                __builtin_inff(),
                                -__builtin_inff(),
                                __builtin_nanf("")};
    return odd[draw(mutator, sizeof odd / sizeof odd[0])];
}

/* Another field of the same kind in the same kind of message, or the field itself. */
static inline int alike(struct mutator *mutator, int index)
{
    const struct field *field = &mutator->fields[index];
    int start = (int)draw(mutator, (uint64_t)mutator->field_count);
    for (int i = 0; i < mutator->field_count; i++) {
        int at = (start + i) % mutator->field_count;
        if (mutator->fields[at].tag == field->tag && mutator->fields[at].message == field->message && at != index)
            return at;
    }
    return index;
}

/* A node's operator or a text becomes another one of the same kind. */
static inline void change_text(struct mutator *mutator, struct bytes *file, int index)
{
    const struct field *field = &mutator->fields[index];
    static uint8_t text[MUTATION_BYTES];
    size_t count = 0;
    if (field->message == 'N' && field->tag >> 3 == 4) {
        struct fovea_operator definition;
        int total = 0;
        while (fovea_operator_at(total, &definition))
            total++;
        fovea_operator_at((int)draw(mutator, (uint64_t)total), &definition);
        count = strlen(definition.name);
        memcpy(text, definition.name, count);
    } else {
        const struct field *other = &mutator->fields[alike(mutator, index)];
        count = draw(mutator, 12) == 0 ? 0 : other->end - other->begin;
        memcpy(text, file->at + other->begin, count);
    }
    replace_value(mutator, file, index, text, count);
}

/* Elements of 4 or 8 bytes, or some of them cut off. */
static inline void change_elements(struct mutator *mutator, struct bytes *file, int index)
{
    struct field *field = &mutator->fields[index];
    size_t count = field->end - field->begin, wide = draw(mutator, 2) ? 8 : 4;
    uint64_t integer = odd_number(mutator, 0);
    float number = odd_float(mutator);
    if (draw(mutator, 8) == 0) {
        static uint8_t start[MUTATION_BYTES];
        memcpy(start, file->at + field->begin, count);
        replace_value(mutator, file, index, start, count ? draw(mutator, count) : 0);
    } else if (count >= wide) {
        uint8_t *element = file->at + field->begin + draw(mutator, count / wide) * wide;
        if (wide == 4 && draw(mutator, 2))
            memcpy(element, &number, 4);
        else
            memcpy(element, &integer, wide); /* little-endian, as files are */
    } else if (count > 0) {
        file->at[field->begin] = (uint8_t)integer;
    }
}

static inline void change_number(struct mutator *mutator, struct bytes *file, int index)
{
    const struct field *field = &mutator->fields[index];
    uint8_t text[10];
    uint64_t old = 0;
    float number = odd_float(mutator);
    if ((field->tag & 7) == 0) {
        size_t at = field->begin;
        take_varint(file, &at, field->end, &old);
        replace_value(mutator, file, index, text, put_varint(text, odd_number(mutator, old)));
    } else if ((field->tag & 7) == 5) {
        memcpy(file->at + field->begin, &number, 4);
    }
}

/* One field: removed, doubled, moved to where another of its kind stands, or given another value. */
static inline void change_field(struct mutator *mutator, struct bytes *file)
{
    static struct bytes copy;
    mutator->field_count = 0;
    if (!list_fields(mutator, file, 0, file->count, -1, 'M') || mutator->field_count == 0)
        return;
    int index = (int)draw(mutator, (uint64_t)mutator->field_count), other = alike(mutator, index);
    const struct field *field = &mutator->fields[index], *another = &mutator->fields[other];
    bool elements = field->message == 'T' && field->tag >> 3 >= 4 && field->tag >> 3 != 8;
    switch (draw(mutator, 8)) {
    case 0:
        remove_field(mutator, file, index);
        break;
    case 1:
        copy.count = another->end - another->tag_begin;
        memcpy(copy.at, file->at + another->tag_begin, copy.count);
        insert_before(mutator, file, index, copy.at, copy.count);
        break;
    default:
        if ((field->tag & 7) != 2) {
            change_number(mutator, file, index);
        } else if (field->child) {
            copy.count = another->end - another->begin;
            memcpy(copy.at, file->at + another->begin, copy.count);
            replace_value(mutator, file, index, copy.at, copy.count);
        } else if (elements) {
            change_elements(mutator, file, index);
        } else {
            change_text(mutator, file, index);
        }
    }
}

static inline void change_bytes(struct mutator *mutator, struct bytes *file)
{
    if (file->count == 0)
        return;
    if (draw(mutator, 4) == 0) {
        file->count = draw(mutator, file->count);
        return;
    }
    for (uint64_t flips = 1 + draw(mutator, 4); flips > 0; flips--)
        file->at[draw(mutator, file->count)] ^= (uint8_t)(1 << draw(mutator, 8));
}

/* The `number`-th change of a file: the same for the same number. */
static inline void mutate(struct mutator *mutator, uint64_t number, struct bytes *file)
{
    mutator->state = number;
    if (draw(mutator, 4) == 0) {
        change_bytes(mutator, file);
        return;
    }
    for (uint64_t changes = 1 + draw(mutator, 3); changes > 0; changes--)
        change_field(mutator, file);
}

#endif
