/* Progress of long work: a bar on a terminal, lines elsewhere. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void start_progress(struct progress_bar *bar, bool quiet)
{
    *bar = (struct progress_bar){.terminal = isatty(STDERR_FILENO), .quiet = quiet};
}

static const char *time_text(double seconds, char out[32])
{
    if (seconds < 100)
        snprintf(out, 32, "%.0f s", seconds);
    else
        snprintf(out, 32, seconds < 5940 ? "%.0f min" : "%.1f h", seconds < 5940 ? seconds / 60 : seconds / 3600);
    return out;
}

/* "12/200, 35.1/s, 5 s left", or the work's own text in place of the numbers. */
static void describe(const struct progress_bar *bar, size_t done, size_t total, const char *text, double now,
                     char out[256])
{
    double elapsed = now - bar->started, rate = elapsed > 0 ? (double)(done - bar->first) / elapsed : 0;
    char time[32], pace[48] = "", left[48] = "";
    if (rate > 0 && total > done)
        snprintf(left, sizeof left, ", %s left", time_text((double)(total - done) / rate, time));
    if (rate >= 0.05) /* below it would be told as none */
        snprintf(pace, sizeof pace, ", %.1f/s", rate);
    if (text)
        snprintf(out, 256, "%s%s", text, left);
    else
        snprintf(out, 256, "%zu/%zu%s%s", done, total, pace, left);
}

/* In one row, of the width that there is: what does not fit is cut. */
static void draw_bar(const struct progress_bar *bar, double share, const char *text)
{
    enum { MOST = 30, LEAST = 4 };
    char cells[MOST + 1], line[512];
    int width = terminal_width(stderr), cell_count = width - (int)(strlen(bar->what) + strlen(text)) - 5;
    cell_count = cell_count > MOST ? MOST : cell_count < LEAST ? LEAST : cell_count;
    for (int i = 0; i < cell_count; i++)
        cells[i] = i < (int)(share * cell_count) ? '#' : '.';
    cells[cell_count] = 0;
    snprintf(line, sizeof line, "%s [%s] %s", bar->what, cells, text);
    fprintf(stderr, "\r%.*s\033[K", width - 1, line);
    fflush(stderr);
}

static struct progress_bar *bar_shown; /* on the terminal; NULL: none */

void hide_progress(struct progress_bar *bar)
{
    if (bar->visible && bar->terminal)
        fprintf(stderr, "\r\033[K");
    bar->visible = false;
    bar_shown = NULL;
}

void clear_progress(void)
{
    if (bar_shown)
        hide_progress(bar_shown);
}

/* Nothing is shown in the first second, but where work with a text of its own, which takes long, begins; afterwards
 * ten times a second. Off a terminal a line every ten seconds, of such work one every tenth of it. */
static bool is_due(const struct progress_bar *bar, double now, double share, bool begins, bool again, const char *text)
{
    if (bar->terminal && begins && text && share == 0)
        return true;
    if (now - bar->started < 1)
        return false;
    return bar->terminal ? now - bar->drawn >= 0.1 && share < 1
           : text        ? (int)(10 * share) > bar->tenths
                         : now - bar->drawn >= 10 && !again;
}

static void show(struct progress_bar *bar, const char *what, size_t done, size_t total, const char *text)
{
    double now = seconds_now(), share = (double)done / (double)total;
    char described[256];
    bool begins = strncmp(bar->what, what, sizeof bar->what - 1) != 0 || done < bar->last;
    if (begins) {
        hide_progress(bar);
        snprintf(bar->what, sizeof bar->what, "%s", what);
        bar->started = bar->drawn = now;
        bar->first = done;
        bar->tenths = (int)(10 * share);
    }
    bool again = done == bar->last && !begins;
    bar->last = done;
    if (done >= total && bar->terminal)
        hide_progress(bar);
    if (!is_due(bar, now, share, begins, again, text))
        return;
    bar->drawn = now;
    bar->tenths = (int)(10 * share);
    bar->visible = true;
    describe(bar, done, total, text, now, described);
    fovea_text_printable(described); /* layers may be named in it */
    bar_shown = bar;
    if (bar->terminal)
        draw_bar(bar, share, described);
    else
        fprintf(stderr, "%s: %.0f %%, %s\n", what, 100 * share, described);
}

/* Not 0 once the program was asked to end, and the verb leaves that to the bar. */
int show_progress(void *user, const char *what, size_t done, size_t total, const char *text)
{
    struct progress_bar *bar = user;
    if (!bar->quiet && total > 0) /* else nothing is known yet */
        show(bar, what, done, total, text);
    return is_interrupted() && !bar->patient;
}

void show_note(void *user, const char *text)
{
    hide_progress(user);
    fputs("fovea: note: ", stderr);
    print_words(stderr, text);
    fputs("\n", stderr);
}
