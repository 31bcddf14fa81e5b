/* Lists of image files with labels: CSV, or with tabs or semicolons. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "data/dataset_form.h"

#define MAX_LIST_BYTES ((size_t)1 << 30)
#define MAX_FIELDS 3

/* The text is taken apart in place. */
struct reader {
    char *at, *end; /* *end is 0 */
    char separator;
    int64_t line;
    bool labels_optional;
    const struct class_names *names; /* or NULL */
    struct error *error;
};

struct row {
    const char *label; /* in the list's text; NULL: none */
    int64_t line;
    int64_t item;
};

struct rows {
    int64_t count;
    size_t capacity, item_capacity;
    struct row *rows;
    struct arena *arena; /* of the rows alone */
};

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

/* A field in double quotes, two of which stand for one. The place stays at what ends it. */
static char *quoted_field(struct reader *reader)
{
    char *start = ++reader->at, *out = start;
    for (;; reader->at++) {
        if (*reader->at == '"' && *++reader->at != '"')
            break;
        if (*reader->at == 0 || *reader->at == '\n') {
            error_set(reader->error, ERROR_INPUT, "a quote is not closed");
            return NULL;
        }
        *out++ = *reader->at;
    }
    while (*reader->at != reader->separator && is_blank(*reader->at))
        reader->at++;
    if (*reader->at != reader->separator && *reader->at != '\n' && *reader->at != 0) {
        error_set(reader->error, ERROR_INPUT, "there is text behind a closing quote");
        return NULL;
    }
    *out = 0; /* at the closing quote or before it */
    return start;
}

static bool ends_in_sample(const char *text, size_t length)
{
    char end[8];
    size_t kept = length < sizeof end - 2 ? length : sizeof end - 2;
    end[0] = '_'; /* an ending stands behind something */
    memcpy(end + 1, text + length - kept, kept);
    end[kept + 1] = 0;
    return image_has_extension(end) || file_ends_in(end, ".npy");
}

/* Where a field without quotes ends. Names of files may hold commas: an ending then tells; and so may names of classes,
 * where they are known ("tench, Tinca tinca"). */
static size_t plain_length(const struct reader *reader, int field)
{
    size_t line = strcspn(reader->at, "\r\n"), first = strcspn(reader->at, (const char[]){reader->separator, '\n', 0});
    const char *at = reader->at;
    if (reader->separator != ',' || first >= line)
        return first;
    if (field == 1 && reader->names) {
        size_t length = line;
        while (length > first && class_names_find(reader->names, at, length) < 0) {
            do
                length--;
            while (length > first && at[length] != ',');
        }
        return length;
    }
    for (size_t i = first; field == 0 && i <= line; i++) {
        if ((i == line || at[i] == ',') && ends_in_sample(at, i))
            return i;
    }
    return first;
}

/* Takes one field, without blanks around it, and what ends it off the front. *ended_by: the separator, '\n', or 0 at
 * the end of the text. NULL and an error. */
static char *next_field(struct reader *reader, int number, char *ended_by)
{
    while (*reader->at != reader->separator && is_blank(*reader->at))
        reader->at++;
    char *field = reader->at;
    if (*field == '"') {
        field = quoted_field(reader);
        *ended_by = *reader->at;
    } else {
        char *stop = reader->at += plain_length(reader, number);
        if (*reader->at == '\r') /* in front of the line's end */
            reader->at++;
        while (stop > field && is_blank(stop[-1]))
            stop--;
        *ended_by = *reader->at;
        *stop = 0;
    }
    if (field && reader->at < reader->end)
        reader->at++;
    return field;
}

/* The fields of the next line that is neither empty nor a comment; 0 at the end, -1 and an error. */
static int next_record(struct reader *reader, char *fields[MAX_FIELDS])
{
    for (;;) {
        char ended_by = 0;
        int count = 0;
        if (reader->at == reader->end)
            return 0;
        reader->line++;
        bool comment = *reader->at == '#';
        do {
            char *field = next_field(reader, count, &ended_by);
            if (!field)
                return -1;
            if (count < MAX_FIELDS)
                fields[count] = field;
            count++;
        } while (ended_by == reader->separator);
        if (comment || (count == 1 && fields[0][0] == 0))
            continue;
        if (count == 2 || count == 3 || (count == 1 && reader->labels_optional))
            return count;
        return error_set(
            reader->error, ERROR_INPUT,
            "there %s %d field%s between commas, semicolons or tabs, not file and label, or file, label and split",
            count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
    }
}

static bool is_among(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (text_compare_caseless(word, *words, SIZE_MAX) == 0)
            return true;
    }
    return false;
}

