/* What every part of fovea is handed instead of global state. */
#ifndef FOVEA_BASE_CONTEXT_H
#define FOVEA_BASE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "base/work.h"

/* Takes a line about what was left out or assumed. */
typedef void context_report_note(void *user, const char *text);

/* Whom progress is told to, what was told last, and whether the call at hand goes on. */
struct host {
    fovea_progress *progress; /* NULL: nobody, and nothing is ever cancelled */
    void *user;
    char what[64], text[160];
    size_t done, total;
    double asked; /* when, in seconds */
    bool cancelled;
    int depth; /* public calls inside of each other, as from callbacks */
};

#define CONTEXT_MOST_NOTES 256 /* that are told apart */

struct context {
    struct memory *memory;
    struct thread_pool *pool;
    enum cpu_level cpu;
    bool direct;       /* no Winograd convolutions */
    bool half_weights; /* constant weights of products are kept in half precision */
    uint64_t seed;
    struct progress progress; /* leads to the host, once context_set_host was called */
    struct host host;
    struct work *work;                /* what evaluated nodes spend; NULL: as much as they need */
    int64_t rounds;                   /* of loops in the run at hand */
    int64_t sequence_bytes;           /* that sequences were copied by in it */
    context_report_note *report_note; /* NULL: silent */
    void *note_user;
    uint64_t notes[CONTEXT_MOST_NOTES]; /* hashes of those told */
    int note_count;
};

struct context_options {
    size_t max_memory;  /* bytes, 0: three quarters of the machine's memory */
    int threads;        /* 0: all cores this process may use */
    enum cpu_level cpu; /* levels above it are not used */
    bool direct;        /* no Winograd convolutions */
    bool half_weights;  /* constant weights of products in half precision */
    uint64_t seed;
};

/* NULL and an error when there is no memory or no thread to be had. */
struct context *context_create(const struct context_options *options, struct error *error);
/* Tells a note, each once. Not from several threads at a time. */
void context_note(struct context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Progress goes to `progress`, which may be NULL; where it returns another number than 0 the call is cancelled. */
void context_set_host(struct context *context, fovea_progress *progress, void *user);
/* A public call begins and ends; what it was cancelled by ends with it. */
void context_enter(struct context *context);
void context_leave(struct context *context);
/* To be asked often in long work, from the thread that the call came in: -1 and ERROR_CANCELLED once the host has
 * cancelled. Asks the host from time to time where nothing else is told. */
int context_poll(struct context *context, struct error *error);
/* Returns the number of memory blocks still in use. */
size_t context_destroy(struct context *context);

#endif
