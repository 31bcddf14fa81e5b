/* Time that passes, whatever the date is set to. */
#ifndef FOVEA_BASE_CLOCK_H
#define FOVEA_BASE_CLOCK_H

#include <time.h>

static inline double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline double clock_milliseconds(void)
{
    return clock_seconds() * 1e3;
}

#endif
