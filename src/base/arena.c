#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_ALIGNMENT ((size_t)16)

struct chunk {
    struct chunk *next;
    size_t used, size; /* of `bytes` */
    _Alignas(16) char bytes[];
};

struct arena {
    struct memory *memory;
    struct chunk *chunks; /* the first one is being filled */
};

struct arena *arena_create(struct memory *memory, struct error *error)
{
    struct arena *arena = memory_allocate(memory, 1, sizeof *arena, error);
    if (arena)
        arena->memory = memory;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        memory_release(arena->memory, chunk);
    }
    memory_release(arena->memory, arena);
}

void *arena_allocate(struct arena *arena, size_t count, size_t size, struct error *error)
{
    size_t bytes;
    if (checked_multiply(count, size, &bytes) || bytes > SIZE_MAX - ARENA_CHUNK) {
        error_set(error, ERROR_MEMORY, "out of memory: %zu times %zu bytes", count, size);
        return NULL;
    }
    bytes = (bytes + ARENA_ALIGNMENT - 1) & ~(ARENA_ALIGNMENT - 1);
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < bytes) {
        size_t room = bytes > ARENA_CHUNK / 4 ? bytes : ARENA_CHUNK;
        struct chunk *fresh = memory_allocate(arena->memory, 1, sizeof *fresh + room, error);
        if (!fresh)
            return NULL;
        fresh->size = room;
        if (chunk && room == bytes) { /* a large object: keep filling the old chunk */
            fresh->next = chunk->next;
            chunk->next = fresh;
        } else {
            fresh->next = chunk;
            arena->chunks = fresh;
        }
        chunk = fresh;
    }
    void *result = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return result;
}

char *arena_copy_string(struct arena *arena, const char *text, size_t length, struct error *error)
{
    char *copy = arena_allocate(arena, length + 1, 1, error);
    if (copy && length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *arena_print_list(struct arena *arena, struct error *error, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = text_format_list(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : arena_allocate(arena, (size_t)length + 1, 1, error);
    if (text)
        text_format_list(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_print(struct arena *arena, struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_print_list(arena, error, format, arguments);
    va_end(arguments);
    return text;
}

struct memory *arena_memory(struct arena *arena)
{
    return arena->memory;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size, struct error *error)
{
    if (count < *capacity)
        return array;
    size_t grown = *capacity ? *capacity * 2 : 4;
    void *copy = arena_allocate(arena, grown, size, error);
    if (!copy)
        return NULL;
    if (count > 0)
        memcpy(copy, array, count * size);
    *capacity = grown;
    return copy;
}