static bool is_heading(char *const fields[])
{
    static const char *const files[] = {"file", "filename", "file_name", "path", "image", "name", NULL};
    static const char *const labels[] = {"label", "class", "target", "category", NULL};
    return is_among(fields[0], files) && is_among(fields[1], labels);
}

static bool is_npy(const char *name)
{
    return file_ends_in(name, ".npy");
}

/* By its name, or because it is there: what it holds is seen when it is read. */
static bool looks_like_sample(const struct dataset *dataset, const char *name)
{
    struct dataset_item item = {.name = name};
    if (image_has_extension(name) || is_npy(name))
        return true;
    char *path = dataset_item_path(dataset, &item, NULL);
    bool there = path && file_exists(path) && !file_is_folder(path);
    memory_release(dataset->memory, path);
    return there;
}

static int add_row(struct dataset *dataset, struct rows *rows, char *const fields[], int count, int64_t line,
                   struct error *error)
{
    enum fovea_split split = FOVEA_SPLIT_TRAIN;
    char shown[256];
    if (fields[0][0] == 0 || (count > 1 && fields[1][0] == 0))
        return error_set(error, ERROR_INPUT, "there is no %s", fields[0][0] ? "label" : "file name");
    if (!looks_like_sample(dataset, fields[0]))
        return error_set(
            error, ERROR_INPUT,
            "taken as a list of files, but \"%s\" is no image (PNG, JPEG, WebP) or .npy file and not there",
            text_printable(fields[0], strlen(fields[0]), shown, sizeof shown));
    if (dataset->count > 0 && is_npy(fields[0]) != is_npy(dataset->items[0].name))
        return error_set(error, ERROR_INPUT, "the list mixes images and .npy files");
    if (count == 3 && fields[2][0] && !dataset_split_parse(fields[2], strlen(fields[2]), &split))
        return error_set(error, ERROR_INPUT, "\"%s\" is not a split (train, val, test)",
                         text_printable(fields[2], strlen(fields[2]), shown, sizeof shown));
    if (dataset->count == DATASET_MAX_SAMPLES)
        return error_set(error, ERROR_LIMIT, "there are too many samples (limit %d)", DATASET_MAX_SAMPLES);
    dataset->items = arena_grow(dataset->arena, dataset->items, (size_t)dataset->count, &rows->item_capacity,
                                sizeof *dataset->items, error);
    rows->rows = arena_grow(rows->arena, rows->rows, (size_t)rows->count, &rows->capacity, sizeof *rows->rows, error);
    const char *file = arena_copy_string(dataset->arena, fields[0], strlen(fields[0]), error);
    if (!dataset->items || !rows->rows || !file)
        return -1;
    rows->rows[rows->count++] = (struct row){count > 1 ? fields[1] : NULL, line, dataset->count};
    dataset->items[dataset->count++] = (struct dataset_item){.name = file, .label = -1, .split = (uint8_t)split};
    return 0;
}

static int read_rows(struct dataset *dataset, struct rows *rows, char *text, size_t length, struct error *error)
{
    char *fields[MAX_FIELDS] = {0};
    if (memchr(text, 0, length))
        return error_set(error, ERROR_INPUT, "is not a list of files: there are zero bytes in it");
    size_t mark = text_mark(text, length);
    text += mark;
    length -= mark;
    size_t first_line = strcspn(text, "\n");
    struct reader reader = {.at = text,
                            .end = text + length,
                            .labels_optional = dataset->options.labels_optional,
                            .names = dataset->options.names,
                            .error = error};
    reader.separator = memchr(text, '\t', first_line)  ? '\t'
                       : memchr(text, ',', first_line) ? ','
                       : memchr(text, ';', first_line) ? ';'
                                                       : ',';
    int count;
    while ((count = next_record(&reader, fields)) > 0) {
        bool heading = rows->count == 0 && count > 1 && is_heading(fields);
        if (!heading && add_row(dataset, rows, fields, count, reader.line, error))
            break;
    }
    return count == 0 ? 0 : error_prefix(error, "line %" PRId64, reader.line);
}

/* ---- labels ---- */

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == 0;
}

