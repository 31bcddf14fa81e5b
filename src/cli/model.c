/* Opening what a command line names; texts for tables; progress on the terminal. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* State of the bar; one per process, as the terminal is. */
struct progress_bar {
    char what[64];
    double started, drawn;
    bool terminal, visible;
};

static void draw_bar(const struct progress_bar *bar, size_t done, size_t total, double now)
{
    enum { WIDTH = 30 };
    double share = total > 0 ? (double)done / (double)total : 0, elapsed = now - bar->started;
    char cells[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        cells[i] = i < (int)(share * WIDTH) ? '#' : '.';
    cells[WIDTH] = 0;
    double rate = elapsed > 0 ? (double)done / elapsed : 0;
    fprintf(stderr, "\r%s [%s] %zu/%zu  %.1f/s  %.0f s left ", bar->what, cells, done, total, rate,
            rate > 0 ? (double)(total - done) / rate : 0);
}

/* Nothing is shown in the first second; afterwards ten times a second, or a line every ten seconds off a terminal. */
static void show_progress(void *user, const char *what, size_t done, size_t total)
{
    struct progress_bar *bar = user;
    double now = seconds_now();
    if (strncmp(bar->what, what, sizeof bar->what - 1) != 0) {
        snprintf(bar->what, sizeof bar->what, "%s", what);
        bar->started = bar->drawn = now;
    }
    if (bar->visible && done >= total && bar->terminal) {
        fprintf(stderr, "\r%79s\r", "");
        bar->visible = false;
        return;
    }
    if (now - bar->started < 1 || now - bar->drawn < (bar->terminal ? 0.1 : 10))
        return;
    bar->drawn = now;
    bar->visible = true;
    if (bar->terminal)
        draw_bar(bar, done, total, now);
    else
        fprintf(stderr, "%s: %zu of %zu\n", what, done, total);
}

int open_model(const struct command *command, struct opened *opened, int *code)
{
    static struct progress_bar bar;
    const struct common_options *common = &command->common;
    struct fovea_error error = {FOVEA_CLEAN, ""};
    *opened = (struct opened){0};
    *code = FOVEA_BAD_INPUT;
    int most = command->positional_most > 1 ? command->positional_most : 1;
    if (command->positional_count < 1 || command->positional_count > most)
        return fail_usage(command, command->positional_count == 0 ? "name a model file"
                                   : most == 1                    ? "name one model file only"
                                                                  : "too many files are named");
    if (common->threads < 0 || common->threads > 1024)
        return fail_usage(command, "--threads takes 1 to 1024");
    if (common->max_memory < 0 || common->max_memory > (int64_t)1 << 40)
        return fail_usage(command, "--max-memory takes a number of MiB");
    if (parse_shapes(&common->shapes, &opened->shapes))
        return -1;
    bar.terminal = isatty(STDERR_FILENO);
    struct fovea_options options = {.max_memory = (size_t)common->max_memory << 20,
                                    .threads = (int)common->threads,
                                    .cpu = common->cpu,
                                    .seed = (uint64_t)common->seed,
                                    .progress = common->quiet ? NULL : show_progress,
                                    .progress_user = &bar};
    opened->fovea = fovea_open(&options, &error);
    if (opened->fovea)
        opened->model = fovea_model_load(opened->fovea, command->positional[0], &error);
    if (opened->model)
        return 0;
    *code = fail(&error);
    return -1;
}

/* Whether all sizes but the first are fixed; `input` of rank 0 has none. */
static bool fixed_behind_batch(const struct fovea_shape *input)
{
    for (int i = 1; i < input->rank; i++) {
        if (input->dims[i] < 0)
            return false;
    }
    return input->rank > 0;
}

void bind_free_batch(struct opened *opened)
{
    struct fovea_shape input;
    int count = 0, free_batches = 0;
    if (opened->shapes.count > 0)
        return;
    for (; fovea_model_input(opened->model, count, &input); count++) {
        bool free_batch = input.rank > 0 && input.dims[0] < 0;
        if (free_batch && !fixed_behind_batch(&input))
            return;
        free_batches += free_batch;
    }
    struct fovea_shape *list = free_batches > 0 ? calloc((size_t)count + 1, sizeof *list) : NULL;
    for (int i = 0; list && fovea_model_input(opened->model, i, &input); i++) {
        char dims[CLI_TEXT], name[CLI_TEXT];
        if (input.rank == 0 || input.dims[0] >= 0)
            continue;
        input.dims[0] = 1;
        fprintf(stderr, "fovea: the batch of '%s' is free and taken as 1, %s; --shape sets another\n",
                safe_text(input.name, name), dims_text(input.rank, input.dims, dims));
        input.name = strdup(input.name);
        list[opened->shapes.count++] = input;
    }
    if (list) {
        free((void *)(uintptr_t)opened->shapes.list);
        opened->shapes.list = list;
    }
}

void close_model(struct opened *opened)
{
    fovea_model_free(opened->model);
    fovea_close(opened->fovea);
    for (int i = 0; i < opened->shapes.count; i++)
        free((void *)(uintptr_t)opened->shapes.list[i].name);
    free((void *)(uintptr_t)opened->shapes.list);
}

const char *dims_text(int rank, const int64_t *dims, char out[CLI_TEXT])
{
    size_t length = 0;
    snprintf(out, CLI_TEXT, "%s", rank < 0 ? "?" : "scalar");
    for (int i = 0; i < rank && length < CLI_TEXT; i++)
        length += (size_t)snprintf(out + length, CLI_TEXT - length, "%s%" PRId64, i ? "x" : "", dims[i]);
    return out;
}

const char *count_text(double count, char out[CLI_TEXT])
{
    return text_count(count, out);
}

const char *bytes_text(size_t bytes, char out[CLI_TEXT])
{
    return text_bytes((double)bytes, out);
}

const char *safe_text(const char *text, char out[CLI_TEXT])
{
    bool cut = snprintf(out, CLI_TEXT, "%s", text) >= CLI_TEXT;
    if (cut)
        memcpy(out + CLI_TEXT - 4, "...", 4);
    text_keep_printable(out);
    return out;
}
