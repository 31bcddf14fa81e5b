#include "base/waiting.h"

bool waiting_begin(struct waiting *waiting)
{
    if (pthread_mutex_init(&waiting->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&waiting->change, NULL) == 0)
        return true;
    pthread_mutex_destroy(&waiting->mutex);
    return false;
}

void waiting_end(struct waiting *waiting)
{
    pthread_cond_destroy(&waiting->change);
    pthread_mutex_destroy(&waiting->mutex);
}

void waiting_sleep(struct waiting *waiting, uint32_t value)
{
    pthread_mutex_lock(&waiting->mutex);
    while (atomic_load(&waiting->word) == value)
        pthread_cond_wait(&waiting->change, &waiting->mutex);
    pthread_mutex_unlock(&waiting->mutex);
}

/* Under the mutex, so that it does not fall between a sleeper's look at the word and its sleep. */
void waiting_wake(struct waiting *waiting)
{
    pthread_mutex_lock(&waiting->mutex);
    pthread_cond_broadcast(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}
