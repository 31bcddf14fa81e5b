/* Progress of long work, drawn by whoever owns the terminal: library code only calls progress_step. */
#ifndef FOVEA_BASE_PROGRESS_H
#define FOVEA_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* `total` 0 means unknown. `text`: how it stands, in a few words, where the two numbers are shares of the work and
 * count nothing; or NULL. Called from one thread at a time. */
typedef void progress_report(void *user, const char *what, size_t done, size_t total, const char *text);

struct progress {
    progress_report *report; /* NULL: silent */
    void *user;
    const bool *cancelled; /* whether the work is to end; NULL: never */
};

/* Work in parts whose shares are known beforehand, told as one: while it lasts, steps that are told to `slot` count
 * within the part that runs. */
struct progress_whole {
    struct progress outer, *slot;
    const char *what;   /* of the whole */
    double total, done; /* of the parts' shares; of those that are over */
    double share;       /* of the part that runs */
    const char *part;   /* its name */
    int loops, loop;    /* that it is made of, alike; the one that runs */
    size_t last;        /* step of that one */
    double reached;     /* of the part, 0 to 1 */
};
/* `done` of `total` are over already. `slot` becomes the whole's until progress_whole_end. */
void progress_whole_start(struct progress_whole *whole, struct progress *slot, const char *what, double done,
                          double total);
/* The next part, of so many loops over the work; the one before is over. */
void progress_whole_part(struct progress_whole *whole, const char *part, double share, int loops);
void progress_whole_end(struct progress_whole *whole);

/* Work that has no context asks this between steps. NULL is allowed. */
bool progress_cancelled(const struct progress *progress);
void progress_step(const struct progress *progress, const char *what, size_t done, size_t total);
void progress_tell(const struct progress *progress, const char *what, size_t done, size_t total, const char *text);

#endif
