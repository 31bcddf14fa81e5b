#include "base/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"

/* What a file begins with; the head, the blocks and the digits of the hash follow. Numbers are in the machine's order,
 * which `order` tells. */
struct prefix {
    char magic[16];
    uint32_t format, order;
    uint64_t head, body; /* bytes */
};
static const char magic[16] = {'f', 'o', 'v', 'e', 'a', ' ', 'c', 'h', 'e', 'c', 'k', 'p', 'o', 'i', 'n', 't'};

#define ORDER 0x01020304u
#define DIGITS 64
#define MOST_OF_HEAD ((uint64_t)256 << 20)

/* ---- writing ---- */

static int note_block(void *user, void *bytes, size_t length, struct error *error)
{
    struct checkpoint_draft *draft = user;
    if (draft->count == draft->capacity) {
        size_t capacity = draft->capacity ? 2 * draft->capacity : 64;
        struct checkpoint_block *list = memory_resize(draft->memory, draft->list, capacity, sizeof *draft->list, error);
        if (!list)
            return -1;
        draft->list = list;
        draft->capacity = capacity;
    }
    draft->list[draft->count++] = (struct checkpoint_block){bytes, length};
    draft->bytes += length;
    return 0;
}

struct checkpoint_walk checkpoint_draft_start(struct checkpoint_draft *draft, struct memory *memory)
{
    *draft = (struct checkpoint_draft){.memory = memory};
    return (struct checkpoint_walk){note_block, draft};
}

void checkpoint_draft_release(struct checkpoint_draft *draft)
{
    memory_release(draft->memory, draft->list);
    *draft = (struct checkpoint_draft){.memory = draft->memory};
}

static void put(struct file_writer *writer, struct sha256 *hash, const void *bytes, size_t length)
{
    sha256_add(hash, bytes, length);
    file_writer_write(writer, bytes, length);
}

static int write_parts(const struct checkpoint_draft *draft, const char *path, const char *head, struct error *error)
{
    struct prefix prefix = {.format = CHECKPOINT_FORMAT, .order = ORDER, .head = strlen(head), .body = draft->bytes};
    char digest[DIGITS + 1];
    struct sha256 hash;
    struct file_writer *writer = file_writer_open(draft->memory, path, error);
    if (!writer)
        return -1;
    memcpy(prefix.magic, magic, sizeof magic);
    sha256_start(&hash);
    put(writer, &hash, &prefix, sizeof prefix);
    put(writer, &hash, head, strlen(head));
    for (size_t i = 0; i < draft->count; i++)
        put(writer, &hash, draft->list[i].bytes, draft->list[i].length);
    sha256_finish(&hash, digest);
    file_writer_write(writer, digest, DIGITS);
    return file_writer_commit(writer, error);
}

int checkpoint_write(struct checkpoint_draft *draft, const char *path, json_t *head, struct error *error)
{
    char *text = document_text(head, JSON_COMPACT | DOCUMENT_EXACT);
    int result = -1;
    if (text) {
        result = write_parts(draft, path, text, error);
    } else {
        memory_note_failure(draft->memory);
        error_set(error, ERROR_MEMORY, "%s: not written: out of memory", path);
    }
    free(text);
    checkpoint_draft_release(draft);
    return result;
}

/* ---- reading ---- */

struct checkpoint {
    struct memory *memory;
    char *path; /* for messages */
    int file;
    uint64_t at, end; /* of the blocks that were not read yet */
    json_t *head;
};

/* Exactly so many bytes. */
static int read_at(const struct checkpoint *checkpoint, uint64_t at, void *bytes, size_t length, struct error *error)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(checkpoint->file, (char *)bytes + done, length - done, (off_t)(at + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return error_set(error, ERROR_IO, "%s: cannot be read: %s", checkpoint->path,
                             got == 0 ? "it became shorter" : strerror(errno));
    }
    return 0;
}

static int check_prefix(const struct checkpoint *checkpoint, const struct prefix *prefix, uint64_t size,
                        struct error *error)
{
    if (memcmp(prefix->magic, magic, sizeof magic) != 0)
        return error_set(error, ERROR_INPUT, "%s: is no checkpoint of fovea", checkpoint->path);
    if (prefix->order != ORDER)
        return error_set(error, ERROR_INPUT, "%s: is a checkpoint of a machine of another byte order, or damaged",
                         checkpoint->path);
    if (prefix->format != CHECKPOINT_FORMAT)
        return error_set(error, ERROR_INPUT, "%s: is a checkpoint of format %u, this version of fovea reads format %d",
                         checkpoint->path, prefix->format, CHECKPOINT_FORMAT);
    uint64_t rest = size - sizeof *prefix - DIGITS;
    if (prefix->head > MOST_OF_HEAD || prefix->head > rest || prefix->body != rest - prefix->head)
        return error_set(error, ERROR_INPUT, "%s: is damaged or cut short: its length is not what it says",
                         checkpoint->path);
    return 0;
}

