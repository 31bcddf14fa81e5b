/* What a run gave: lines, files, comparisons. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

#define PATH_SIZE 4096

/* Far from what file systems take (255), as a name with a suffix is written under a longer one first. */
#define FILE_NAME_SIZE 128

/* Letters, digits, '.', '-' and '_' stay; anything else in an output's name becomes '_'. Long names are cut. */
static void safe_file_name(const char *name, char out[FILE_NAME_SIZE])
{
    size_t i = 0;
    for (; name[i] && i + 1 < FILE_NAME_SIZE; i++)
        out[i] =
            isalnum((unsigned char)name[i]) || (strchr(".-_", name[i]) && (i > 0 || name[i] != '.')) ? name[i] : '_';
    if (i == 0)
        out[i++] = '_';
    out[i] = 0;
}

static bool is_taken(char (*names)[FILE_NAME_SIZE], int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* names[output], which none before it has: outputs whose names become the same get a number behind. */
static void output_file_name(const struct fovea_session *session, int output, char (*names)[FILE_NAME_SIZE])
{
    char *name = names[output], base[FILE_NAME_SIZE - 16];
    safe_file_name(fovea_session_output_name(session, output), name);
    snprintf(base, sizeof base, "%.*s", (int)sizeof base - 1, name);
    for (int number = output; is_taken(names, output, name); number++)
        snprintf(name, FILE_NAME_SIZE, "%s_%d", base, number);
}

/* "[2, 0, 5]" of an element; a scalar has no place. */
static void print_place(const struct fovea_tensor *tensor, const int64_t *place)
{
    for (int i = 0; i < tensor->rank; i++)
        printf("%s%" PRId64, i ? ", " : " at [", place[i]);
    printf(tensor->rank > 0 ? "]" : "");
}

/* Of the finite elements; the others are counted. */
static void print_summary(const char *name, const struct fovea_tensor *tensor)
{
    char safe[CLI_TEXT], dims[CLI_TEXT];
    struct fovea_tensor_summary summary;
    printf("%s: %s %s", safe_text(name, safe), tensor->type, dims_text(tensor->rank, tensor->dims, dims));
    if (fovea_tensor_summarise(tensor, &summary, NULL) == 0) {
        int64_t infinite = summary.positive_infinite + summary.negative_infinite, left = summary.nan + infinite;
        if (left < summary.elements) {
            printf(", min %.6g, max %.6g", summary.smallest, summary.largest);
            print_place(tensor, summary.place);
            printf(", mean %.6g", summary.mean);
        }
        if (left > 0)
            printf("%s; %" PRId64 " of %" PRId64 " elements not finite: %" PRId64 " NaN, %" PRId64 " inf, %" PRId64
                   " -inf",
                   left < summary.elements ? " of the finite" : "", left, summary.elements, summary.nan,
                   summary.positive_infinite, summary.negative_infinite);
    }
    printf("\n");
}

static const char *item_name(const struct fovea_session *session, int output, int64_t item,
                             char out[FILE_NAME_SIZE + 24])
{
    snprintf(out, FILE_NAME_SIZE + 24, "%.*s.%" PRId64, FILE_NAME_SIZE, fovea_session_output_name(session, output),
             item);
    return out;
}

/* The result, or what it holds: "y.0", "y.1", ... */
static void print_output(const struct fovea_session *session, int output)
{
    char safe[CLI_TEXT], item[FILE_NAME_SIZE + 24];
    const char *name = fovea_session_output_name(session, output);
    struct fovea_tensor tensor = fovea_session_output(session, output);
    if (!holds_items(tensor.type)) {
        print_summary(name, &tensor);
        return;
    }
    int64_t length = fovea_session_output_length(session, output);
    printf("%s: %s, ", safe_text(name, safe), tensor.type);
    printf(length < 0 ? "absent\n" : length == 1 ? "1 tensor\n" : "%" PRId64 " tensors\n", length);
    for (int64_t i = 0; i < length; i++) {
        tensor = fovea_session_output_item(session, output, i);
        print_summary(item_name(session, output, i, item), &tensor);
    }
}

/* "FOLDER/NAME.ENDING". Returns the exit code. */
static int file_path(const char *folder, const char *name, const char *ending, char path[PATH_SIZE])
{
    if ((size_t)snprintf(path, PATH_SIZE, "%s/%s.%s", folder, name, ending) < PATH_SIZE)
        return FOVEA_CLEAN;
    fprintf(stderr, "fovea: the path of the folder is too long\n");
    return FOVEA_BAD_INPUT;
}

static void tell_file(const struct run_work *work, const char *path)
{
    if (work->lines)
        printf("wrote %s\n", shown(path));
}

/* A tensor, called `name` in the document, into FILE.npy of the folder if there is one. */
static int keep_tensor(const struct run_work *work, const struct fovea_tensor *tensor, const char *name,
                       const char *file)
{
    struct fovea_error error = {0};
    char path[PATH_SIZE];
    const char *folder = work->options->output;
    int code = folder ? file_path(folder, file, "npy", path) : FOVEA_CLEAN;
    if (code != FOVEA_CLEAN)
        return code;
    if (folder && fovea_tensor_write(work->opened->fovea, path, tensor, &error))
        return fail(&error);
    if (folder)
        tell_file(work, path);
    return work->record && fovea_run_record_output(work->record, name, tensor, 0, folder ? path : NULL, &error)
               ? fail(&error)
               : FOVEA_CLEAN;
}

/* FILE.json says how many tensors a result holds. */
static int keep_count(const struct run_work *work, const struct fovea_tensor *holder, int64_t length, const char *name,
                      const char *file)
{
    struct fovea_error error = {0};
    char path[PATH_SIZE], text[256];
    const char *folder = work->options->output;
    int code = folder ? file_path(folder, file, "json", path) : FOVEA_CLEAN;
    if (code != FOVEA_CLEAN)
        return code;
    int bytes = snprintf(text, sizeof text, "{\"type\": \"%s\", \"present\": %s, \"tensors\": %" PRId64 "}\n",
                         holder->type, length < 0 ? "false" : "true", length < 0 ? 0 : length);
    if (folder && fovea_write_file(path, text, (size_t)bytes, &error))
        return fail(&error);
    if (folder)
        tell_file(work, path);
    return work->record && fovea_run_record_output(work->record, name, holder, length, folder ? path : NULL, &error)
               ? fail(&error)
               : FOVEA_CLEAN;
}

/* NAME.0.npy, NAME.1.npy, ..., and NAME.json. */
static int keep_items(const struct run_work *work, const struct fovea_session *session, int output, const char *file)
{
    char item[FILE_NAME_SIZE + 24], name[FILE_NAME_SIZE + 24];
    struct fovea_tensor tensor = fovea_session_output(session, output);
    int64_t length = fovea_session_output_length(session, output);
    int code = FOVEA_CLEAN;
    for (int64_t i = 0; i < length && code == FOVEA_CLEAN; i++) {
        struct fovea_tensor held = fovea_session_output_item(session, output, i);
        snprintf(item, sizeof item, "%s.%" PRId64, file, i);
        code = keep_tensor(work, &held, item_name(session, output, i, name), item);
    }
    return code == FOVEA_CLEAN ? keep_count(work, &tensor, length, fovea_session_output_name(session, output), file)
                               : code;
}

static int keep_outputs(const struct run_work *work, const struct fovea_session *session)
{
    const char *folder = work->options->output;
    int count = fovea_session_output_count(session), code = FOVEA_CLEAN;
    if (folder && mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "fovea: the folder %s cannot be made: %s\n", shown(folder), strerror(errno));
        return FOVEA_BAD_INPUT;
    }
    char(*files)[FILE_NAME_SIZE] = needed((size_t)count, sizeof *files);
    for (int i = 0; i < count && code == FOVEA_CLEAN; i++) {
        struct fovea_tensor tensor = fovea_session_output(session, i);
        output_file_name(session, i, files);
        code = holds_items(tensor.type) ? keep_items(work, session, i, files[i])
                                        : keep_tensor(work, &tensor, fovea_session_output_name(session, i), files[i]);
    }
    free(files);
    return code;
}

