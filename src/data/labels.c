#include "data/label_forms.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define MAX_LIST_BYTES ((size_t)1 << 28)

struct line {
    const char *text;
    size_t length;
};

/* Takes the next line, without its end and blanks there, off the front of [*at, end). */
static bool next_line(const char **at, const char *end, struct line *line)
{
    if (*at == end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    line->text = *at;
    line->length = (size_t)((stop ? stop : end) - *at);
    while (line->length > 0 && strchr(" \t\r", line->text[line->length - 1]))
        line->length--;
    *at = stop ? stop + 1 : end;
    return true;
}

/* "n01440764 tench, Tinca tinca" has a WordNet number in front; "0: tench" a number of the class, as "0 tench" and
 * "0,tench" may have. */
struct entry {
    struct line name, synset;
    int64_t class; /* -1: none is told */
    bool sure;     /* a colon stands behind it */
};

static struct entry entry_of(const struct line *line)
{
    const char *blank = memchr(line->text, ' ', line->length);
    const char *tab = memchr(line->text, '\t', line->length), *stop = !blank || (tab && tab < blank) ? tab : blank;
    struct entry entry = {*line, {NULL, 0}, -1, false};
    if (stop && label_is_synset(line->text, (size_t)(stop - line->text)))
        entry.synset = (struct line){line->text, (size_t)(stop - line->text)};
    size_t digits = 0;
    while (digits < line->length && line->text[digits] >= '0' && line->text[digits] <= '9')
        digits++;
    if (digits > 0 && digits < 8 && digits < line->length && strchr(":,; \t", line->text[digits])) {
        entry.class = strtoll(line->text, NULL, 10);
        entry.sure = line->text[digits] == ':';
    }
    const char *from = entry.synset.text ? stop : entry.class >= 0 ? line->text + digits + 1 : line->text;
    while (from > line->text && from < line->text + line->length && strchr(" \t", *from))
        from++;
    if (from > line->text)
        entry.name = (struct line){from, line->length - (size_t)(from - line->text)};
    return entry;
}

/* Whether all lines that are not empty have a synset (numbered: the number of their class, in order unless it is sure
 * to be one) in front. */
static bool all_have_heads(const char *text, const char *end, bool numbered)
{
    struct line line;
    int64_t count = 0;
    while (next_line(&text, end, &line)) {
        struct entry entry = entry_of(&line);
        bool counts = entry.class >= 0 && (entry.sure || entry.class == count);
        if (line.length > 0 && !(numbered ? counts : entry.synset.text != NULL))
            return false;
        count += line.length > 0;
    }
    return count > 0;
}

static int names_of_lines(struct class_names *names, const char *text, size_t length, struct error *error)
{
    const char *at = text, *end = text + length;
    size_t capacity = 0;
    struct line line;
    while (end > text && strchr(" \t\r\n", end[-1]))
        end--;
    bool synsets = all_have_heads(text, end, false), numbered = !synsets && all_have_heads(text, end, true);
    while (next_line(&at, end, &line)) {
        struct entry entry = entry_of(&line);
        const struct line *name = synsets || numbered ? &entry.name : &line;
        int64_t class = numbered ? entry.class : names->count;
        if (line.length == 0 && (synsets || numbered))
            continue;
        if (label_set(names, &capacity, class, name->text, name->length, error))
            return -1;
        if (synsets &&
            !(names->synsets[class] = arena_copy_string(names->arena, entry.synset.text, entry.synset.length, error)))
            return -1;
    }
    return 0;
}

static int parse(struct class_names *names, const char *text, size_t length, struct error *error)
{
    size_t start = 0, mark = text_mark(text, length);
    text += mark;
    length -= mark;
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return error_set(error, ERROR_INPUT, "the class names are in UTF-16: save them as UTF-8");
    if (memchr(text, 0, length))
        return error_set(error, ERROR_INPUT, "the class names are no text: there are zero bytes in them");
    while (start < length && strchr(" \t\r\n", text[start]))
        start++;
    const char *yaml = labels_find_yaml(text, length);
    if (start == length || !strchr("[{", text[start]))
        return yaml ? labels_of_yaml(names, text, length, yaml, error) : names_of_lines(names, text, length, error);
    struct error problem = ERROR_INITIALISER;
    bool is_json;
    if (labels_of_json(names, text, length, &is_json, &problem) == 0)
        return 0;
    if (!is_json && problem.kind != ERROR_MEMORY &&
        labels_of_dictionary(names, text + start, length - start, NULL) == 0)
        return 0;
    return error_set(error, problem.kind, "%s", problem.message);
}

int class_names_parse(struct memory *memory, const char *text, size_t length, struct class_names *names,
                      struct error *error)
{
    *names = (struct class_names){.arena = arena_create(memory, error)};
    if (!names->arena)
        return -1;
    if (parse(names, text, length, error) == 0)
        return 0;
    class_names_release(names);
    return -1;
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
    if (result == 0 && names->count == 0) {
        class_names_release(names);
        result = error_set(error, ERROR_INPUT, "there are no class names in it");
    }
    return result ? error_prefix(error, "%s", path) : 0;
}

static int copy_names(struct class_names *names, const char *const *list, int64_t count, struct error *error)
{
    if (count < 1 || count > MAX_CLASSES)
        return error_set(error, ERROR_INPUT, "%" PRId64 " names of classes are not between 1 and %d", count,
                         MAX_CLASSES);
    names->names = arena_allocate(names->arena, (size_t)count, sizeof *names->names, error);
    for (int64_t i = 0; names->names && i < count; i++) {
        if (!list[i])
            return error_set(error, ERROR_INPUT, "class %" PRId64 " of %" PRId64 " has no name", i, count);
        if (!(names->names[i] = arena_copy_string(names->arena, list[i], strlen(list[i]), error)))
            return -1;
    }
    names->count = count;
    return names->names ? 0 : -1;
}

int class_names_copy(struct memory *memory, const char *const *list, int64_t count, struct class_names *names,
                     struct error *error)
{
    *names = (struct class_names){.arena = arena_create(memory, error)};
    if (names->arena && copy_names(names, list, count, error) == 0)
        return 0;
    class_names_release(names);
    return -1;
}

void class_names_release(struct class_names *names)
{
    arena_destroy(names->arena);
    *names = (struct class_names){0};
}

static int folded(char character)
{
    return strchr(" -_/", character)              ? '_'
           : character >= 'A' && character <= 'Z' ? character - 'A' + 'a'
                                                  : (unsigned char)character;
}

static bool same_when_folded(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (folded(a[i]) != folded(b[i]))
            return false;
    }
    return true;
}