static int check_hash(const struct checkpoint *checkpoint, uint64_t length, struct error *error)
{
    enum { WINDOW = 1 << 16 };
    char told[DIGITS], found[DIGITS + 1];
    struct sha256 hash;
    unsigned char *window = memory_allocate_uninitialised(checkpoint->memory, WINDOW, 1, error);
    int result = window ? 0 : -1;
    sha256_start(&hash);
    for (uint64_t at = 0; result == 0 && at < length; at += WINDOW) {
        size_t part = length - at < WINDOW ? (size_t)(length - at) : WINDOW;
        result = read_at(checkpoint, at, window, part, error);
        if (result == 0)
            sha256_add(&hash, window, part);
    }
    memory_release(checkpoint->memory, window);
    sha256_finish(&hash, found);
    if (result || read_at(checkpoint, length, told, DIGITS, error))
        return -1;
    return memcmp(told, found, DIGITS) == 0
               ? 0
               : error_set(error, ERROR_INPUT, "%s: is damaged: its SHA-256 is not what it says", checkpoint->path);
}

static int read_head(struct checkpoint *checkpoint, uint64_t length, struct error *error)
{
    char *text = memory_allocate_uninitialised(checkpoint->memory, (size_t)length + 1, 1, error);
    int result = text ? read_at(checkpoint, sizeof(struct prefix), text, (size_t)length, error) : -1;
    checkpoint->head = result == 0 ? document_read(checkpoint->memory, text, (size_t)length, 0, error) : NULL;
    memory_release(checkpoint->memory, text);
    if (result == 0 && !checkpoint->head)
        error_prefix(error, "%s", checkpoint->path);
    return checkpoint->head ? 0 : -1;
}

static int open_file(struct checkpoint *checkpoint, const char *path, struct error *error)
{
    struct prefix prefix;
    size_t size;
    checkpoint->path = memory_allocate(checkpoint->memory, strlen(path) + 1, 1, error);
    if (!checkpoint->path)
        return -1;
    strcpy(checkpoint->path, path);
    checkpoint->file = file_open(path, &size, error);
    if (checkpoint->file < 0)
        return -1;
    if (size < sizeof prefix + DIGITS)
        return error_set(error, ERROR_INPUT, "%s: is no checkpoint of fovea, or cut short: it has %zu bytes", path,
                         size);
    if (read_at(checkpoint, 0, &prefix, sizeof prefix, error) || check_prefix(checkpoint, &prefix, size, error) ||
        check_hash(checkpoint, size - DIGITS, error) || read_head(checkpoint, prefix.head, error))
        return -1;
    checkpoint->at = sizeof prefix + prefix.head;
    checkpoint->end = size - DIGITS;
    return 0;
}

struct checkpoint *checkpoint_open(struct memory *memory, const char *path, struct error *error)
{
    struct checkpoint *checkpoint = memory_allocate(memory, 1, sizeof *checkpoint, error);
    if (!checkpoint)
        return NULL;
    *checkpoint = (struct checkpoint){.memory = memory, .file = -1};
    if (open_file(checkpoint, path, error) == 0)
        return checkpoint;
    checkpoint_close(checkpoint);
    return NULL;
}

const json_t *checkpoint_head(const struct checkpoint *checkpoint)
{
    return checkpoint->head;
}

static int fill_block(void *user, void *bytes, size_t length, struct error *error)
{
    struct checkpoint *checkpoint = user;
    if (length > checkpoint->end - checkpoint->at)
        return error_set(error, ERROR_INPUT, "%s: holds less than this run would have written", checkpoint->path);
    if (read_at(checkpoint, checkpoint->at, bytes, length, error))
        return -1;
    checkpoint->at += length;
    return 0;
}

struct checkpoint_walk checkpoint_walk(struct checkpoint *checkpoint)
{
    return (struct checkpoint_walk){fill_block, checkpoint};
}

size_t checkpoint_left(const struct checkpoint *checkpoint)
{
    return (size_t)(checkpoint->end - checkpoint->at);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    if (checkpoint->file >= 0)
        close(checkpoint->file);
    json_decref(checkpoint->head);
    memory_release(checkpoint->memory, checkpoint->path);
    memory_release(checkpoint->memory, checkpoint);
}
