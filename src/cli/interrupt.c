/* Signals that ask the program to end: the call at hand is cancelled, so that nothing half-written stays; a second one
 * ends it at once. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t caught;

static void note(int signal)
{
    static const char text[] = "\nfovea: stopping; once more ends it at once\n";
    caught = signal;
    if (isatty(STDERR_FILENO) && write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return; /* nobody is there to be told */
}

void catch_interrupts(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old, action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
    }
}

bool is_interrupted(void)
{
    return caught != 0;
}

void end_interrupted(void)
{
    if (!caught)
        return;
    fflush(stdout);
    raise(caught); /* which has its default again: the shell sees what ended the program */
}
