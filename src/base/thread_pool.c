#include "base/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* Turns of the spin loop before a thread sleeps: some tens of microseconds. */
#define SPIN_TURNS 2000

struct worker {
    struct thread_pool *pool;
    pthread_t thread;
    int index;
};

struct thread_pool {
    struct memory *memory;
    int size;
    _Atomic uint32_t generation; /* grows with every piece of work; workers wait for a change */
    _Atomic uint32_t busy;       /* workers that have not finished the piece */
    atomic_bool stop;
    atomic_flag in_use; /* held by the caller whose work runs */
    thread_task *task;
    void *argument;
    size_t count;
    atomic_size_t next;
    int started;
    struct worker *workers;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Returns when *word differs from `value`: spins for a while, then sleeps. */
static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
    for (int turn = 0; turn < SPIN_TURNS; turn++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value)
            return;
        relax();
    }
    while (atomic_load_explicit(word, memory_order_acquire) == value)
        futex_wait(word, value);
}

static void take_items(struct thread_pool *pool, int thread)
{
    size_t index;
    while ((index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->count)
        pool->task(pool->argument, index, thread);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct thread_pool *pool = worker->pool;
    uint32_t seen = 0;
    for (;;) {
        wait_while(&pool->generation, seen);
        seen = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (atomic_load(&pool->stop))
            return NULL;
        take_items(pool, worker->index);
        if (atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_acq_rel) == 1)
            futex_wake(&pool->busy);
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
    pool->memory = memory;
    pool->size = threads;
    atomic_flag_clear(&pool->in_use);
    pool->workers = memory_allocate(memory, (size_t)threads, sizeof *pool->workers, error);
    if (!pool->workers) {
        memory_release(memory, pool);
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
    atomic_fetch_add(&pool->generation, 1);
    futex_wake(&pool->generation);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
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
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, (uint32_t)pool->started, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    futex_wake(&pool->generation);
    take_items(pool, 0);
    uint32_t busy;
    while ((busy = atomic_load_explicit(&pool->busy, memory_order_acquire)) != 0)
        wait_while(&pool->busy, busy);
    atomic_flag_clear(&pool->in_use);
}

void thread_slice(size_t total, size_t parts, size_t part, size_t *begin, size_t *end)
{
    size_t each = total / parts, rest = total % parts;
    *begin = part * each + (part < rest ? part : rest);
    *end = *begin + each + (part < rest);
}
