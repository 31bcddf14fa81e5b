#include "base/thread_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/waiting.h"

/* Turns of the spin loop before a thread sleeps: some fifty microseconds, what a node costs that one thread does. */
#define SPIN_TURNS 3000

/* Work that threads may still join, in `inside`; below are those that have. */
#define OPEN ((uint32_t)1 << 31)

struct worker {
    struct thread_pool *pool;
    pthread_t thread;
    int index;
};

/* Items of a thread, on a cache line of its own: those from `next` on are not taken. */
struct share {
    _Alignas(64) atomic_size_t next;
    size_t end;
};

struct thread_pool {
    struct memory *memory;
    int size;
    struct waiting generation; /* grows with every piece of work; workers wait for a change */
    struct waiting inside;     /* workers that have joined the piece and not left it, and OPEN */
    atomic_bool stop;
    atomic_flag in_use; /* held by the caller whose work runs */
    thread_task *task;
    void *argument;
    struct share *shares;
    int started;
    struct worker *workers;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Returns when the word differs from `value`: spins for a while, then sleeps. Who sleeps says so before the last look
 * at the word, who changes it looks for sleepers after. */
static void wait_while(struct waiting *waiting, uint32_t value)
{
    for (int turn = 0; turn < SPIN_TURNS; turn++) {
        if (atomic_load_explicit(&waiting->word, memory_order_acquire) != value)
            return;
        relax();
    }
    atomic_fetch_add(&waiting->sleepers, 1);
    waiting_sleep(waiting, value);
    atomic_fetch_sub(&waiting->sleepers, 1);
}

static void wake(struct waiting *waiting)
{
    if (atomic_load(&waiting->sleepers) > 0)
        waiting_wake(waiting);
}

/* A thread's own share first, and then what others have not come to: the same parts of what nodes hand on stay in the
 * same processor's caches. */
static void take_items(struct thread_pool *pool, int thread)
{
    for (int i = 0; i < pool->size; i++) {
        struct share *share = &pool->shares[(thread + i) % pool->size];
        size_t index;
        while ((index = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end)
            pool->task(pool->argument, index, thread);
    }
}

/* A worker that comes when all is handed out does not join, and nobody waits for it: one that the system runs late,
 * or on the caller's own processor, holds nothing up. */
static bool join(struct thread_pool *pool)
{
    uint32_t inside = atomic_load_explicit(&pool->inside.word, memory_order_acquire);
    while (inside & OPEN) {
        if (atomic_compare_exchange_weak(&pool->inside.word, &inside, inside + 1))
            return true;
    }
    return false;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct thread_pool *pool = worker->pool;
    uint32_t seen = 0;
    for (;;) {
        wait_while(&pool->generation, seen);
        seen = atomic_load_explicit(&pool->generation.word, memory_order_acquire);
        if (atomic_load(&pool->stop))
            return NULL;
        if (!join(pool))
            continue;
        take_items(pool, worker->index);
        if (atomic_fetch_sub(&pool->inside.word, 1) == 1)
            wake(&pool->inside);
    }
}

struct thread_pool *thread_pool_create(struct memory *memory, int threads, struct error *error)
{
    if (threads < 1 || threads > 1024) {
        error_set(error, ERROR_INPUT, "%d threads asked for (1 to 1024)", threads);
        return NULL;
    }
    struct thread_pool *pool = memory_allocate(memory, 1, sizeof *pool, error);
    if (!pool)
        return NULL;
    bool counts = waiting_begin(&pool->generation);
    if (!counts || !waiting_begin(&pool->inside)) {
        if (counts)
            waiting_end(&pool->generation);
        memory_release(memory, pool);
        error_set(error, ERROR_IO, "the system has no locks for %d threads (`threads`)", threads);
        return NULL;
    }
    pool->memory = memory;
    pool->size = threads;
    atomic_flag_clear(&pool->in_use);
    pool->workers = memory_allocate(memory, (size_t)threads, sizeof *pool->workers, error);
    pool->shares = memory_allocate(memory, (size_t)threads, sizeof *pool->shares, error);
    if (!pool->workers || !pool->shares) {
        thread_pool_destroy(pool);
        return NULL;
    }
    for (; pool->started < threads - 1; pool->started++) {
        struct worker *worker = &pool->workers[pool->started];
        *worker = (struct worker){.pool = pool, .index = pool->started + 1};
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            error_set(error, ERROR_IO, "the system has no thread %d of %d (`threads`)", worker->index, threads);
            thread_pool_destroy(pool);
            return NULL;
        }
    }
    return pool;
}

void thread_pool_destroy(struct thread_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->generation.word, 1);
    wake(&pool->generation);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    waiting_end(&pool->inside);
    waiting_end(&pool->generation);
    memory_release(pool->memory, pool->shares);
    memory_release(pool->memory, pool->workers);
    memory_release(pool->memory, pool);
}

int thread_pool_size(const struct thread_pool *pool)
{
    return pool ? pool->size : 1;
}

void thread_pool_run(struct thread_pool *pool, thread_task *task, void *argument, size_t count)
{
    bool parallel = pool && pool->size > 1 && count > 1 && !atomic_flag_test_and_set(&pool->in_use);
    if (!parallel) {
        for (size_t index = 0; index < count; index++)
            task(argument, index, 0);
        return;
    }
    pool->task = task;
    pool->argument = argument;
    for (int i = 0; i < pool->size; i++) {
        size_t begin;
        thread_slice(count, (size_t)pool->size, (size_t)i, &begin, &pool->shares[i].end);
        atomic_store_explicit(&pool->shares[i].next, begin, memory_order_relaxed);
    }
    atomic_store(&pool->inside.word, OPEN);
    atomic_fetch_add(&pool->generation.word, 1);
    wake(&pool->generation);
    take_items(pool, 0);
    uint32_t inside = atomic_fetch_and(&pool->inside.word, ~OPEN) & ~OPEN;
    while (inside != 0) {
        wait_while(&pool->inside, inside);
        inside = atomic_load_explicit(&pool->inside.word, memory_order_acquire);
    }
    atomic_flag_clear(&pool->in_use);
}

void thread_slice(size_t total, size_t parts, size_t part, size_t *begin, size_t *end)
{
    size_t each = total / parts, rest = total % parts;
    *begin = part * each + (part < rest ? part : rest);
    *end = *begin + each + (part < rest);
}