static bool is_called(const char *own, size_t own_length, const char *name, size_t length, bool exactly)
{
    return own_length == length && (exactly ? memcmp(own, name, length) == 0 : same_when_folded(own, name, length));
}

/* "tench" of "tench, Tinca tinca". */
static bool has_synonym(const char *own, const char *name, size_t length)
{
    while (*own) {
        size_t part = strcspn(own, ",");
        if (is_called(own, part, name, length, false))
            return true;
        own += part + strspn(own + part, ", ");
    }
    return false;
}

/* "0 tench" of "tench", where that is class 0. */
static bool is_numbered(const char *own, int64_t class, const char *name, size_t length)
{
    size_t digits = strspn(name, "0123456789");
    if (digits == 0 || digits > 8 || digits + 1 >= length || !strchr(" _-.,:;\t", name[digits]) ||
        strtoll(name, NULL, 10) != class)
        return false;
    for (digits++; digits < length && name[digits] == ' ';)
        digits++;
    return is_called(own, strlen(own), name + digits, length - digits, false);
}

enum likeness { EXACTLY, FOLDED, BY_SYNSET, BY_SYNONYM, BY_NUMBER_TOO, LIKENESSES };

static bool is_like(const struct class_names *names, int64_t class, const char *name, size_t length,
                    enum likeness likeness)
{
    const char *own = names->names[class], *synset = names->synsets ? names->synsets[class] : NULL;
    if (likeness == BY_SYNSET)
        return synset && is_called(synset, strlen(synset), name, length, true);
    if (likeness == BY_NUMBER_TOO)
        return own[0] && is_numbered(own, class, name, length);
    if (likeness == BY_SYNONYM)
        return strchr(own, ',') && has_synonym(own, name, length);
    return is_called(own, strlen(own), name, length, likeness == EXACTLY);
}

int64_t class_names_find(const struct class_names *names, const char *name, size_t length)
{
    for (int likeness = 0; length > 0 && likeness < LIKENESSES; likeness++) {
        int64_t found = -1;
        for (int64_t i = 0; i < names->count; i++) {
            if (is_like(names, i, name, length, (enum likeness)likeness))
                found = found == -1 ? i : -2;
        }
        if (found != -1)
            return found;
    }
    return -1;
}
