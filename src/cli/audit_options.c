/* The options that audit and rewrite share. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int split_words(const struct command *command, const char *option, const char *text, struct text_list *words)
{
    bool empty = false;
    *words = (struct text_list){0};
    for (char *word = text ? needed_copy(text, strlen(text)) : NULL; word;) {
        char *comma = strchr(word, ',');
        if (comma)
            *comma = 0;
        words->items = needed_more(words->items, (size_t)words->count + 1, sizeof *words->items);
        words->items[words->count++] = word;
        empty = empty || !*word;
        word = comma ? comma + 1 : NULL;
    }
    return empty ? fail_usage(command, "--%s takes names with a comma between two, not '%s'", option, text)
                 : PARSE_GO_ON;
}

void free_words(struct text_list *words)
{
    if (words->items)
        free((void *)(uintptr_t)words->items[0]);
    free(words->items);
    *words = (struct text_list){0};
}

const char *guide_at(int index)
{
    struct fovea_guide guide;
    return fovea_guide_at(index, &guide) ? guide.name : NULL;
}

const char *setting_at(int index)
{
    static char text[128];
    struct fovea_guide_option option;
    if (!fovea_guide_option_at(index, &option))
        return NULL;
    snprintf(text, sizeof text, "%s.%s=", option.guide, option.name);
    return text;
}

void print_guide_options(FILE *out)
{
    struct fovea_guide guide;
    struct fovea_guide_option option;
    fprintf(out, "\nguides:\n");
    for (int i = 0; fovea_guide_at(i, &guide); i++) {
        char text[CLI_LINE];
        snprintf(text, sizeof text, "%s (%s)", guide.title, guide.paper);
        print_entry(out, 18, guide.name, text);
    }
    fprintf(out, "\nsettings, --set GUIDE.NAME=VALUE:\n");
    for (int i = 0; fovea_guide_option_at(i, &option); i++) {
        char name[64], help[CLI_LINE], text[2 * CLI_LINE];
        snprintf(name, sizeof name, "%s.%s", option.guide, option.name);
        fovea_text_flags(option.help, help, sizeof help);
        snprintf(text, sizeof text, "%s; %s (default %s)", option.values, help, option.otherwise);
        print_entry(out, 28, name, text);
    }
}

int parse_audit(const struct command *command, const struct audit_flags *flags, const struct opened *opened,
                struct parsed_samples *parsed, struct fovea_audit_options *options)
{
    int64_t size[2] = {0, 0};
    *parsed = (struct parsed_samples){0};
    if (flags->input_size) {
        int count = parse_int_list(flags->input_size, size, 2);
        size[1] = count == 1 ? size[0] : size[1];
        if (count < 1 || size[0] < 1 || size[1] < 1 || size[0] > 1 << 20 || size[1] > 1 << 20)
            return fail_usage(command, "--input-size takes HxW, like 512x1024, not '%s'", flags->input_size);
    }
    if (flags->options.task && strcmp(flags->options.task, "small-detail") != 0)
        return fail_usage(command, "--task takes 'small-detail', not '%s'", flags->options.task);
    if (flags->full && flags->options.budget > 0)
        return fail_usage(command, "--full is without a --budget");
    int code = parse_samples(&flags->samples, opened, NULL, parsed);
    *options = flags->options;
    options->samples = parsed->samples;
    options->budget = flags->full ? -1 : options->budget;
    memcpy(options->input_size, size, sizeof size);
    options->settings = flags->settings.items;
    options->setting_count = flags->settings.count;
    return code;
}