/* The output that an --expect names; without a name the `position`-th. */
static int find_output(const struct fovea_session *session, const char *name, int position)
{
    int count = fovea_session_output_count(session);
    for (int i = 0; name && i < count; i++) {
        if (strcmp(fovea_session_output_name(session, i), name) == 0)
            return i;
    }
    return name || position >= count ? -1 : position;
}

/* As find_output; `name` may be that of a result that holds tensors with the number of one behind, "y.2": *item. */
static int find_expected(const struct fovea_session *session, const char *name, int position, int64_t *item)
{
    int output = find_output(session, name, position);
    const char *number = name ? strrchr(name, '.') : NULL;
    char base[CLI_TEXT], *end;
    *item = -1;
    if (output >= 0 || !number || !isdigit((unsigned char)number[1]) || (size_t)(number - name) >= sizeof base)
        return output;
    snprintf(base, sizeof base, "%.*s", (int)(number - name), name);
    *item = strtoll(number + 1, &end, 10);
    output = find_output(session, base, 0);
    return *end == 0 && output >= 0 && *item < fovea_session_output_length(session, output) ? output : -1;
}

static const char *output_name_at(const void *session, int index)
{
    return index < fovea_session_output_count(session) ? fovea_session_output_name(session, index) : NULL;
}

static int refuse_output(const struct fovea_session *session, const char *name)
{
    char safe[CLI_TEXT], meant[FOVEA_TEXT_SUGGESTION] = "";
    if (name)
        fovea_text_suggest(name, output_name_at, session, meant);
    fprintf(stderr, "fovea: the model has no output '%s'%s\n", safe_text(name ? name : "", safe), meant);
    return FOVEA_BAD_INPUT;
}

