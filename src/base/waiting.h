/* A word that threads wait on: bounded spin, then sleep. On a futex (waiting_futex.c), or, where there is none, on a
 * condition variable (waiting_condition.c): the build takes one of them. */
#ifndef FOVEA_BASE_WAITING_H
#define FOVEA_BASE_WAITING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* `sleepers` are asleep or about to be: nobody is woken who spins. */
struct waiting {
    _Atomic uint32_t word, sleepers;
#ifdef FOVEA_PORTABLE
    pthread_mutex_t mutex;
    pthread_cond_t change;
#endif
};

/* Of a struct of zeros; false: the system has no room for it, and there is nothing to end. */
bool waiting_begin(struct waiting *waiting);
/* Nobody waits any more. */
void waiting_end(struct waiting *waiting);
/* Sleeps until the word differs from `value`; who calls counts in `sleepers`. */
void waiting_sleep(struct waiting *waiting, uint32_t value);
/* Wakes all who sleep, after the word was changed. */
void waiting_wake(struct waiting *waiting);

#endif