static int label_by_numbers(struct dataset *dataset, const struct rows *rows, struct error *error)
{
    const struct class_names *names = dataset->options.names;
    for (int64_t i = 0; i < rows->count; i++) {
        const char *text = rows->rows[i].label;
        long label = strlen(text) > 9 ? DATASET_MAX_LABEL + 1L : strtol(text, NULL, 10);
        if (label > DATASET_MAX_LABEL)
            return error_set(error, ERROR_INPUT, "line %" PRId64 ": the label is above %d", rows->rows[i].line,
                             DATASET_MAX_LABEL);
        dataset->items[rows->rows[i].item].label = (int32_t)label;
    }
    return names ? dataset_name_classes(dataset, names->names, names->count, error) : 0;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->label, ((const struct row *)b)->label);
}

/* The number of a name that comes after `previous` others, or the model's number of it; -1 and an error. An analysis
 * cannot tell the classes of a model by the order of some names. */
static int64_t label_of_name(const struct dataset *dataset, const struct row *row, int64_t previous,
                             struct error *error)
{
    const struct class_names *names = dataset->options.names;
    char shown[256];
    text_printable(row->label, strlen(row->label), shown, sizeof shown);
    if (!names && dataset->options.labels_optional)
        return error_set(error, ERROR_INPUT,
                         "line %" PRId64
                         ": it has the label \"%s\", but the names of the classes are not known: give them "
                         "with `names`, or use numbers",
                         row->line, shown);
    if (!names)
        return previous <= DATASET_MAX_LABEL
                   ? previous
                   : error_set(error, ERROR_INPUT, "there are too many classes (limit %d)", DATASET_MAX_LABEL);
    int64_t label = class_names_find(names, row->label, strlen(row->label));
    if (label >= 0 && label <= DATASET_MAX_LABEL)
        return label;
    return error_set(
        error, ERROR_INPUT,
        "line %" PRId64 ": it has the label \"%s\", which %s of the model's %" PRId64 " classes (\"%s\", ...)",
        row->line, shown, label == -2 ? "several are called" : "is the name of none", names->count, names->names[0]);
}

static int label_by_names(struct dataset *dataset, struct rows *rows, struct error *error)
{
    const struct class_names *model = dataset->options.names;
    const char **names = arena_allocate(rows->arena, (size_t)rows->count, sizeof *names, error);
    int64_t count = 0, label = 0;
    if (!names)
        return -1;
    qsort(rows->rows, (size_t)rows->count, sizeof *rows->rows, compare_rows);
    for (int64_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (i == 0 || strcmp(row[-1].label, row->label) != 0) {
            label = label_of_name(dataset, row, count, error);
            if (label < 0)
                return -1;
            names[count++] = row->label;
        }
        dataset->items[row->item].label = (int32_t)label;
    }
    dataset->names_used = model ? model->count : 0;
    return model ? dataset_name_classes(dataset, model->names, model->count, error)
                 : dataset_name_classes(dataset, names, count, error);
}

/* Forgets the rows without a label. */
static void keep_labelled(struct rows *rows)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].label)
            rows->rows[kept++] = rows->rows[i];
    }
    rows->count = kept;
}

static int label_rows(struct dataset *dataset, struct rows *rows, struct error *error)
{
    bool numbers = is_number(rows->rows[0].label);
    for (int64_t i = 1; i < rows->count; i++) {
        if (is_number(rows->rows[i].label) != numbers)
            return error_set(error, ERROR_INPUT, "line %" PRId64 ": labels are numbers or names, not both",
                             rows->rows[i].line);
    }
    return numbers ? label_by_numbers(dataset, rows, error) : label_by_names(dataset, rows, error);
}

int dataset_open_list(struct dataset *dataset, const char *path, struct error *error)
{
    struct rows rows = {0};
    size_t length;
    dataset->root = arena_copy_string(dataset->arena, path, (size_t)(file_base_name(path) - path), error);
    char *text = dataset->root ? file_read(dataset->memory, path, MAX_LIST_BYTES, &length, error) : NULL;
    if (!text)
        return -1;
    rows.arena = arena_create(dataset->memory, error);
    int result = rows.arena ? read_rows(dataset, &rows, text, length, error) : -1;
    if (result)
        error_prefix(error, "%s", path);
    struct error problem = ERROR_INITIALISER;
    keep_labelled(&rows);
    if (result == 0 && rows.count > 0 && label_rows(dataset, &rows, &problem)) {
        error_prefix(&problem, "%s", path);
        result = dataset_without_labels(dataset, &problem, error);
    }
    if (result == 0 && dataset->count > 0 && is_npy(dataset->items[0].name))
        result = dataset_take_npy_files(dataset, error);
    arena_destroy(rows.arena);
    memory_release(dataset->memory, text);
    return result;
}
