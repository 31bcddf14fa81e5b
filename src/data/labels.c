#include "data/labels.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/file.h"
#include "base/text.h"
#include "image/image.h"

#define MAX_LIST_BYTES ((size_t)1 << 28)

struct line {
    const char *text;
    size_t length;
};

/* Takes the next line, without its end, off the front of [*at, end). */
static bool next_line(const char **at, const char *end, struct line *line)
{
    if (*at == end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    line->text = *at;
    line->length = (size_t)((stop ? stop : end) - *at);
    if (line->length > 0 && line->text[line->length - 1] == '\r')
        line->length--;
    *at = stop ? stop + 1 : end;
    return true;
}

static int add_name(struct class_names *names, size_t *capacity, const char *name, size_t length, struct error *error)
{
    char printable[256];
    if (names->count == MAX_CLASSES)
        return error_set(error, ERROR_LIMIT, "there are too many class names (limit %d)", MAX_CLASSES);
    names->names = arena_grow(names->arena, names->names, (size_t)names->count, capacity, sizeof *names->names, error);
    if (!names->names)
        return -1;
    text_printable(name, length, printable, sizeof printable);
    names->names[names->count] = arena_copy_string(names->arena, printable, strlen(printable), error);
    return names->names[names->count++] ? 0 : -1;
}

static int names_of_lines(struct class_names *names, const char *text, size_t length, struct error *error)
{
    const char *at = text, *end = text + length;
    size_t capacity = 0;
    struct line line;
    while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    while (next_line(&at, end, &line)) {
        if (add_name(names, &capacity, line.text, line.length, error))
            return -1;
    }
    return 0;
}

static int names_of_json(struct class_names *names, const char *text, size_t length, struct error *error)
{
    json_error_t problem;
    json_t *root = json_loadb(text, length, 0, &problem);
    size_t capacity = 0;
    int result = 0;
    if (!json_is_array(root))
        result = error_set(error, ERROR_INPUT, "the class names are not a JSON list: %s",
                           root ? "it is something else" : problem.text);
    for (size_t i = 0; result == 0 && i < json_array_size(root); i++) {
        const json_t *item = json_array_get(root, i);
        result = json_is_string(item)
                     ? add_name(names, &capacity, json_string_value(item), json_string_length(item), error)
                     : error_set(error, ERROR_INPUT, "class name %zu is not a text", i);
    }
    json_decref(root);
    return result;
}

int class_names_parse(struct memory *memory, const char *text, size_t length, struct class_names *names,
                      struct error *error)
{
    size_t start = 0;
    *names = (struct class_names){.arena = arena_create(memory, error)};
    if (!names->arena)
        return -1;
    while (start < length && strchr(" \t\r\n", text[start]))
        start++;
    int result = start < length && text[start] == '[' ? names_of_json(names, text, length, error)
                                                      : names_of_lines(names, text, length, error);
    if (result)
        class_names_release(names);
    return result;
}

int class_names_read(struct memory *memory, const char *path, struct class_names *names, struct error *error)
{
    size_t length;
    *names = (struct class_names){0};
    char *text = file_read(memory, path, MAX_LIST_BYTES, &length, error);
    if (!text)
        return -1;
    int result = class_names_parse(memory, text, length, names, error);
    memory_release(memory, text);
    return result ? error_prefix(error, "%s", path) : 0;
}

void class_names_release(struct class_names *names)
{
    arena_destroy(names->arena);
    *names = (struct class_names){0};
}

static int folded(char character)
{
    return strchr(" -_/", character) ? '_' : tolower((unsigned char)character);
}

static bool same_when_folded(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (folded(a[i]) != folded(b[i]))
            return false;
    }
    return true;
}

int64_t class_names_find(const struct class_names *names, const char *name, size_t length)
{
    int64_t found = -1;
    for (int64_t i = 0; i < names->count; i++) {
        if (strlen(names->names[i]) != length || length == 0)
            continue;
        if (memcmp(names->names[i], name, length) == 0)
            return i;
        if (same_when_folded(names->names[i], name, length))
            found = found == -1 ? i : -2;
    }
    return found;
}
