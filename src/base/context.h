/* What every part of fovea is handed instead of global state. */
#ifndef FOVEA_BASE_CONTEXT_H
#define FOVEA_BASE_CONTEXT_H

#include <stdint.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/thread_pool.h"

struct context {
    struct memory *memory;
    struct thread_pool *pool;
    enum cpu_level cpu;
    uint64_t seed;
    struct progress progress;
};

struct context_options {
    size_t max_memory;  /* bytes, 0: three quarters of the machine's memory */
    int threads;        /* 0: all cores this process may use */
    enum cpu_level cpu; /* levels above it are not used */
    uint64_t seed;
};

/* NULL and an error when there is no memory or no thread to be had. */
struct context *context_create(const struct context_options *options, struct error *error);
/* Returns the number of memory blocks still in use. */
size_t context_destroy(struct context *context);

#endif
