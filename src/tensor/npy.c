#include "tensor/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define NPY_MAX_BYTES ((size_t)1 << 40)
#define NPY_MAX_HEADER 65535

static const struct {
    const char *code;
    enum dtype dtype;
} npy_types[] = {
    {"<f2", DTYPE_FLOAT16}, {"<f4", DTYPE_FLOAT},  {"<f8", DTYPE_DOUBLE}, {"|i1", DTYPE_INT8},
    {"<i2", DTYPE_INT16},   {"<i4", DTYPE_INT32},  {"<i8", DTYPE_INT64},  {"|u1", DTYPE_UINT8},
    {"<u2", DTYPE_UINT16},  {"<u4", DTYPE_UINT32}, {"<u8", DTYPE_UINT64}, {"|b1", DTYPE_BOOL},
};

/* The header's dictionary: what stands behind 'key': . */
static const char *header_value(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *found = strstr(header, quoted);
    if (!found)
        return NULL;
    found += strlen(quoted);
    while (*found == ' ' || *found == ':')
        found++;
    return *found ? found : NULL;
}

static int parse_shape(const char *text, struct shape *shape, struct error *error)
{
    int64_t dims[SHAPE_MAX_RANK];
    int rank = 0;
    if (!text || *text++ != '(')
        return error_set(error, ERROR_INPUT, "the header has no shape");
    for (;;) {
        while (*text == ' ' || *text == ',')
            text++;
        if (*text == ')')
            return shape_set(shape, rank, dims, error);
        char *end;
        long long size = strtoll(text, &end, 10);
        if (end == text || size < 0)
            return error_set(error, ERROR_INPUT, "the header's shape cannot be read");
        if (rank == SHAPE_MAX_RANK)
            return error_set(error, ERROR_LIMIT, "the array has too many dimensions (limit %d)", SHAPE_MAX_RANK);
        dims[rank++] = size;
        text = end;
    }
}

static int parse_dictionary(const char *header, struct npy_file *file, struct error *error)
{
    const char *code = header_value(header, "descr");
    file->dtype = DTYPE_UNDEFINED;
    for (size_t i = 0; code && i < sizeof npy_types / sizeof npy_types[0]; i++) {
        if (strncmp(code + 1, npy_types[i].code, 3) == 0 && code[4] == code[0])
            file->dtype = npy_types[i].dtype;
    }
    if (file->dtype == DTYPE_UNDEFINED)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the element type is not one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1");
    const char *order = header_value(header, "fortran_order");
    file->fortran = order && strncmp(order, "True", 4) == 0;
    return parse_shape(header_value(header, "shape"), &file->shape, error);
}

/* `length` bytes of the file's beginning. */
static int parse_header(const unsigned char *bytes, size_t length, struct npy_file *file, struct error *error)
{
    char header[NPY_MAX_HEADER + 1];
    if (length < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return error_set(error, ERROR_INPUT, "this is not a .npy file");
    size_t prefix = bytes[6] == 1 ? 10 : 12;
    if (bytes[6] < 1 || bytes[6] > 3 || length < prefix)
        return error_set(error, ERROR_INPUT, "the .npy version is not 1, 2 or 3");
    size_t header_length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (prefix == 12)
        header_length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (header_length > length - prefix || header_length > NPY_MAX_HEADER)
        return error_set(error, ERROR_INPUT, "the .npy header is cut off or too long");
    memcpy(header, bytes + prefix, header_length);
    header[header_length] = 0;
    file->start = prefix + header_length;
    return parse_dictionary(header, file, error);
}

/* Elements in Fortran order (first axis fastest) to row-major. */
static void from_fortran(const struct tensor *tensor, const char *from, char *to)
{
    size_t size = dtype_bits(tensor->dtype) / 8;
    int64_t index[SHAPE_MAX_RANK] = {0}, strides[SHAPE_MAX_RANK];
    int64_t count = shape_count(&tensor->shape);
    shape_strides(&tensor->shape, strides);
    for (int64_t i = 0; i < count; i++) {
        int64_t place = 0;
        for (int axis = 0; axis < tensor->shape.rank; axis++)
            place += index[axis] * strides[axis];
        memcpy(to + (size_t)place * size, from + (size_t)i * size, size);
        for (int axis = 0; axis < tensor->shape.rank && ++index[axis] == tensor->shape.dims[axis]; axis++)
            index[axis] = 0;
    }
}

static int read_elements(struct memory *memory, const char *from, size_t length, bool fortran, struct tensor *tensor,
                         struct error *error)
{
    size_t count = (size_t)shape_count(&tensor->shape), bytes;
    if (dtype_file_bytes(tensor->dtype, count, &bytes) || bytes > length)
        return error_set(error, ERROR_INPUT, "the file is shorter than its header says");
    char *ordered = fortran ? memory_allocate(memory, bytes, 1, error) : NULL;
    int result = fortran && !ordered ? -1 : tensor_allocate(memory, tensor, error);
    if (result == 0) {
        if (fortran)
            from_fortran(tensor, from, ordered);
        dtype_widen(tensor->dtype, fortran ? ordered : from, tensor->data, count);
    }
    memory_release(memory, ordered);
    return result;
}

int npy_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error)
{
    size_t length;
    unsigned char *bytes = file_read(memory, path, NPY_MAX_BYTES, &length, error);
    if (!bytes)
        return -1;
    struct npy_file file = {.path = path};
    *tensor = (struct tensor){0};
    int result = parse_header(bytes, length, &file, error);
    if (result == 0) {
        *tensor = (struct tensor){.dtype = file.dtype, .shape = file.shape};
        result =
            read_elements(memory, (const char *)bytes + file.start, length - file.start, file.fortran, tensor, error);
    }
    memory_release(memory, bytes);
    return result ? error_prefix(error, "%s", path) : 0;
}

