#include "base/progress.h"

void progress_step(const struct progress *progress, const char *what, size_t done, size_t total)
{
    if (progress->report)
        progress->report(progress->user, what, done, total);
}
