/* Signals that ask the program to end: the call at hand is cancelled, so that nothing half-written stays; a second one
 * ends it at once. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli.h"

#define CODE_OF_SIGNAL 128 /* and its number, as shells tell it */

static volatile sig_atomic_t caught;

static void note(int signal)
{
    static const char text[] = "\nfovea: stopping; once more ends it at once\n";
    if (caught)
        _exit(CODE_OF_SIGNAL + signal);
    caught = signal;
    int failure = errno; /* of the code that is interrupted */
    if (isatty(STDERR_FILENO) && write(STDERR_FILENO, text, sizeof text - 1) < 0)
        caught = signal; /* nobody is there to be told */
    errno = failure;
}

/* A file that would be larger than it may be (`ulimit -f`) is an error of its writer. */
void catch_interrupts(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old, action = {.sa_handler = note, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
}

bool is_interrupted(void)
{
    return caught != 0;
}

int code_of_interrupt(int code)
{
    return caught ? CODE_OF_SIGNAL + caught : code;
}
