/* Command lines: one table of rows gives parsing (getopt_long) and help. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define COMMON_ROWS 11
#define FIRST_ROW 256 /* of getopt_long's codes: below are letters */

static void common_rows(struct common_options *common, struct option_row rows[COMMON_ROWS])
{
    static const char *const uses[] = {"auto", "always", "never", NULL};
    common->colours = (struct word_choice){uses, &common->colour};
    const struct option_row list[COMMON_ROWS] = {
        GROUP("All verbs"),
        {"shape", 's', OPTION_LIST, &common->shapes, "NAME:D,D,..", "sizes of an input; the name may be left out"},
        {"threads", 't', OPTION_INT, &common->threads, "N", "threads, 1024 at most (default, and 0: all cores)"},
        {"cpu", 0, OPTION_TEXT, &common->cpu, "LEVEL", "highest instruction set: none, avx2, avx512", NULL,
         "none avx2 avx512"},
        {"no-winograd", 0, OPTION_FLAG, &common->no_winograd, NULL,
         "3x3 convolutions by all products: more exact, slower"},
        {"weights", 0, OPTION_TEXT, &common->weights, "WHAT",
         "kept as float32 (default) or half: half their memory, each rounded by up to 1/2048 of itself", NULL,
         "float32 half"},
        {"max-memory", 0, OPTION_INT, &common->max_memory, "MIB", "refuse to use more (default: 3/4 of the machine)"},
        {"seed", 0, OPTION_INT, &common->seed, "N", "of everything random (default 0)"},
        {"color", 0, OPTION_WORD, &common->colours, "WHEN",
         "auto (default: on a terminal, unless NO_COLOR is set), always or never"},
        {"quiet", 'q', OPTION_FLAG, &common->quiet, NULL, "no progress"},
        {"help", 'h', OPTION_FLAG, &common->help, NULL, "this text"},
    };
    memcpy(rows, list, sizeof list);
}

static int own_row_count(const struct command *command)
{
    int count = 0;
    while (command->rows && command->rows[count].name)
        count++;
    return count;
}

/* The verb's rows, then the common ones; freed by the caller. */
static struct option_row *all_rows(struct command *command, int *count)
{
    int own = own_row_count(command);
    struct option_row *rows = needed((size_t)own + COMMON_ROWS, sizeof *rows);
    if (own > 0)
        memcpy(rows, command->rows, (size_t)own * sizeof *rows);
    common_rows(&command->common, rows + own);
    *count = own + COMMON_ROWS;
    return rows;
}

static int store_number(const struct command *command, const struct option_row *row, const char *argument)
{
    char *end;
    bool whole = row->kind == OPTION_INT || row->kind == OPTION_COUNT, above;
    errno = 0;
    if (whole) {
        int64_t value = *(int64_t *)row->target = strtoll(argument, &end, 10);
        above = value > 0;
    } else {
        double value = *(double *)row->target = strtod(argument, &end);
        above = value > 0 && isfinite(value);
    }
    if (end == argument || *end || errno)
        return fail_usage(command, "--%s takes a number, not '%s'", row->name, argument);
    if (!above && (row->kind == OPTION_COUNT || row->kind == OPTION_AMOUNT))
        return fail_usage(command, "--%s takes a number above 0, not '%s'", row->name, argument);
    return PARSE_GO_ON;
}

/* Of a range that the library's options hold. */
static int store_small(const struct command *command, const struct option_row *row, const char *argument)
{
    char *end;
    errno = 0;
    long long value = strtoll(argument, &end, 10);
    if (end == argument || *end || errno || value < INT_MIN || value > INT_MAX)
        return fail_usage(command, "--%s takes a number, not '%s'", row->name, argument);
    *(int *)row->target = (int)value;
    return PARSE_GO_ON;
}

static int store(const struct command *command, const struct option_row *row, const char *argument)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->target = true;
        return PARSE_GO_ON;
    case OPTION_JSON:
    case OPTION_JSON_OLD:
        *(const char **)row->target = argument ? argument : "-";
        return PARSE_GO_ON;
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_DOCUMENT:
    case OPTION_FOLDER:
        *(const char **)row->target = argument;
        return PARSE_GO_ON;
    case OPTION_LIST: {
        struct text_list *list = row->target;
        list->items = needed_more(list->items, (size_t)list->count + 1, sizeof *list->items);
        list->items[list->count++] = argument;
        return PARSE_GO_ON;
    }
    case OPTION_WORD: {
        const struct word_choice *choice = row->target;
        return parse_word(command, row->name, argument, choice->words, choice->chosen);
    }
    case OPTION_SMALL:
        return store_small(command, row, argument);
    default:
        return store_number(command, row, argument);
    }
}