static int compare_output(const struct run_work *work, const struct fovea_session *session,
                          const struct fovea_feed *expected, int position)
{
    const struct run_options *options = work->options;
    struct fovea *fovea = work->opened->fovea;
    struct fovea_error error = {0};
    struct fovea_tensor reference;
    struct fovea_comparison comparison;
    double atol = options->atol < 0 && fovea_model_is_half(work->opened->model) ? FOVEA_ATOL_HALF : options->atol;
    int64_t item;
    int output = find_expected(session, expected->name, position, &item);
    if (output < 0)
        return refuse_output(session, expected->name);
    if (fovea_tensor_read(fovea, expected->path, &reference, &error))
        return fail(&error);
    struct fovea_tensor got =
        item >= 0 ? fovea_session_output_item(session, output, item) : fovea_session_output(session, output);
    fovea_tensor_compare(&got, &reference, options->rtol, atol, &comparison);
    fovea_tensor_free(fovea, &reference);
    char safe[CLI_TEXT];
    const char *name = item >= 0 ? expected->name : fovea_session_output_name(session, output);
    if (work->lines) {
        print_coloured(stdout, comparison.equal ? COLOUR_PASS : COLOUR_PROBLEM,
                       comparison.equal ? "equal   " : "MISMATCH");
        printf(" %s: %s\n", safe_text(name, safe), comparison.text);
    }
    if (work->record && fovea_run_record_comparison(work->record, name, &comparison, &error))
        return fail(&error);
    return comparison.equal ? FOVEA_CLEAN : FOVEA_FINDINGS;
}

static int compare_outputs(const struct run_work *work, const struct fovea_session *session)
{
    struct fovea_feed *expected = parse_feeds(&work->options->expected);
    int count = work->options->expected.count, code = FOVEA_CLEAN;
    for (int i = 0; i < count && code <= FOVEA_FINDINGS; i++) {
        int compared = compare_output(work, session, &expected[i], i);
        code = compared > code ? compared : code;
    }
    free_feeds(expected, count);
    return code;
}

int show_outputs(const struct run_work *work, const struct fovea_session *session)
{
    for (int i = 0; work->lines && i < fovea_session_output_count(session); i++)
        print_output(session, i);
    int code = keep_outputs(work, session);
    return code == FOVEA_CLEAN ? compare_outputs(work, session) : code;
}
