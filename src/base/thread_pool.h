/* One pool of worker threads for all parallel work: bounded spin, then sleep. */
#ifndef FOVEA_BASE_THREAD_POOL_H
#define FOVEA_BASE_THREAD_POOL_H

#include <stddef.h>

#include "base/memory.h"

struct thread_pool;

/* `threads` includes the caller; 1 makes no workers. */
struct thread_pool *thread_pool_create(struct memory *memory, int threads, struct error *error);
void thread_pool_destroy(struct thread_pool *pool);
int thread_pool_size(const struct thread_pool *pool);

/* Work on item `index` in [0, count); `thread` in [0, size) names the executing thread (0 = the caller), for
 * per-thread scratch. */
typedef void thread_task(void *argument, size_t index, int thread);

/* Runs `task` for every index and returns when all are done. Each thread begins with a slice of the items of
 * its own, in order, and takes what is left of others' then. Calls from inside a task run serially on the calling
 * thread. A NULL pool runs serially. */
void thread_pool_run(struct thread_pool *pool, thread_task *task, void *argument, size_t count);

/* The `part`-th of `parts` nearly equal slices of [0, total), as [*begin, *end). */
void thread_slice(size_t total, size_t parts, size_t part, size_t *begin, size_t *end);

#endif
