/* The forms in which names of classes come: JSON, dictionaries of Python, YOLO's data.yaml. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/text.h"
#include "data/label_forms.h"

int label_set(struct class_names *names, size_t *capacity, int64_t class, const char *name, size_t length,
              struct error *error)
{
    char printable[512];
    if (class < 0 || class >= MAX_CLASSES)
        return error_set(error, ERROR_LIMIT, "there are too many class names (limit %d)", MAX_CLASSES);
    while (names->count <= class) {
        size_t same = *capacity, count = (size_t)names->count;
        names->names = arena_grow(names->arena, names->names, count, capacity, sizeof *names->names, error);
        names->synsets = arena_grow(names->arena, names->synsets, count, &same, sizeof *names->synsets, error);
        if (!names->names || !names->synsets)
            return -1;
        names->names[count] = "";
        names->synsets[count] = NULL;
        names->count++;
    }
    if (names->names[class][0])
        return error_set(error, ERROR_INPUT, "class %" PRId64 " has two names", class);
    text_printable(name, length, printable, sizeof printable);
    names->names[class] = arena_copy_string(names->arena, printable, strlen(printable), error);
    return names->names[class] ? 0 : -1;
}

bool label_is_synset(const char *text, size_t length)
{
    return length == 9 && text[0] == 'n' && strspn(text + 1, "0123456789") >= 8;
}

/* Digits only; -1 else. */
static int64_t number_of(const char *text, size_t length)
{
    int64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || length > 9)
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return length > 0 ? number : -1;
}

/* ---- JSON ---- */

/* "tench", or ["n01440764", "tench"]. */
static int set_json(struct class_names *names, size_t *capacity, int64_t class, const json_t *value,
                    struct error *error)
{
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value, *name = first;
    const char *synset = json_is_array(value) ? json_string_value(first) : NULL;
    if (synset && label_is_synset(synset, strlen(synset)) && json_array_size(value) > 1)
        name = json_array_get(value, 1);
    if (!json_is_string(name))
        return error_set(error, ERROR_INPUT, "class name %" PRId64 " is not a text", class);
    if (label_set(names, capacity, class, json_string_value(name), json_string_length(name), error))
        return -1;
    if (name != first)
        names->synsets[class] = arena_copy_string(names->arena, synset, strlen(synset), error);
    return name == first || names->synsets[class] ? 0 : -1;
}

static int take_json_list(struct class_names *names, const json_t *list, struct error *error)
{
    size_t capacity = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (set_json(names, &capacity, (int64_t)i, json_array_get(list, i), error))
            return -1;
    }
    return 0;
}

/* {"0": "tench"}, or the other way round, {"tench": 0}. */
static int take_json_map(struct class_names *names, json_t *map, struct error *error)
{
    size_t capacity = 0;
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        int64_t class = json_is_integer(value) ? json_integer_value(value) : number_of(key, strlen(key));
        int result = json_is_integer(value) ? label_set(names, &capacity, class, key, strlen(key), error)
                     : class < 0            ? error_set(error, ERROR_INPUT, "\"%.40s\" is no number of a class", key)
                                            : set_json(names, &capacity, class, value, error);
        if (result)
            return -1;
    }
    return 0;
}

static int take_json(struct class_names *names, json_t *root, struct error *error)
{
    static const char *const holders[] = {"id2label", "names", "labels", "classes", "label2id", "class_to_idx"};
    for (size_t i = 0; json_is_object(root) && i < sizeof holders / sizeof holders[0]; i++) {
        json_t *held = json_object_get(root, holders[i]);
        if (json_is_array(held) || json_is_object(held))
            return take_json(names, held, error);
    }
    return json_is_array(root) ? take_json_list(names, root, error) : take_json_map(names, root, error);
}

int labels_of_json(struct class_names *names, const char *text, size_t length, bool *is_json, struct error *error)
{
    json_t *root = document_read(arena_memory(names->arena), text, length, JSON_REJECT_DUPLICATES, error);
    *is_json = root != NULL;
    int result = root ? take_json(names, root, error) : error_prefix(error, "the class names");
    json_decref(root);
    return result;
}

/* ---- lists and dictionaries of Python and YAML ---- */

struct scanner {
    const char *at, *end;
    struct class_names *names;
    size_t capacity;
    struct error *error;
};

static void skip_blanks(struct scanner *scanner)
{
    while (scanner->at < scanner->end && (strchr(" \t\r\n", *scanner->at) || *scanner->at == '#')) {
        bool comment = *scanner->at == '#';
        while (comment && scanner->at < scanner->end && *scanner->at != '\n')
            scanner->at++;
        scanner->at += scanner->at < scanner->end;
    }
}

static bool take_character(struct scanner *scanner, char character)
{
    bool there = scanner->at < scanner->end && *scanner->at == character;
    scanner->at += there;
    return there;
}

#define MOST_NAME 512