bool json_alone(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static bool is_json(const struct option_row *row)
{
    return row->kind == OPTION_JSON || row->kind == OPTION_JSON_OLD;
}

static void describe_rows(const struct option_row *rows, int count, struct option *longs, char *letters)
{
    *letters++ = ':';
    int described = 0;
    for (int i = 0; i < count; i++) {
        if (rows[i].kind == OPTION_GROUP)
            continue;
        int has_argument = rows[i].kind == OPTION_FLAG ? no_argument
                           : is_json(&rows[i])         ? optional_argument
                                                       : required_argument;
        longs[described++] = (struct option){rows[i].name, has_argument, NULL, FIRST_ROW + i};
        if (rows[i].letter) {
            *letters++ = rows[i].letter;
            if (has_argument == required_argument)
                *letters++ = ':';
        }
    }
    longs[described] = (struct option){0};
    *letters = 0;
}

/* Whether the argument is an option of the command itself, as where the argument in front of it was forgotten. */
static bool is_option(const char *argument, const struct option_row *rows, int count)
{
    for (int i = 0; argument[0] == '-' && i < count; i++) {
        if (rows[i].kind == OPTION_GROUP)
            continue;
        if (argument[1] == '-' ? strcmp(argument + 2, rows[i].name) == 0
                               : rows[i].letter && argument[1] == rows[i].letter && !argument[2])
            return true;
    }
    return false;
}

#define MOST_OF_A_NAME 64

/* `names`: as they are typed, the last of them empty. */
static const char *typed_name_at(const void *names, int index)
{
    const char *name = (const char *)names + (size_t)index * MOST_OF_A_NAME;
    return *name ? name : NULL;
}

static int refuse_option(const struct command *command, const char *typed, const struct option_row *rows, int count)
{
    char meant[FOVEA_TEXT_SUGGESTION], bare[CLI_TEXT], *names = needed((size_t)count, MOST_OF_A_NAME);
    int named = 0;
    for (int i = 0; i < count; i++) {
        if (rows[i].kind != OPTION_GROUP)
            snprintf(names + (size_t)named++ * MOST_OF_A_NAME, MOST_OF_A_NAME, "--%s", rows[i].name);
    }
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(typed, "="), typed);
    fovea_text_suggest(bare, typed_name_at, names, meant);
    free(names);
    return fail_usage(command, "unknown option '%s'%s", typed, meant);
}

/* getopt_long takes abbreviations, which would freeze the names of options. */
static bool is_abbreviation(const char *typed, const char *name)
{
    return strncmp(typed, "--", 2) == 0 && strcspn(typed + 2, "=") != strlen(name);
}

/* Whether an argument behind --json is the file and not a model: it is "-", ends with .json, or is not there yet. */
static bool names_json(const char *argument)
{
    size_t length = argument ? strlen(argument) : 0;
    return argument && (strcmp(argument, "-") == 0 || (length > 5 && strcmp(argument + length - 5, ".json") == 0) ||
                        (argument[0] != '-' && access(argument, F_OK) != 0));
}

static int parse_rows(struct command *command, int argc, char **argv, const struct option_row *rows, int count,
                      const struct option *longs, const char *letters)
{
    int code;
    optind = 1;
    opterr = 0;
    while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        bool behind = code != ':' && code != '?' && optarg && optarg == argv[optind - 1];
        const char *typed = argv[optind - 1 - behind];
        int row = (code == ':' ? optopt : code) - FIRST_ROW;
        if (code == '?' || (row >= 0 && is_abbreviation(typed, rows[row].name)))
            return refuse_option(command, typed, rows, count);
        if (code == ':')
            return fail_usage(command, "%s takes an argument", typed);
        for (int i = 0; code < FIRST_ROW && i < count; i++)
            row = rows[i].letter == code ? i : row;
        if (behind && is_option(optarg, rows, count))
            return fail_usage(command, "--%s takes an argument, and '%s' is an option", rows[row].name, optarg);
        if (rows[row].kind == OPTION_JSON_OLD && !optarg && names_json(argv[optind])) {
            optarg = argv[optind++];
            fprintf(stderr, "fovea %s: '--json %s' is spelt --json%s%s; the next version takes no other\n",
                    command->verb, shown(optarg), json_alone(optarg) ? "" : "=",
                    json_alone(optarg) ? "" : shown(optarg));
        }
        command->given[row] = true;
        int stored = store(command, &rows[row], optarg);
        if (stored != PARSE_GO_ON)
            return stored;
    }
    command->positional = (const char **)argv + optind;
    command->positional_count = argc - optind;
    return PARSE_GO_ON;
}

/* Before any work: what is asked for can be written. PARSE_GO_ON, or the exit code. */
static int claim_outputs(const struct option_row *rows, int count)
{
    struct fovea_error error = {0};
    for (int i = 0; i < count; i++) {
        bool file = rows[i].kind == OPTION_FILE || rows[i].kind == OPTION_DOCUMENT || is_json(&rows[i]);
        const char *path = file || rows[i].kind == OPTION_FOLDER ? *(const char **)rows[i].target : NULL;
        if (path && (file ? strcmp(path, "-") != 0 && fovea_output_claim(path, true, &error)
                          : fovea_folder_claim(path, &error)))
            return fail(&error);
    }
    return PARSE_GO_ON;
}

