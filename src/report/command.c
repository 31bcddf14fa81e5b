/* What the program `fovea` calls things: the one place that knows its flags. Pages and JSON are read beside it. */
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a flag is not the field's name with dashes. */
static const struct {
    const char *field, *words;
} spellings[] = {
    {"batch", "-b"},
    {"brightness", "--colour"},
    {"checkpoint_seconds", "--checkpoint-every"},
    {"checkpoint_steps", "--checkpoint-every"},
    {"class_index", "--class"},
    {"contrast", "--colour"},
    {"corruptions", "--corrupt"},
    {"decays", "--decay-class"},
    {"erf.class_index", "erf --class"},
    {"eval.no_labels", "eval --no-labels"},
    {"feeds", "--images"},
    {"feeds.name", "-i NAME=FILE"},
    {"fill", "--letterbox-colour"},
    {"formats", "--format"},
    {"fovea_audit", "'fovea audit MODEL -o DIR'"},
    {"fovea_inspect", "fovea inspect"},
    {"fovea_positions", "erf --positions"},
    {"fovea_tune", "'tune'"},
    {"guides", "--only"},
    {"half_weights", "--weights half"},
    {"highest", "--vmax"},
    {"hue", "--colour"},
    {"level", "--fail-on"},
    {"loader_threads", "--loaders"},
    {"log_scale", "--log"},
    {"methods", "--method"},
    {"names", "--labels"},
    {"new_classes", "--new-head"},
    {"nodes", "--only-node"},
    {"optimiser", "--optimizer"},
    {"perturbed_pixels", "--perturb"},
    {"rank", "--class"},
    {"ranks", "--class"},
    {"rates", "--rate-of"},
    {"reinitialise", "--reinit"},
    {"rules", "--fail-on"},
    {"samples.feeds", "--images PATH or -i FILE.npy"},
    {"saturation", "--colour"},
    {"scale", "--log"},
    {"session.values", "run --value"},
    {"settings", "--set"},
    {"severities", "--severity"},
    {"shapes", "--shape"},
    {"statistics", "--freeze-bn"},
    {"stretch", "--resize"},
    {"tune.new_classes", "tune's --new-head"},
    {"tune.recipe", "tune --recipe"},
    {"validation_share", "--validation"},
    {"values", "--value"},
    {"warmup_epochs", "--warmup"},
    {"width", "--size"},
};

/* A text that may be cut, but knows how long it would be. */
struct cut_text {
    char *out;
    size_t size, length;
};

static void add(struct cut_text *text, const char *bytes, size_t length)
{
    if (text->length < text->size) {
        size_t left = text->size - text->length, taken = length < left ? length : left;
        memcpy(text->out + text->length, bytes, taken);
    }
    text->length += length;
}

static void add_text(struct cut_text *text, const char *bytes)
{
    add(text, bytes, strlen(bytes));
}

static size_t finish(const struct cut_text *text)
{
    if (text->size > 0)
        text->out[text->length < text->size ? text->length : text->size - 1] = 0;
    return text->length;
}

/* NULL: by the rule. */
static const char *find_spelling(const char *field, size_t length)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strlen(spellings[i].field) == length && memcmp(spellings[i].field, field, length) == 0)
            return spellings[i].words;
    }
    return NULL;
}

/* Of "data.loader_threads" what stands behind the last dot is the option, unless the whole has words of its own. */
static void add_flag(struct cut_text *text, const char *field, size_t length)
{
    const char *words = find_spelling(field, length), *end = field + length, *last = end;
    while (last > field && last[-1] != '.')
        last--;
    words = words ? words : find_spelling(last, (size_t)(end - last));
    if (words) {
        add_text(text, words);
        return;
    }
    field = last;
    length = (size_t)(end - last);
    add_text(text, "--");
    for (size_t i = 0; i < length; i++)
        add(text, field[i] == '_' ? "-" : field + i, 1);
}

/* Of the field that `text`, behind a backquote, begins with, closed by another; 0: it is none. */
static size_t field_length(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_.");
    return text[length] == '`' ? length : 0;
}

size_t fovea_text_flags(const char *text, char *out, size_t size)
{
    struct cut_text made = {out, size, 0};
    while (*text) {
        size_t plain = strcspn(text, "`"), length = text[plain] ? field_length(text + plain + 1) : 0;
        add(&made, text, plain + (text[plain] && length == 0));
        if (length > 0)
            add_flag(&made, text + plain + 1, length);
        text += plain + (text[plain] != 0) + (length > 0 ? length + 1 : 0);
    }
    return finish(&made);
}

/* As a shell takes it: quoted where it holds anything but plain characters. */
static void add_word(struct cut_text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
    if (*word && word[strspn(word, plain)] == 0) {
        add_text(text, word);
        return;
    }
    add_text(text, "'");
    for (; *word; word++)
        add(text, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    add_text(text, "'");
}

size_t fovea_text_word(const char *word, char *out, size_t size)
{
    struct cut_text made = {out, size, 0};
    add_word(&made, word);
    return finish(&made);
}

size_t fovea_command_text(const struct fovea_command *command, char *out, size_t size)
{
    struct cut_text made = {out, size, 0};
    add_text(&made, "fovea rewrite ");
    add_word(&made, command->model);
    add_text(&made, " -o NEW.onnx --apply ");
    add_word(&made, command->guide);
    for (int i = 0; i < command->option_count; i++) {
        const struct fovea_command_option *option = &command->options[i];
        add_text(&made, " ");
        add_flag(&made, option->field, strlen(option->field));
        if (option->value) {
            add_text(&made, " ");
            add_word(&made, option->value);
        }
    }
    return finish(&made);
}

/* ---- in documents ---- */

/* Takes over the words; NULL: there was no memory. */
static json_t *string_of(char *words)
{
    json_t *string = words ? document_string(words) : NULL;
    free(words);
    return string;
}

json_t *report_prose(const char *text)
{
    size_t size = text ? fovea_text_flags(text, NULL, 0) + 1 : 0;
    char *words = text ? malloc(size) : NULL;
    if (words)
        fovea_text_flags(text, words, size);
    return text ? string_of(words) : json_null();
}

json_t *report_command(const struct fovea_command *command)
{
    size_t size = command ? fovea_command_text(command, NULL, 0) + 1 : 0;
    char *words = command ? malloc(size) : NULL;
    if (words)
        fovea_command_text(command, words, size);
    return command ? string_of(words) : json_null();
}
