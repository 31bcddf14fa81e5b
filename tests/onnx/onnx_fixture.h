/* What the tests of ONNX files share: contexts, files from bytes, and protobuf messages built by hand. */
#ifndef FOVEA_TESTS_ONNX_FIXTURE_H
#define FOVEA_TESTS_ONNX_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "../temporary.h"
#include "base/file.h"
#include "onnx/onnx.h"

static inline struct context *make_context(void)
{
    struct error error = ERROR_INITIALISER;
    struct context *context =
        context_create(&(struct context_options){.threads = 1, .max_memory = (size_t)1 << 30}, &error);
    assert_non_null(context);
    return context;
}

static inline void write_bytes(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* The caller frees. */
static inline unsigned char *read_bytes(const char *path, size_t *length)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    unsigned char *bytes = malloc((size_t)status.st_size + 1);
    assert_non_null(bytes);
    *length = fread(bytes, 1, (size_t)status.st_size, file);
    assert_int_equal(*length, status.st_size);
    fclose(file);
    return bytes;
}

/* A protobuf message under construction. Never freed in a test that fails. */
struct message {
    unsigned char *bytes;
    size_t length, capacity;
};

static inline void put(struct message *message, const void *bytes, size_t length)
{
    if (message->length + length >= message->capacity) {
        message->capacity = 2 * (message->length + length) + 16;
        message->bytes = realloc(message->bytes, message->capacity);
        assert_non_null(message->bytes);
    }
    if (length > 0)
        memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

static inline void put_varint(struct message *message, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(message, &(unsigned char){(unsigned char)(value | 0x80)}, 1);
    put(message, &(unsigned char){(unsigned char)value}, 1);
}

static inline void put_int(struct message *message, unsigned field, int64_t value)
{
    put_varint(message, (uint64_t)field << 3);
    put_varint(message, (uint64_t)value);
}

static inline void put_data(struct message *message, unsigned field, const void *bytes, size_t length)
{
    put_varint(message, (uint64_t)field << 3 | 2);
    put_varint(message, length);
    put(message, bytes, length);
}

static inline void put_text(struct message *message, unsigned field, const char *text)
{
    put_data(message, field, text, strlen(text));
}

/* Frees `child`. */
static inline void put_message(struct message *message, unsigned field, struct message *child)
{
    put_data(message, field, child->bytes, child->length);
    free(child->bytes);
    *child = (struct message){0};
}

/* "key" = "value". */
static inline void put_entry(struct message *message, unsigned field, const char *key, const char *value)
{
    struct message entry = {0};
    put_text(&entry, 1, key);
    put_text(&entry, 2, value);
    put_message(message, field, &entry);
}

/* A NodeProto with up to two inputs. */
static inline struct message make_node(const char *op_type, const char *first, const char *second, const char *output)
{
    struct message node = {0};
    if (first)
        put_text(&node, 1, first);
    if (second)
        put_text(&node, 1, second);
    put_text(&node, 2, output);
    put_text(&node, 4, op_type);
    return node;
}

/* A ValueInfoProto of a float tensor with one dimension. */
static inline struct message make_value(const char *name, int64_t size)
{
    struct message value = {0}, type = {0}, tensor = {0}, shape = {0}, dimension = {0};
    put_int(&dimension, 1, size);
    put_message(&shape, 1, &dimension);
    put_int(&tensor, 1, 1);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    return value;
}

/* Frees `graph`; writes a model of IR version 8, opset 17. */
static inline void write_model(const char *path, struct message *graph)
{
    struct message model = {0}, opset = {0};
    put_int(&model, 1, 8);
    put_int(&opset, 2, 17);
    put_message(&model, 8, &opset);
    put_message(&model, 7, graph);
    write_bytes(path, model.bytes, model.length);
    free(model.bytes);
}

#endif
