/* Several models of one command line: each on its own, then a table of all. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void name_model(const char *path, char (*names)[CLI_TEXT], int index)
{
    char *name = names[index], base[CLI_TEXT - 16];
    const char *slash = strrchr(path, '/');
    snprintf(base, sizeof base, "%s", is_stream(path) ? "stdin" : slash ? slash + 1 : path);
    char *dot = strrchr(base, '.');
    if (dot && dot > base)
        *dot = 0;
    snprintf(name, CLI_TEXT, "%s", base);
    for (int i = 0, number = 2; i < index; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        snprintf(name, CLI_TEXT, "%s_%d", base, number++);
        i = -1;
    }
}

void name_models(const struct command *command, char (*names)[CLI_TEXT])
{
    for (int i = 0; i < command->positional_count; i++)
        name_model(command->positional[i], names, i);
}

/* One model; its context is closed. Returns the exit code. */
static int visit_model(const struct command *command, int index, model_visit *visit, void *flags,
                       struct model_result *result)
{
    struct opened opened = {0};
    struct command one = *command;
    int code;
    one.positional = command->positional + index;
    one.positional_count = command->positional_count > 0; /* none: open_model says so */
    if (open_model(&one, &opened, &code) == 0)
        code = visit(&opened, &one, flags, result);
    close_model(&opened);
    result->code = code;
    return code;
}

/* A model's JSON goes out while its context is open: it knows whether memory ended. */
int hand_json(const struct opened *opened, struct model_result *result, const char *json, char *text)
{
    if (!result->several)
        return write_json(opened, json, text);
    result->json = needed_text(text);
    return FOVEA_CLEAN;
}

static void print_table(const struct command *command, const struct model_result *results)
{
    size_t width = 5;
    for (int i = 0; i < command->positional_count; i++) {
        size_t length = strlen(command->positional[i]);
        width = length > width ? length : width;
    }
    width = width > 60 ? 60 : width;
    printf("\n%-*s  %-4s  %s\n", (int)width, "model", "exit", "");
    for (int i = 0; i < command->positional_count; i++) {
        char name[CLI_TEXT], code[16];
        fovea_text_shorten(command->positional[i], 60, name, sizeof name);
        snprintf(code, sizeof code, "%-4d", results[i].code);
        printf("%-*s  ", (int)width, name);
        print_coloured(stdout,
                       results[i].code == FOVEA_CLEAN      ? COLOUR_PASS
                       : results[i].code == FOVEA_FINDINGS ? COLOUR_ADVICE
                                                           : COLOUR_PROBLEM,
                       code);
        printf("  ");
        print_wrapped(stdout, (int)width + 8, (int)width + 8, results[i].told);
        printf("\n");
    }
}

static int write_documents(const struct command *command, const struct model_result *results, const char *json)
{
    struct fovea_error error = {0};
    struct fovea_model_document *list = needed((size_t)command->positional_count, sizeof *list);
    for (int i = 0; i < command->positional_count; i++)
        list[i] = (struct fovea_model_document){.model = command->positional[i],
                                                .code = results[i].code,
                                                .error = results[i].code >= FOVEA_BAD_INPUT ? results[i].told : NULL,
                                                .json = results[i].json};
    char *text = fovea_models_json(list, command->positional_count, &error);
    free(list);
    return text ? write_json(NULL, json, text) : fail(&error);
}

static int visit_several(const struct command *command, const char *json, bool lines, model_visit *visit, void *flags)
{
    int count = command->positional_count, worst = FOVEA_CLEAN;
    struct model_result *results = needed((size_t)count, sizeof *results);
    char(*names)[CLI_TEXT] = needed((size_t)count, CLI_TEXT);
    name_models(command, names);
    for (int i = 0; i < count && !is_interrupted(); i++) {
        results[i] = (struct model_result){.several = true, .name = names[i]};
        if (lines && i > 0)
            printf("\n");
        fflush(stdout);
        int code = visit_model(command, i, visit, flags, &results[i]);
        if (code >= FOVEA_BAD_INPUT)
            snprintf(results[i].told, sizeof results[i].told, "%s", last_failure());
        worst = code > worst ? code : worst;
    }
    if (lines && !is_interrupted())
        print_table(command, results);
    int written = json && !is_interrupted() ? write_documents(command, results, json) : FOVEA_CLEAN;
    for (int i = 0; i < count; i++)
        fovea_text_free(results[i].json);
    free(results);
    free(names);
    return written > worst ? written : worst;
}

int visit_models(const struct command *command, const char *json, bool lines, model_visit *visit, void *flags)
{
    struct model_result result = {0};
    if (command->positional_count > 1)
        return visit_several(command, json, lines, visit, flags);
    return visit_model(command, 0, visit, flags, &result);
}
