/* fovea ops: the coverage table, read from the operators' own entries. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "report/json.h"

static void print_operators(bool internal)
{
    struct fovea_operator entry;
    int count = 0;
    printf("%-16s %-28s %-9s %-9s %s\n", "domain", "operator", "opsets", "gradient", "receptive field");
    for (int i = 0; fovea_operator_at(i, &entry); i++) {
        char opsets[32];
        if (!internal && strcmp(entry.domain, "fovea.internal") == 0)
            continue;
        if (entry.until)
            snprintf(opsets, sizeof opsets, "%d-%d", entry.since, entry.until);
        else
            snprintf(opsets, sizeof opsets, "%d-", entry.since);
        printf("%-16s %-28s %-9s %-9s %s\n", entry.domain[0] ? entry.domain : "ai.onnx", entry.name, opsets,
               entry.gradient ? "yes" : "-", entry.receptive_field ? "local" : "global");
        count++;
    }
    printf("%d entries\n", count);
}

static char *operators_text(void)
{
    json_t *document = report_document("fovea.ops"), *list = json_array();
    struct fovea_operator entry;
    for (int i = 0; fovea_operator_at(i, &entry); i++)
        json_array_append_new(list, report_operator(&entry));
    json_object_set_new(document, "operators", list);
    return report_text(document);
}

int verb_ops(int argc, char **argv)
{
    bool json = false, internal = false;
    const struct option_row rows[] = {
        {"json", 0, OPTION_FLAG, &json, NULL, "print JSON instead of the table"},
        {"internal", 0, OPTION_FLAG, &internal, NULL, "operators that only execution graphs hold, too"},
        {0}};
    struct command command = {.verb = "ops",
                              .arguments = "[options]",
                              .summary = "The operators that fovea has, with the opsets they cover.",
                              .example = "fovea ops --json",
                              .rows = rows};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && command.positional_count > 0)
        code = fail_usage(&command, "takes no file");
    if (code == PARSE_GO_ON) {
        char *text = json ? operators_text() : NULL;
        if (json)
            fputs(text ? text : "", stdout);
        else
            print_operators(internal);
        free(text);
        code = FOVEA_CLEAN;
    }
    command_free(&command);
    return code;
}
