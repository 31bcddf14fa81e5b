/* Progress of long work, drawn by whoever owns the terminal: library code only calls progress_step. */
#ifndef FOVEA_BASE_PROGRESS_H
#define FOVEA_BASE_PROGRESS_H

#include <stddef.h>

/* `total` 0 means unknown. `text`: how it stands, in a few words, where the two numbers are shares of the work and
 * count nothing; or NULL. Called from one thread at a time. */
typedef void progress_report(void *user, const char *what, size_t done, size_t total, const char *text);

struct progress {
    progress_report *report; /* NULL: silent */
    void *user;
};

void progress_step(const struct progress *progress, const char *what, size_t done, size_t total);
void progress_tell(const struct progress *progress, const char *what, size_t done, size_t total, const char *text);

#endif
