/* Arguments of options: shapes, lists, feeds, preprocessing. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int parse_int_list(const char *text, int64_t *values, int capacity)
{
    int count = 0;
    while (*text) {
        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (end == text || errno || count == capacity || (*end && *end != ',' && *end != 'x'))
            return -1;
        values[count++] = value;
        if (*end && !end[1])
            return -1;
        text = *end ? end + 1 : end;
    }
    return count;
}

int parse_number_list(const char *text, double *values, int capacity)
{
    int count = 0;
    while (*text) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || !isfinite(value) || count == capacity || (*end && *end != ',') || (*end && !end[1]))
            return -1;
        values[count++] = value;
        text = *end ? end + 1 : end;
    }
    return count;
}

int parse_class(const struct command *command, const struct opened *opened, const char *labels, const char *text,
                int64_t *class_index)
{
    struct fovea_error error = {0};
    *class_index = FOVEA_CLASS_NONE;
    if (!text)
        return PARSE_GO_ON;
    if (strcmp(text, "predicted") == 0 || strcmp(text, "label") == 0) {
        *class_index = text[0] == 'p' ? FOVEA_CLASS_PREDICTED : FOVEA_CLASS_LABEL;
        return PARSE_GO_ON;
    }
    if (parse_int_list(text, class_index, 1) == 1 && *class_index >= 0)
        return PARSE_GO_ON;
    if (text[strspn(text, "-+0123456789.,")] == 0)
        return fail_usage(command, "--class takes a number from 0, a name, 'predicted' or 'label', not '%s'", text);
    return fovea_class_find(opened->model, labels, text, class_index, &error) ? fail(&error) : PARSE_GO_ON;
}

static int parse_shape(const char *text, struct fovea_shape *shape)
{
    /* The sizes stand behind the last colon: names may hold colons ("input:0"). */
    const char *colon = strrchr(text, ':');
    char *name = NULL;
    if (colon) {
        name = strndup(text, (size_t)(colon - text));
        if (!name)
            return -1;
    }
    shape->name = name;
    shape->rank = parse_int_list(colon ? colon + 1 : text, shape->dims, FOVEA_MAX_RANK);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0)
            return -1;
    }
    return shape->rank < 0 ? -1 : 0;
}

int parse_shapes(const struct text_list *texts, struct fovea_shapes *shapes)
{
    struct fovea_shape *list = needed((size_t)texts->count, sizeof *list);
    *shapes = (struct fovea_shapes){list, texts->count};
    for (int i = 0; i < shapes->count; i++) {
        if (parse_shape(texts->items[i], &list[i])) {
            fprintf(stderr, "fovea: --shape takes sizes like input:1,3,224,224 or 1,3,224,224, not '%s'\n",
                    shown(texts->items[i]));
            return -1;
        }
    }
    return 0;
}

const char *names_text(const char *(*name_of)(int), char out[CLI_LINE])
{
    size_t length = 0;
    out[0] = 0;
    for (int i = 0; name_of(i) && length < CLI_LINE; i++)
        length += (size_t)snprintf(out + length, CLI_LINE - length, "%s%s", i ? ", " : "", name_of(i));
    return out;
}

struct name_list {
    const char *(*name_of)(int);
};

static const char *name_at(const void *names, int index)
{
    return ((const struct name_list *)names)->name_of(index);
}

int parse_names(const struct command *command, const char *option, const char *text, const char *(*name_of)(int),
                unsigned *set)
{
    char known[CLI_LINE], meant[FOVEA_TEXT_SUGGESTION], typed[CLI_TEXT];
    const struct name_list names = {name_of};
    bool all = text && strcmp(text, "all") == 0;
    *set = 0;
    for (int i = 0; all && name_of(i); i++)
        *set |= 1u << i;
    for (const char *word = all ? NULL : text; word;) {
        size_t length = strcspn(word, ",");
        int i = 0;
        while (name_of(i) && (strlen(name_of(i)) != length || strncmp(name_of(i), word, length) != 0))
            i++;
        if (!name_of(i)) {
            snprintf(typed, sizeof typed, "%.*s", (int)length, word);
            return fail_usage(command, "--%s does not know '%s'; there are %s, all%s", option, typed,
                              names_text(name_of, known), fovea_text_suggest(typed, name_at, &names, meant));
        }
        *set |= 1u << i;
        word = word[length] ? word + length + 1 : NULL;
    }
    return PARSE_GO_ON;
}

static const char *word_at(const void *words, int index)
{
    return ((const char *const *)words)[index];
}

