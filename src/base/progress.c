#include "base/progress.h"

void progress_step(const struct progress *progress, const char *what, size_t done, size_t total)
{
    progress_tell(progress, what, done, total, NULL);
}

void progress_tell(const struct progress *progress, const char *what, size_t done, size_t total, const char *text)
{
    if (progress->report)
        progress->report(progress->user, what, done, total, text);
}
