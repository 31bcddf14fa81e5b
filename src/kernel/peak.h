/* What this machine can do at most: arithmetic in registers, copying in memory. */
#ifndef FOVEA_KERNEL_PEAK_H
#define FOVEA_KERNEL_PEAK_H

#include <stddef.h>

#include "base/thread_pool.h"
#include "kernel/kernels.h"

struct peak {
    double gflops; /* multiply-adds of the level's widest vectors, 2 operations each, all threads together */
    double copied; /* GB/s read and written by copying from memory to memory, all threads together */
};

/* Bytes of room for the copies: more than caches hold. */
#define PEAK_BYTES ((size_t)128 << 20)

/* The best of `runs` short samples of each; a run takes some 30 ms. `room`: PEAK_BYTES bytes; NULL: copies are not
 * measured. */
struct peak peak_measure(const struct kernels *kernels, struct thread_pool *pool, int runs, void *room);

#endif