int parse_word(const struct command *command, const char *option, const char *text, const char *const *words,
               int *index)
{
    char known[256], meant[FOVEA_TEXT_SUGGESTION];
    size_t length = 0;
    for (*index = 0; words[*index]; ++*index) {
        if (!text || strcmp(text, words[*index]) == 0)
            return PARSE_GO_ON;
    }
    for (int i = 0; words[i] && length < sizeof known; i++)
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", words[i]);
    return fail_usage(command, "--%s does not know '%s'; there are %s%s", option, text, known,
                      fovea_text_suggest(text, word_at, words, meant));
}

struct fovea_feed *parse_feeds(const struct text_list *texts)
{
    struct fovea_feed *feeds = needed((size_t)texts->count, sizeof *feeds);
    for (int i = 0; i < texts->count; i++) {
        const char *sign = strchr(texts->items[i], '=');
        feeds[i].path = texts->items[i];
        if (sign) {
            feeds[i].name = needed_copy(texts->items[i], (size_t)(sign - texts->items[i]));
            feeds[i].path = sign + 1;
        }
    }
    return feeds;
}

void free_feeds(struct fovea_feed *feeds, int count)
{
    for (int i = 0; i < count; i++)
        free((void *)(uintptr_t)feeds[i].name);
    free(feeds);
}

/* One number for all channels, or three. */
static int parse_channels(const char *option, const char *text, bool *has, float values[3])
{
    double numbers[3];
    int count = text ? parse_number_list(text, numbers, 3) : 0;
    if (!text)
        return 0;
    if (count != 1 && count != 3) {
        fprintf(stderr, "fovea: --%s takes one number or three, like 0.485,0.456,0.406, not '%s'\n", option,
                shown(text));
        return -1;
    }
    for (int i = 0; i < 3; i++)
        values[i] = (float)numbers[count == 3 ? i : 0];
    *has = true;
    return 0;
}

/* "256", or "256x320" as height and width. */
static int parse_resize(const char *text, struct fovea_preprocess *preprocess)
{
    int64_t sides[2];
    bool pair = text && strchr(text, 'x');
    int count = text ? parse_int_list(text, sides, 2) : 0;
    if (!text)
        return 0;
    if (count != 1 + pair || sides[0] < 1 || (pair && sides[1] < 1)) {
        fprintf(stderr,
                "fovea: --resize takes the shorter side, like 256, or a height and width, like 256x320, not '%s'\n",
                shown(text));
        return -1;
    }
    if (pair)
        memcpy(preprocess->stretch, sides, sizeof sides);
    else
        preprocess->resize = sides[0];
    return 0;
}

static int parse_fill(const char *text, struct fovea_preprocess *preprocess)
{
    int64_t values[3];
    int count = text ? parse_int_list(text, values, 3) : 0;
    bool good = count == 1 || count == 3;
    for (int c = 0; good && c < 3; c++) {
        int64_t value = values[count == 3 ? c : 0];
        good = value >= 0 && value <= 255;
        preprocess->fill[c] = (uint8_t)value;
    }
    preprocess->has_fill = good;
    if (!text || good)
        return 0;
    fprintf(stderr, "fovea: --letterbox-colour takes one number of 0 to 255 or three, not '%s'\n", shown(text));
    return -1;
}

int parse_preprocess(const struct preprocess_options *options, struct fovea_preprocess *preprocess)
{
    *preprocess = options->made;
    if (parse_resize(options->resize, preprocess) || parse_fill(options->fill, preprocess) ||
        parse_channels("mean", options->mean, &preprocess->has_mean, preprocess->mean) ||
        parse_channels("std", options->std, &preprocess->has_std, preprocess->std))
        return -1;
    return 0;
}

/* ---- the command line as text ---- */

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
    return word[0] && word[strspn(word, plain)] == 0;
}

/* Returns the end. */
static char *add_typed(char *at, const char *word)
{
    *at++ = ' ';
    if (is_plain(word))
        return stpcpy(at, word);
    *at++ = '\'';
    for (; *word; word++)
        at = *word == '\'' ? stpcpy(at, "'\\''") : (*at = *word, at + 1);
    return stpcpy(at, "'");
}

char *typed_words(int argc, char **argv)
{
    size_t size = sizeof "fovea";
    for (int i = 0; i < argc; i++)
        size += 4 * strlen(argv[i]) + 3;
    char *text = needed(size, 1), *at = stpcpy(text, "fovea");
    for (int i = 0; i < argc; i++)
        at = add_typed(at, argv[i]);
    return text;
}
