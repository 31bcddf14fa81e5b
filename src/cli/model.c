/* Opening what a command line names; texts for tables. */
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* What ACTIVATION_ROW stored; NULL: not given, or the verb has none. */
static const char *activation_asked(const struct command *command)
{
    for (const struct option_row *row = command->rows; row && row->name; row++) {
        if (strcmp(row->name, "activation") == 0)
            return *(const char **)row->target;
    }
    return NULL;
}

static int count_cores(void)
{
#ifdef FOVEA_PORTABLE
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
#else
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
#endif
}

static void note_threads(const struct common_options *common)
{
    int count = count_cores();
    if (count > 0 && common->threads > count && !common->quiet)
        fprintf(stderr, "fovea: note: %d threads on %d core%s wait for one another\n", (int)common->threads, count,
                count == 1 ? "" : "s");
}

struct fovea_model *load_model(const struct opened *opened, const char *path, int *code)
{
    struct fovea_error error = {0};
    struct fovea_model *model;
    *code = FOVEA_BAD_INPUT;
    if (is_stream(path)) {
        size_t length;
        void *bytes = read_stdin(&length);
        if (!bytes)
            return NULL;
        model = fovea_model_load_memory(opened->fovea, bytes, length, path, &error);
        free(bytes);
    } else {
        model = fovea_model_load(opened->fovea, path, &error);
    }
    if (!model)
        *code = fail(&error);
    return model;
}

int open_model(const struct command *command, struct opened *opened, int *code)
{
    const struct common_options *common = &command->common;
    struct fovea_error error = {0};
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
    static const char *const weights[] = {"float32", "half", NULL};
    int half = 0;
    if (parse_word(command, "weights", common->weights, weights, &half) != PARSE_GO_ON)
        return -1;
    if (parse_shapes(&common->shapes, &opened->shapes))
        return -1;
    start_progress(&opened->bar, common->quiet);
    note_threads(common);
    struct fovea_options options = {.max_memory = (size_t)common->max_memory << 20,
                                    .threads = (int)common->threads,
                                    .cpu = common->cpu,
                                    .seed = (uint64_t)common->seed,
                                    .progress = show_progress,
                                    .progress_user = &opened->bar,
                                    .note = show_note,
                                    .note_user = &opened->bar,
                                    .no_winograd = common->no_winograd,
                                    .half_weights = half == 1,
                                    .command = command->typed};
    opened->fovea = fovea_open(&options, &error);
    if (opened->fovea)
        opened->model = load_model(opened, command->positional[0], code);
    if (opened->fovea && !opened->model)
        return -1;
    if (opened->model && fovea_model_set_activation(opened->model, activation_asked(command), &error) == 0)
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
    struct fovea_shape *list = free_batches > 0 ? needed((size_t)count, sizeof *list) : NULL;
    for (int i = 0; list && fovea_model_input(opened->model, i, &input); i++) {
        char dims[CLI_TEXT], name[CLI_TEXT];
        if (input.rank == 0 || input.dims[0] >= 0)
            continue;
        input.dims[0] = 1;
        fprintf(stderr, "fovea: the batch of '%s' is free and taken as 1, %s; --shape sets another\n",
                safe_text(input.name, name), dims_text(input.rank, input.dims, dims));
        input.name = needed_copy(input.name, strlen(input.name));
        list[opened->shapes.count++] = input;
    }
    if (list) {
        free((void *)(uintptr_t)opened->shapes.list);
        opened->shapes.list = list;
    }
}

static bool ended; /* memory, in a context of this program */

bool memory_ended(void)
{
    return ended;
}

void close_model(struct opened *opened)
{
    ended = ended || (opened->fovea && fovea_memory_ended(opened->fovea));
    fovea_model_free(opened->model);
    fovea_close(opened->fovea);
    for (int i = 0; i < opened->shapes.count; i++)
        free((void *)(uintptr_t)opened->shapes.list[i].name);
    free((void *)(uintptr_t)opened->shapes.list);
}

int write_json(const struct opened *opened, const char *path, char *text)
{
    struct fovea_error error = {0};
    if (json_alone(path)) {
        print_json(text);
        return FOVEA_CLEAN;
    }
    needed_text(text);
    if (opened && fovea_memory_ended(opened->fovea)) {
        error.code = FOVEA_BAD_INPUT;
        snprintf(error.message, sizeof error.message, "%s: not written: out of memory on the way", path);
    } else {
        fovea_write_file(path, text, strlen(text), &error);
    }
    fovea_text_free(text);
    return error.code == FOVEA_CLEAN ? FOVEA_CLEAN : fail(&error);
}

const char *dims_text(int rank, const int64_t *dims, char out[CLI_TEXT])
{
    size_t length = 0;
    snprintf(out, CLI_TEXT, "%s", rank < 0 ? "?" : "scalar");
    for (int i = 0; i < rank && length < CLI_TEXT; i++)
        length += (size_t)snprintf(out + length, CLI_TEXT - length, "%s%" PRId64, i ? "x" : "", dims[i]);
    return out;
}

bool holds_items(const char *type)
{
    return strncmp(type, "sequence", 8) == 0 || strncmp(type, "optional", 8) == 0;
}

const char *count_text(double count, char out[CLI_TEXT])
{
    return fovea_text_count(count, out);
}

const char *interval_text(const double interval[2], char out[CLI_TEXT])
{
    if (isnan(interval[0]))
        snprintf(out, CLI_TEXT, "one sample tells none");
    else
        snprintf(out, CLI_TEXT, "%+.2f to %+.2f", 100 * interval[0], 100 * interval[1]);
    return out;
}

const char *bytes_text(size_t bytes, char out[CLI_TEXT])
{
    return fovea_text_bytes((double)bytes, out);
}

double without_minus_zero(double value)
{
    double rounded = round(100 * value) / 100;
    return rounded == 0 ? 0 : rounded;
}

const char *safe_text(const char *text, char out[CLI_TEXT])
{
    bool cut = snprintf(out, CLI_TEXT, "%s", text) >= CLI_TEXT;
    if (cut)
        memcpy(out + CLI_TEXT - 4, "...", 4);
    fovea_text_printable(out);
    return out;
}

void print_unseen(const struct fovea_unseen *unseen, const char *lack)
{
    char behind[CLI_TEXT], why[CLI_TEXT];
    if (!unseen->behind)
        return;
    safe_text(unseen->behind, behind);
    printf("not computed: %d of %d layers, the first ", unseen->foreign, unseen->nodes);
    if (unseen->why)
        printf("%s\n", safe_text(unseen->why, why));
    else
        printf("%s, an operator that fovea does not have\n", behind);
    if (unseen->unseen > 0)
        printf("not seen: %d of %d layers, behind %s; %s\n", unseen->unseen, unseen->nodes, behind, lack);
}
