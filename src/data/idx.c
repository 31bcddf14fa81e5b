#include "data/idx.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <zlib.h>

#include "base/file.h"

/* One byte of deflate stands for at most 1032 bytes. */
#define MAX_PACKING 1032
#define TYPE_UNSIGNED_BYTE 8

/* The bytes of a file, unpacked as they are taken. */
struct source {
    struct memory *memory;
    struct error *error;
    uint8_t *bytes;
    size_t left; /* of `bytes`, where they are plain */
    bool packed, ended;
    z_stream stream;
};

static void *take_memory(void *opaque, unsigned count, unsigned size)
{
    struct source *source = opaque;
    return memory_allocate(source->memory, count, size, source->error);
}

static void give_memory(void *opaque, void *block)
{
    struct source *source = opaque;
    memory_release(source->memory, block);
}

static int start(struct source *source, size_t length)
{
    source->left = length;
    source->packed = length >= 2 && source->bytes[0] == 0x1f && source->bytes[1] == 0x8b;
    if (!source->packed)
        return 0;
    source->stream.zalloc = take_memory;
    source->stream.zfree = give_memory;
    source->stream.opaque = source;
    source->stream.next_in = source->bytes;
    source->stream.avail_in = (unsigned)length;
    if (inflateInit2(&source->stream, 16 + MAX_WBITS) != Z_OK) /* 16: a gzip header */
        return error_set(source->error, ERROR_MEMORY, "it cannot be unpacked: there is no memory");
    return 0;
}

/* Up to `count` bytes; how many there were, or -1 where the packing is damaged. */
static int64_t take(struct source *source, uint8_t *out, size_t count)
{
    if (!source->packed) {
        size_t taken = count < source->left ? count : source->left;
        memcpy(out, source->bytes, taken);
        source->bytes += taken;
        source->left -= taken;
        return (int64_t)taken;
    }
    source->stream.next_out = out;
    source->stream.avail_out = (unsigned)count;
    while (source->stream.avail_out > 0 && !source->ended) {
        int result = inflate(&source->stream, Z_NO_FLUSH);
        source->ended = result == Z_STREAM_END || result == Z_BUF_ERROR;
        if (result != Z_OK && !source->ended)
            return error_set(source->error, ERROR_INPUT, "its packing is damaged: %s",
                             source->stream.msg ? source->stream.msg : "not gzip");
    }
    return (int64_t)(count - source->stream.avail_out);
}

static int read_header(struct source *source, int rank, struct idx *idx, size_t *bytes)
{
    uint8_t header[4 + 4 * IDX_MAX_RANK];
    size_t length = 4 + 4 * (size_t)rank;
    int64_t taken = take(source, header, length);
    if (taken < 0)
        return -1;
    if (taken < 4 || header[0] != 0 || header[1] != 0)
        return error_set(source->error, ERROR_INPUT, "is not an IDX file");
    if (header[2] != TYPE_UNSIGNED_BYTE)
        return error_set(source->error, ERROR_UNSUPPORTED, "its elements are not unsigned bytes (type 0x%02x)",
                         header[2]);
    if (header[3] != rank)
        return error_set(source->error, ERROR_INPUT, "it has %d dimensions, not %d", header[3], rank);
    if ((size_t)taken < length)
        return error_set(source->error, ERROR_INPUT, "its header ends early");
    *bytes = 1;
    idx->rank = rank;
    for (int i = 0; i < rank; i++) {
        const uint8_t *at = header + 4 + 4 * i;
        idx->dims[i] = (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | (int64_t)at[3];
        if (idx->dims[i] == 0)
            return error_set(source->error, ERROR_INPUT, "there is nothing in it");
        if (checked_multiply(*bytes, (size_t)idx->dims[i], bytes) || *bytes > IDX_MAX_BYTES)
            return error_set(source->error, ERROR_LIMIT, "it holds too many bytes (limit %zu)", IDX_MAX_BYTES);
    }
    return 0;
}

static int read_all(struct source *source, size_t file_bytes, int rank, struct idx *idx)
{
    size_t bytes;
    uint8_t beyond;
    if (read_header(source, rank, idx, &bytes))
        return -1;
    if (bytes / (source->packed ? MAX_PACKING : 1) > file_bytes)
        return error_set(source->error, ERROR_INPUT, "it is shorter than its header says (%zu bytes)", bytes);
    idx->bytes = memory_allocate_uninitialised(source->memory, bytes, 1, source->error);
    if (!idx->bytes)
        return -1;
    int64_t taken = take(source, idx->bytes, bytes);
    if (taken < 0)
        return -1;
    if ((size_t)taken < bytes)
        return error_set(source->error, ERROR_INPUT, "it ends early: %" PRId64 " of %zu bytes", taken, bytes);
    taken = take(source, &beyond, 1);
    if (taken != 0)
        return error_set(source->error, ERROR_INPUT, "it is longer than its header says (%zu bytes)", bytes);
    return 0;
}

int idx_read(struct memory *memory, const char *path, int rank, struct idx *idx, struct error *error)
{
    size_t length;
    struct source source = {.memory = memory, .error = error};
    *idx = (struct idx){0};
    uint8_t *bytes = file_read(memory, path, IDX_MAX_BYTES, &length, error);
    if (!bytes)
        return -1;
    source.bytes = bytes;
    int result = start(&source, length);
    if (result == 0) {
        result = read_all(&source, length, rank, idx);
        if (source.packed)
            inflateEnd(&source.stream);
    }
    memory_release(memory, bytes);
    if (result == 0)
        return 0;
    idx_release(memory, idx);
    return error_prefix(error, "%s", path);
}

void idx_release(struct memory *memory, struct idx *idx)
{
    memory_release(memory, idx->bytes);
    *idx = (struct idx){0};
}
