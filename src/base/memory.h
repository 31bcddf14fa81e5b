/* The one door to the heap: every allocation is checked, zeroed, aligned to 64 bytes, counted and capped. */
#ifndef FOVEA_BASE_MEMORY_H
#define FOVEA_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MEMORY_ALIGNMENT 64

/* Where the next part of a block begins that is to be aligned as well. */
static inline size_t memory_aligned(size_t bytes)
{
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

static inline int64_t memory_aligned_floats(int64_t floats)
{
    const int64_t step = MEMORY_ALIGNMENT / sizeof(float);
    return (floats + step - 1) / step * step;
}

/* Thread-safe accounting allocator. */
struct memory;

/* `cap` is the largest number of bytes in use at once, 0 for none. NULL when the system has no memory. */
struct memory *memory_create(size_t cap);
/* Ends the allocator; returns the number of blocks still in use (tests assert 0). */
size_t memory_destroy(struct memory *memory);

/* `count * size` zeroed bytes; on overflow, over the cap or without memory: NULL and ERROR_MEMORY. A zero size
 * gives a valid block. */
void *memory_allocate(struct memory *memory, size_t count, size_t size, struct error *error);
/* As memory_allocate without zeroing, for large buffers that are overwritten at once. */
void *memory_allocate_uninitialised(struct memory *memory, size_t count, size_t size, struct error *error);
/* Grows or shrinks `block` (NULL: allocates), new bytes zeroed. On failure NULL, and `block` stays valid. */
void *memory_resize(struct memory *memory, void *block, size_t count, size_t size, struct error *error);
/* NULL is allowed. */
void memory_release(struct memory *memory, void *block);

/* From here on up to `bytes` of released large blocks stay mapped for the next ones of about their size, where the same
 * sizes come again and again: new pages take longer to touch first than most blocks to use. They do not count as in
 * use, and go where the cap or the system needs them. 0, as at first: none. */
void memory_keep(struct memory *memory, size_t bytes);

size_t memory_in_use(const struct memory *memory);
size_t memory_peak(const struct memory *memory);
/* How often the system had no memory to give; the cap does not count. What goes on after such a failure may have lost a
 * part without knowing: no file is written then (base/file.c), and what was made is not to pass for whole. */
size_t memory_failures(const struct memory *memory);
/* Another library's allocation failed. */
void memory_note_failure(struct memory *memory);
/* Whether what is made from here on is whole: no file is written while it is not (base/file.c), as after a call was
 * cancelled whose parts went on. */
void memory_set_unwhole(struct memory *memory, int unwhole);
int memory_unwhole(const struct memory *memory);
/* Tests: the n-th allocation from now (1 = next) and all later ones fail; 0 turns it off. */
void memory_fail_after(struct memory *memory, size_t n);

/* Bump allocator for the many small objects of one graph, freed together. Not thread-safe. */
struct arena;

struct arena *arena_create(struct memory *memory, struct error *error);
void arena_destroy(struct arena *arena);
/* Zeroed; aligned to 16 bytes; NULL and error as memory_allocate. */
void *arena_allocate(struct arena *arena, size_t count, size_t size, struct error *error);
/* Copies `length` bytes and ends them with a NUL. */
char *arena_copy_string(struct arena *arena, const char *text, size_t length, struct error *error);
/* As printf, into the arena. */
char *arena_print(struct arena *arena, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
char *arena_print_list(struct arena *arena, struct error *error, const char *format, va_list arguments);
struct memory *arena_memory(struct arena *arena);

/* Doubles an arena-held array when `count` elements fill `*capacity`. Returns the (possibly moved) array, NULL on
 * error. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size, struct error *error);

/* Products and sums that refuse to wrap: 0, or -1 on overflow. */
int checked_multiply(size_t a, size_t b, size_t *product);
int checked_add(size_t a, size_t b, size_t *sum);

#endif
