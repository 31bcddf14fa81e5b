#include "base/waiting.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

bool waiting_begin(struct waiting *waiting)
{
    (void)waiting;
    return true;
}

void waiting_end(struct waiting *waiting)
{
    (void)waiting;
}

void waiting_sleep(struct waiting *waiting, uint32_t value)
{
    while (atomic_load(&waiting->word) == value)
        syscall(SYS_futex, (void *)&waiting->word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void waiting_wake(struct waiting *waiting)
{
    syscall(SYS_futex, (void *)&waiting->word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}
