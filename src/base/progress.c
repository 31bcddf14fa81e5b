#include "base/progress.h"

#include <stdio.h>

bool progress_cancelled(const struct progress *progress)
{
    return progress && progress->cancelled && *progress->cancelled;
}

void progress_step(const struct progress *progress, const char *what, size_t done, size_t total)
{
    progress_tell(progress, what, done, total, NULL);
}

void progress_tell(const struct progress *progress, const char *what, size_t done, size_t total, const char *text)
{
    if (progress->report)
        progress->report(progress->user, what, done, total, text);
}

#define WHOLE_STEPS 10000

static void tell_whole(const struct progress_whole *whole, size_t done, size_t total)
{
    char text[160];
    double sum = whole->done + whole->share * whole->reached;
    size_t reached = whole->total > 0 ? (size_t)(WHOLE_STEPS * (sum < whole->total ? sum / whole->total : 1)) : 0;
    if (total > 0)
        snprintf(text, sizeof text, "%s %zu/%zu", whole->part ? whole->part : "", done, total);
    else
        snprintf(text, sizeof text, "%s", whole->part ? whole->part : "");
    progress_tell(&whole->outer, whole->what, reached, WHOLE_STEPS, text);
}

/* A loop more than there should be does not go back. */
static void take_step(void *user, const char *what, size_t done, size_t total, const char *text)
{
    struct progress_whole *whole = user;
    (void)what;
    (void)text;
    whole->loop += done <= whole->last && whole->last > 0 && whole->loop + 1 < whole->loops;
    whole->last = done;
    double within = total > 0 ? (double)done / (double)total : 0;
    double reached = ((double)whole->loop + within) / (double)whole->loops;
    whole->reached = reached > whole->reached ? reached : whole->reached;
    tell_whole(whole, done, total);
}

void progress_whole_start(struct progress_whole *whole, struct progress *slot, const char *what, double done,
                          double total)
{
    *whole = (struct progress_whole){.outer = *slot, .slot = slot, .what = what, .done = done, .total = total};
    *slot = (struct progress){take_step, whole, slot->cancelled};
}

void progress_whole_part(struct progress_whole *whole, const char *part, double share, int loops)
{
    whole->done += whole->share;
    whole->share = share;
    whole->part = part;
    whole->loops = loops > 0 ? loops : 1;
    whole->loop = 0;
    whole->last = 0;
    whole->reached = 0;
    tell_whole(whole, 0, 0);
}

void progress_whole_end(struct progress_whole *whole)
{
    *whole->slot = whole->outer;
}
