/* What is typed next: the training behind a rewrite, with the options that its images were given with. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void print_word(const char *word)
{
    size_t length = fovea_text_word(word, NULL, 0);
    char *quoted = needed(length, 1);
    fovea_text_word(word, quoted, length + 1);
    fovea_text_printable(quoted);
    printf(" %s", quoted);
    free(quoted);
}

static void print_option(const char *name, const char *value)
{
    printf(" --%s", name);
    if (value)
        print_word(value);
}

/* Of the rows that both verbs have, how images are prepared and read. */
static bool is_of_images(const char *name)
{
    static const char *const names[] = {"preprocess",       "mean",       "std",      "resize", "letterbox",
                                        "letterbox-colour", "crop",       "channels", "exif",   "interpolation",
                                        "labels",           "skip-broken"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void print_given(const struct command *command)
{
    for (int i = 0; command->rows[i].name; i++) {
        const struct option_row *row = &command->rows[i];
        char number[32];
        if (!command->given[i] || !is_of_images(row->name))
            continue;
        if (row->kind == OPTION_COUNT)
            snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)row->target);
        print_option(row->name, row->kind == OPTION_FLAG    ? NULL
                                : row->kind == OPTION_COUNT ? number
                                                            : *(const char *const *)row->target);
    }
}

static void print_common(const struct common_options *common)
{
    char number[32];
    for (int i = 0; i < common->shapes.count; i++)
        print_option("shape", common->shapes.items[i]);
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"threads", common->threads}, {"seed", common->seed}, {"max-memory", common->max_memory}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(number, sizeof number, "%" PRId64, numbers[i].value);
        if (numbers[i].value != 0)
            print_option(numbers[i].name, number);
    }
    if (common->cpu)
        print_option("cpu", common->cpu);
    if (common->no_winograd)
        print_option("no-winograd", NULL);
}

/* "new-tuned.onnx" of "new.onnx". */
static void print_output(const char *model)
{
    size_t length = strlen(model), stem = length;
    if (length > 5 && strcmp(model + length - 5, ".onnx") == 0)
        stem -= 5;
    char *path = needed(length + sizeof "-tuned.onnx", 1);
    snprintf(path, length + sizeof "-tuned.onnx", "%.*s-tuned.onnx", (int)stem, model);
    printf(" -o");
    print_word(path);
    free(path);
}

void print_tune_command(const struct command *command, const char *model, const char *data, const char *recipe)
{
    printf("fovea tune");
    print_word(model);
    printf(" --data");
    if (data)
        print_word(data);
    else
        printf(" DATA");
    print_option("recipe", recipe);
    print_given(command);
    print_common(&command->common);
    print_output(model);
    printf("\n");
}