/* In quotes, with backslashes, or doubled ones; else up to what ends it. The length, -1 and an error. */
static int64_t take_scalar(struct scanner *scanner, const char *stops, char out[MOST_NAME])
{
    char quote = scanner->at < scanner->end && strchr("'\"", *scanner->at) ? *scanner->at++ : 0;
    int64_t length = 0;
    for (;; scanner->at++) {
        char character = scanner->at < scanner->end ? *scanner->at : 0;
        if (quote && character == quote) {
            bool doubled = scanner->at + 1 < scanner->end && scanner->at[1] == quote;
            scanner->at++;
            if (!doubled)
                break;
        } else if (quote && character == '\\' && scanner->at + 1 < scanner->end) {
            character = *++scanner->at;
        } else if (character == 0 || (!quote && strchr(stops, character)) ||
                   (!quote && character == '#' && length > 0 && out[length - 1] == ' ')) {
            break;
        }
        if (length < MOST_NAME - 1)
            out[length++] = character;
    }
    if (quote && scanner->at > scanner->end)
        return error_set(scanner->error, ERROR_INPUT, "the class names are damaged: a quote is not closed");
    while (!quote && length > 0 && strchr(" \t\r", out[length - 1]))
        length--;
    out[length] = 0;
    return length;
}

/* [a, 'b'] or {0: a, 1: 'b'}. */
static int take_flow(struct scanner *scanner)
{
    char closing = *scanner->at == '{' ? '}' : ']', text[MOST_NAME];
    scanner->at++;
    for (int64_t next = 0;; next++) {
        int64_t class = next, length;
        skip_blanks(scanner);
        if (take_character(scanner, closing))
            return 0;
        if (closing == '}') {
            length = take_scalar(scanner, ":,}\n", text);
            class = length < 0 ? -1 : number_of(text, (size_t)length);
            skip_blanks(scanner);
            if (class < 0 || !take_character(scanner, ':'))
                return error_set(scanner->error, ERROR_INPUT,
                                 "the class names are no dictionary of numbers and names, like {0: 'cat', 1: 'dog'}");
            skip_blanks(scanner);
        }
        length = take_scalar(scanner, (const char[]){',', '\n', closing, 0}, text);
        if (length < 0 || label_set(scanner->names, &scanner->capacity, class, text, (size_t)length, scanner->error))
            return -1;
        skip_blanks(scanner);
        if (!take_character(scanner, ',') && !(scanner->at < scanner->end && *scanner->at == closing))
            return error_set(scanner->error, ERROR_INPUT, "the class names are damaged behind \"%.60s\"", text);
    }
}

int labels_of_dictionary(struct class_names *names, const char *text, size_t length, struct error *error)
{
    struct scanner scanner = {text, text + length, names, 0, error};
    skip_blanks(&scanner);
    if (take_flow(&scanner))
        return -1;
    skip_blanks(&scanner);
    return scanner.at == scanner.end
               ? 0
               : error_set(error, ERROR_INPUT, "the class names are damaged: there is text behind their end");
}

/* ---- data.yaml ---- */

/* Lines "- cat", or "  0: cat" behind blanks. */
static int take_block(struct scanner *scanner)
{
    char text[MOST_NAME];
    for (int64_t next = 0;; next++) {
        skip_blanks(scanner);
        if (scanner->at == scanner->end)
            return 0;
        int64_t class = next, length;
        bool indented = scanner->at[-1] == ' ' || scanner->at[-1] == '\t';
        bool item = *scanner->at == '-' && (scanner->at + 1 == scanner->end || strchr(" \t\r\n", scanner->at[1]));
        if (!item && !indented)
            return 0;
        if (item) {
            scanner->at++;
        } else {
            length = take_scalar(scanner, ":\n", text);
            class = length < 0 ? -1 : number_of(text, (size_t)length);
            if (class < 0 || !take_character(scanner, ':'))
                return error_set(scanner->error, ERROR_INPUT, "the names in it are no list and no map: \"%.60s\"",
                                 text);
        }
        while (scanner->at < scanner->end && strchr(" \t", *scanner->at))
            scanner->at++;
        length = take_scalar(scanner, "\n", text);
        if (length < 0 || label_set(scanner->names, &scanner->capacity, class, text, (size_t)length, scanner->error))
            return -1;
    }
}

/* What stands behind a line's beginning; NULL: there is no such line. */
static const char *find_line(const char *text, size_t length, const char *key)
{
    for (const char *at = text; at && (size_t)(text + length - at) >= strlen(key);) {
        if (memcmp(at, key, strlen(key)) == 0)
            return at + strlen(key);
        at = memchr(at, '\n', (size_t)(text + length - at));
        at = at ? at + 1 : NULL;
    }
    return NULL;
}

const char *labels_find_yaml(const char *text, size_t length)
{
    return find_line(text, length, "names:");
}

static int check_count(const struct class_names *names, const char *text, size_t length, struct error *error)
{
    const char *at = find_line(text, length, "nc:"), *end = text + length;
    while (at && at < end && strchr(" \t", *at))
        at++;
    const char *stop = at;
    while (stop && stop < end && *stop >= '0' && *stop <= '9')
        stop++;
    int64_t count = at ? number_of(at, (size_t)(stop - at)) : -1;
    return count < 0 || count == names->count
               ? 0
               : error_set(error, ERROR_INPUT, "nc is %" PRId64 " in it, but there are %" PRId64 " names", count,
                           names->count);
}

int labels_of_yaml(struct class_names *names, const char *text, size_t length, const char *value, struct error *error)
{
    struct scanner scanner = {value, text + length, names, 0, error};
    skip_blanks(&scanner);
    bool flow = scanner.at < scanner.end && (*scanner.at == '[' || *scanner.at == '{');
    if ((flow ? take_flow(&scanner) : take_block(&scanner)))
        return -1;
    return names->count > 0 ? check_count(names, text, length, error)
                            : error_set(error, ERROR_INPUT, "there are no names in it");
}
