/* fovea check: all problems of a file at once. */
#include <stdlib.h>

#include "cli.h"

static void print_findings(const char *path, const struct fovea_findings *findings)
{
    int notes = findings->count - findings->problems;
    for (int i = 0; i < findings->count; i++) {
        printf("%-8s %-22s ", findings->list[i].severity == FOVEA_PROBLEM ? "problem" : "note", findings->list[i].code);
        print_words(stdout, findings->list[i].text);
        printf("\n");
    }
    if (findings->problems == 0)
        printf("%s: no problems", path);
    else
        printf("%s: %d problem%s", path, findings->problems, findings->problems == 1 ? "" : "s");
    if (notes > 0)
        printf(", %d note%s", notes, notes == 1 ? "" : "s");
    printf("\n");
}

int verb_check(int argc, char **argv)
{
    bool json = false;
    const struct option_row rows[] = {{"json", 0, OPTION_FLAG, &json, NULL, "print JSON instead of lines"}, {0}};
    struct command command = {
        .verb = "check",
        .arguments = "MODEL [options]",
        .summary = "Everything that is wrong with a model file, at once: operators that are missing, shapes "
                   "that do not fit,\nweights that are not finite. Exit code 1 when there is a problem.",
        .example = "fovea check resnet50.onnx",
        .rows = rows};
    struct opened opened = {0};
    struct fovea_error error = {0};
    struct fovea_findings findings;
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0) {
        bind_free_batch(&opened);
        if (fovea_check(opened.model, &opened.shapes, &findings, &error)) {
            code = fail(&error);
        } else {
            if (json)
                print_json(fovea_findings_json(opened.model, &findings, NULL));
            else
                print_findings(command.positional[0], &findings);
            code = findings.problems > 0 ? FOVEA_FINDINGS : FOVEA_CLEAN;
            fovea_findings_free(&findings);
        }
    }
    close_model(&opened);
    command_free(&command);
    return code;
}