static int open_header(struct npy_file *file, const unsigned char *bytes, size_t length, size_t file_length,
                       struct error *error)
{
    size_t needed;
    if (parse_header(bytes, length, file, error))
        return -1;
    if (dtype_file_bytes(file->dtype, (size_t)shape_count(&file->shape), &needed) || needed > file_length - file->start)
        return error_set(error, ERROR_INPUT, "the file is shorter than its header says");
    return 0;
}

int npy_open(struct memory *memory, const char *path, struct npy_file *file, struct error *error)
{
    size_t length, file_length;
    *file = (struct npy_file){.path = path};
    unsigned char *bytes = file_read_part(memory, path, 0, 12 + NPY_MAX_HEADER, &length, &file_length, error);
    if (!bytes)
        return -1;
    int result = open_header(file, bytes, length, file_length, error);
    memory_release(memory, bytes);
    return result ? error_prefix(error, "%s", path) : 0;
}

int npy_read_elements(struct memory *memory, const struct npy_file *file, int64_t first, int64_t count, void *elements,
                      struct error *error)
{
    size_t size = dtype_bits(file->dtype) / 8, length, file_length;
    unsigned char *bytes = file_read_part(memory, file->path, file->start + (size_t)first * size, (size_t)count * size,
                                          &length, &file_length, error);
    if (!bytes)
        return -1;
    if (length == (size_t)count * size)
        dtype_widen(file->dtype, bytes, elements, (size_t)count);
    memory_release(memory, bytes);
    return length == (size_t)count * size ? 0 : error_set(error, ERROR_INPUT, "%s: the file ends early", file->path);
}

static void print_header(struct text *text, enum dtype dtype, const struct shape *shape)
{
    const char *code = "<f4";
    for (size_t i = 0; i < sizeof npy_types / sizeof npy_types[0]; i++) {
        if (npy_types[i].dtype == dtype)
            code = npy_types[i].code;
    }
    text_print(text, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
    for (int i = 0; i < shape->rank; i++)
        text_print(text, "%" PRId64 "%s", shape->dims[i], shape->rank == 1 ? "," : i + 1 < shape->rank ? ", " : "");
    text_print(text, "), }");
    text_print(text, "%*s", 64 - (int)((text->length + 10) % 64), "\n");
}

/* numpy has neither bfloat16, float8 and float4 nor integers of less than 8 bits. */
static enum dtype written_dtype(enum dtype dtype)
{
    if (dtype == DTYPE_BFLOAT16 || dtype_is_small_float(dtype))
        return DTYPE_FLOAT;
    return dtype_is_integer(dtype) && dtype_bits(dtype) < 8 ? DTYPE_INT8 : dtype;
}

int npy_write(struct memory *memory, const char *path, const struct tensor *tensor, struct error *error)
{
    enum dtype dtype = written_dtype(tensor->dtype);
    size_t count = (size_t)shape_count(&tensor->shape), bytes;
    if (dtype_file_bytes(dtype, count, &bytes))
        return error_set(error, ERROR_LIMIT, "%s: the array is too large", path);
    struct text header;
    text_start(&header, memory);
    print_header(&header, dtype, &tensor->shape);
    void *packed = memory_allocate_uninitialised(memory, bytes, 1, error);
    struct file_writer *writer = NULL;
    int result = packed ? text_finish(&header, error) : -1;
    if (result == 0 && (writer = file_writer_open(memory, path, error)) != NULL) {
        unsigned char magic[10] = {
            0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)header.length, (unsigned char)(header.length >> 8)};
        dtype_narrow(dtype, tensor->data, packed, count);
        file_writer_write(writer, magic, sizeof magic);
        file_writer_write(writer, header.data, header.length);
        file_writer_write(writer, packed, bytes);
    }
    result = writer ? file_writer_commit(writer, error) : -1;
    memory_release(memory, packed);
    text_release(&header);
    return result;
}
