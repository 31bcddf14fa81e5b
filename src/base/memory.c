#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
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
    pthread_mutex_t lock;         /* of what follows */
    size_t keep, kept_bytes;
    struct block_header *kept; /* released, the last one first */
};

/* Stands in the 64 bytes before every block. */
struct block_header {
    size_t size;   /* as asked for */
    size_t total;  /* with header, as counted */
    size_t mapped; /* bytes of the mapping; 0: from the heap */
    struct block_header *next;
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
    if (memory) {
        memory->cap = cap;
        pthread_mutex_init(&memory->lock, NULL);
    }
    return memory;
}

/* Unmaps what is kept until no more than `limit` bytes are. The caller holds the lock. */
static void drop_kept(struct memory *memory, size_t limit)
{
    while (memory->kept && memory->kept_bytes > limit) {
        struct block_header *block = memory->kept;
        memory->kept = block->next;
        memory->kept_bytes -= block->mapped;
        munmap(block, block->mapped);
    }
}

/* Where the system has no more. */
static void release_kept(struct memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    drop_kept(memory, 0);
    pthread_mutex_unlock(&memory->lock);
}

void memory_keep(struct memory *memory, size_t bytes)
{
    pthread_mutex_lock(&memory->lock);
    memory->keep = bytes;
    drop_kept(memory, bytes);
    pthread_mutex_unlock(&memory->lock);
}

/* The smallest kept block that holds `total` bytes and is not much larger, or NULL. Without room below the cap for what
 * is kept beside what is used, nothing is kept any more. */
static struct block_header *take_kept(struct memory *memory, size_t total)
{
    struct block_header **best = NULL, *taken = NULL;
    pthread_mutex_lock(&memory->lock);
    for (struct block_header **at = &memory->kept; *at; at = &(*at)->next) {
        bool fits = (*at)->mapped >= total && (*at)->mapped - total <= total / 4;
        if (fits && (!best || (*at)->mapped < (*best)->mapped))
            best = at;
    }
    if (best) {
        taken = *best;
        *best = taken->next;
        memory->kept_bytes -= taken->mapped;
    }
    size_t used = atomic_load(&memory->in_use);
    if (memory->cap && used + memory->kept_bytes > memory->cap)
        drop_kept(memory, memory->cap > used ? memory->cap - used : 0);
    pthread_mutex_unlock(&memory->lock);
    return taken;
}

static bool keep_block(struct memory *memory, struct block_header *block)
{
    pthread_mutex_lock(&memory->lock);
    bool kept = block->mapped <= memory->keep && memory->kept_bytes <= memory->keep - block->mapped;
    if (kept) {
        block->next = memory->kept;
        memory->kept = block;
        memory->kept_bytes += block->mapped;
    }
    pthread_mutex_unlock(&memory->lock);
    return kept;
}

size_t memory_destroy(struct memory *memory)
{
    if (!memory)
        return 0;
    size_t blocks = atomic_load(&memory->blocks);
    memory_keep(memory, 0);
    pthread_mutex_destroy(&memory->lock);
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

static void *map(size_t total)
{
    void *block = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
#if defined(MADV_HUGEPAGE) && !defined(FOVEA_PORTABLE)
    if (total >= HUGE_THRESHOLD)
        madvise(block, total, MADV_HUGEPAGE); /* where the system has none, small pages do */
#endif
    return block;
}

static struct block_header *obtain_mapped(struct memory *memory, size_t total, int zeroed)
{
    struct block_header *block = take_kept(memory, total);
    if (block) {
        if (zeroed)
            memset((char *)block + MEMORY_ALIGNMENT, 0, total - MEMORY_ALIGNMENT);
        return block;
    }
    block = map(total);
    if (!block) {
        release_kept(memory);
        block = map(total);
    }
    if (block)
        block->mapped = total;
    return block;
}

static struct block_header *obtain(struct memory *memory, size_t total, int zeroed)
{
    if (total >= MAP_THRESHOLD)
        return obtain_mapped(memory, total, zeroed);
    struct block_header *block = aligned_alloc(MEMORY_ALIGNMENT, total);
    if (!block) {
        release_kept(memory);
        block = aligned_alloc(MEMORY_ALIGNMENT, total);
    }
    if (block && zeroed)
        memset(block, 0, total);
    if (block)
        block->mapped = 0;
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
    struct block_header *header = obtain(memory, total, zeroed);
    if (!header) {
        atomic_fetch_sub(&memory->in_use, total);
        memory_note_failure(memory);
        error_set(error, ERROR_MEMORY, "out of memory: the system has no %zu MiB", (total >> 20) + 1);
        return NULL;
    }
    header->size = bytes;
    header->total = total;
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
    if (!header->mapped)
        free(header);
    else if (!keep_block(memory, header))
        munmap(header, header->mapped);
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
