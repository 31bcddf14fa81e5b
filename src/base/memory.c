#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Large blocks come from the system already zeroed. */
#define MAP_THRESHOLD ((size_t)1 << 20)
/* From here on huge pages save most of the time that the first touch of every page takes. */
#define HUGE_THRESHOLD ((size_t)4 << 20)

struct memory {
    size_t cap;
    atomic_size_t in_use, peak, blocks, failures;
    atomic_int unwhole;
    atomic_size_t fail_countdown; /* 0: off; 1: every allocation fails */
};

/* Stands in the 64 bytes before every block. */
struct block_header {
    size_t size;  /* as asked for */
    size_t total; /* with header, as counted */
    int mapped;
};

_Static_assert(sizeof(struct block_header) <= MEMORY_ALIGNMENT, "the header must fit in front of an aligned block");

int checked_multiply(size_t a, size_t b, size_t *product)
{
    return __builtin_mul_overflow(a, b, product) ? -1 : 0;
}

int checked_add(size_t a, size_t b, size_t *sum)
{
    return __builtin_add_overflow(a, b, sum) ? -1 : 0;
}

struct memory *memory_create(size_t cap)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory)
        memory->cap = cap;
    return memory;
}

size_t memory_destroy(struct memory *memory)
{
    size_t blocks = memory ? atomic_load(&memory->blocks) : 0;
    free(memory);
    return blocks;
}

void memory_note_failure(struct memory *memory)
{
    atomic_fetch_add(&memory->failures, 1);
}

size_t memory_failures(const struct memory *memory)
{
    return atomic_load(&memory->failures);
}

void memory_set_unwhole(struct memory *memory, int unwhole)
{
    atomic_store(&memory->unwhole, unwhole);
}

int memory_unwhole(const struct memory *memory)
{
    return atomic_load(&memory->unwhole);
}

/* Counts `total` bytes as used, or refuses. */
static int reserve(struct memory *memory, size_t total, struct error *error)
{
    size_t used = atomic_fetch_add(&memory->in_use, total) + total;
    if (memory->cap && used > memory->cap) {
        atomic_fetch_sub(&memory->in_use, total);
        return error_set(error, ERROR_MEMORY,
                         "out of memory: %zu MiB more would pass the limit of %zu MiB (`max_memory`)",
                         (total >> 20) + 1, memory->cap >> 20);
    }
    size_t peak = atomic_load(&memory->peak);
    while (used > peak && !atomic_compare_exchange_weak(&memory->peak, &peak, used))
        continue;
    return 0;
}

/* The test switch of memory_fail_after. */
static int fails_now(struct memory *memory)
{
    size_t countdown = atomic_load(&memory->fail_countdown);
    while (countdown > 1 && !atomic_compare_exchange_weak(&memory->fail_countdown, &countdown, countdown - 1))
        continue;
    return countdown == 1;
}

static struct block_header *obtain(size_t total, int mapped, int zeroed)
{
    if (mapped) {
        void *block = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return NULL;
        if (total >= HUGE_THRESHOLD)
            madvise(block, total, MADV_HUGEPAGE); /* where the system has none, small pages do */
        return block;
    }
    void *block = aligned_alloc(MEMORY_ALIGNMENT, total);
    if (block && zeroed)
        memset(block, 0, total);
    return block;
}

static void *allocate(struct memory *memory, size_t count, size_t size, int zeroed, struct error *error)
{
    size_t bytes, total;
    if (checked_multiply(count, size, &bytes) || checked_add(bytes, 2 * MEMORY_ALIGNMENT - 1, &total)) {
        error_set(error, ERROR_MEMORY, "out of memory: %zu times %zu bytes", count, size);
        return NULL;
    }
    total -= total % MEMORY_ALIGNMENT;
    if (fails_now(memory)) {
        memory_note_failure(memory);
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (reserve(memory, total, error))
        return NULL;
    int mapped = total >= MAP_THRESHOLD;
    struct block_header *header = obtain(total, mapped, zeroed);
    if (!header) {
        atomic_fetch_sub(&memory->in_use, total);
        memory_note_failure(memory);
        error_set(error, ERROR_MEMORY, "out of memory: the system has no %zu MiB", (total >> 20) + 1);
        return NULL;
    }
    *header = (struct block_header){.size = bytes, .total = total, .mapped = mapped};
    atomic_fetch_add(&memory->blocks, 1);
    return (char *)header + MEMORY_ALIGNMENT;
}

void *memory_allocate(struct memory *memory, size_t count, size_t size, struct error *error)
{
    return allocate(memory, count, size, 1, error);
}

void *memory_allocate_uninitialised(struct memory *memory, size_t count, size_t size, struct error *error)
{
    return allocate(memory, count, size, 0, error);
}

static struct block_header *header_of(void *block)
{
    return (struct block_header *)(void *)((char *)block - MEMORY_ALIGNMENT);
}

void *memory_resize(struct memory *memory, void *block, size_t count, size_t size, struct error *error)
{
    void *grown = memory_allocate(memory, count, size, error);
    if (!grown || !block)
        return grown;
    size_t old_size = header_of(block)->size, new_size = header_of(grown)->size;
    memcpy(grown, block, old_size < new_size ? old_size : new_size);
    memory_release(memory, block);
    return grown;
}

void memory_release(struct memory *memory, void *block)
{
    if (!block)
        return;
    struct block_header *header = header_of(block);
    atomic_fetch_sub(&memory->in_use, header->total);
    atomic_fetch_sub(&memory->blocks, 1);
    if (header->mapped)
        munmap(header, header->total);
    else
        free(header);
}

size_t memory_in_use(const struct memory *memory)
{
    return atomic_load(&memory->in_use);
}

size_t memory_peak(const struct memory *memory)
{
    return atomic_load(&memory->peak);
}

void memory_fail_after(struct memory *memory, size_t n)
{
    atomic_store(&memory->fail_countdown, n);
    atomic_store(&memory->failures, 0);
}