int command_parse(struct command *command, int argc, char **argv)
{
    int count = 0;
    command->typed = typed_words(argc, argv); /* before they are put in another order */
    struct option_row *rows = all_rows(command, &count);
    struct option *longs = needed((size_t)count, sizeof *longs);
    char *letters = needed((size_t)count, 2);
    command->given = needed((size_t)count, sizeof *command->given);
    describe_rows(rows, count, longs, letters);
    int code = parse_rows(command, argc, argv, rows, count, longs, letters);
    if (code == PARSE_GO_ON && !command->common.help)
        code = take_streams(command, rows, count);
    if (code == PARSE_GO_ON && !command->common.help)
        code = claim_outputs(rows, count);
    free(rows);
    free(longs);
    free(letters);
    use_colours(command->common.colour);
    if (code == PARSE_GO_ON && command->common.help) {
        command_help(command, stdout);
        return FOVEA_CLEAN;
    }
    return code;
}

/* -1: there is none. */
static int find_row(const struct command *command, const char *name)
{
    for (int i = 0; command->rows[i].name; i++) {
        if (strcmp(command->rows[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool option_given(const struct command *command, const char *name)
{
    int row = find_row(command, name);
    return row >= 0 && command->given[row];
}

bool option_is_flag(const struct command *command, const char *name)
{
    int row = find_row(command, name);
    return row >= 0 && command->rows[row].kind == OPTION_FLAG;
}

static bool holds_text(const struct option_row *row)
{
    return row->kind == OPTION_TEXT || row->kind == OPTION_FILE || row->kind == OPTION_DOCUMENT ||
           row->kind == OPTION_FOLDER;
}

const char *option_text(const struct command *command, const char *name, char out[64])
{
    int index = find_row(command, name);
    const struct option_row *row = index >= 0 ? &command->rows[index] : NULL;
    const char *text = row && holds_text(row) ? *(const char **)row->target : "";
    if (row && row->kind == OPTION_FLAG)
        text = *(bool *)row->target ? "on" : "off";
    if (row && row->kind == OPTION_WORD) {
        const struct word_choice *choice = row->target;
        text = choice->words[*(int *)choice->chosen];
    }
    snprintf(out, 64, "%s", text ? text : "");
    if (row && row->kind == OPTION_SMALL)
        snprintf(out, 64, "%d", *(int *)row->target);
    if (row && (row->kind == OPTION_INT || row->kind == OPTION_COUNT))
        snprintf(out, 64, "%" PRId64, *(int64_t *)row->target);
    if (row && (row->kind == OPTION_NUMBER || row->kind == OPTION_AMOUNT))
        snprintf(out, 64, "%g", *(double *)row->target);
    return out;
}

int option_default(const struct command *command, const char *name, const char *value)
{
    int row = find_row(command, name);
    if (row < 0 || option_given(command, name))
        return PARSE_GO_ON;
    return store(command, &command->rows[row], value);
}

void command_help(struct command *command, FILE *out)
{
    int count = 0;
    struct option_row *rows = all_rows(command, &count);
    print_help(command, rows, count, out);
    free(rows);
}

void command_free(struct command *command)
{
    free(command->given);
    free(command->typed);
    for (int i = 0; command->rows && command->rows[i].name; i++) {
        if (command->rows[i].kind == OPTION_LIST)
            free(((struct text_list *)command->rows[i].target)->items);
    }
    free(command->common.shapes.items);
}

void print_words(FILE *out, const char *text)
{
    size_t length = fovea_text_flags(text, NULL, 0);
    char *words = needed(length, 1);
    fovea_text_flags(text, words, length + 1);
    fputs(words, out);
    free(words);
}

void print_words_wrapped(int column, int indent, const char *text)
{
    size_t length = fovea_text_flags(text, NULL, 0);
    char *words = needed(length, 1);
    fovea_text_flags(text, words, length + 1);
    print_wrapped(stdout, column, indent, words);
    free(words);
}

static char failure[2048];

const char *last_failure(void)
{
    return failure;
}

/* An error takes the place of a bar. */
int fail(const struct fovea_error *error)
{
    fovea_text_flags(error->message, failure, sizeof failure);
    fovea_text_printable(failure);
    fprintf(stderr, "%sfovea: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", failure);
    return (int)error->code;
}

int fail_usage(const struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    fovea_text_printable(failure);
    fprintf(stderr, "fovea %s: %s ('fovea help %s' shows the options)\n", command->verb, failure, command->verb);
    return FOVEA_BAD_INPUT;
}
