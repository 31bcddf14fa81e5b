/* fovea check: all problems of a file at once. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MOST_OF_A_CODE 6 /* printed; JSON has all */

/* How many findings from `first` on have its code. */
static int count_of_code(const struct fovea_findings *findings, int first)
{
    int count = 0;
    while (first + count < findings->count &&
           strcmp(findings->list[first + count].code, findings->list[first].code) == 0)
        count++;
    return count;
}

static void print_code(const struct fovea_findings *findings, int first, int count)
{
    int shown = count > MOST_OF_A_CODE + 1 ? MOST_OF_A_CODE : count;
    for (int i = first; i < first + shown; i++) {
        bool problem = findings->list[i].severity == FOVEA_PROBLEM;
        print_coloured(stdout, problem ? COLOUR_PROBLEM : COLOUR_NOTE, problem ? "problem " : "note    ");
        printf(" %-22s ", findings->list[i].code);
        print_words_wrapped(32, 32, findings->list[i].text);
        printf("\n");
    }
    if (shown < count)
        printf("%-8s %-22s and %d more; --json lists all\n", "", findings->list[first].code, count - shown);
}

/* ", 3 notes (2 unsteady, 1 unused-weight)" of one severity; nothing where there are none. */
static void print_counts(const struct fovea_findings *findings, enum fovea_severity severity, const char *word, int all)
{
    const char *before = " (";
    printf("%d %s%s", all, word, all == 1 ? "" : "s");
    for (int i = 0, count; i < findings->count && all > 1; i += count) {
        count = count_of_code(findings, i);
        if (findings->list[i].severity == severity) {
            printf("%s%d %s", before, count, findings->list[i].code);
            before = ", ";
        }
    }
    printf("%s", all > 1 ? ")" : "");
}

static void print_findings(const char *path, const struct fovea_findings *findings)
{
    int notes = findings->count - findings->problems;
    for (int i = 0, count; i < findings->count; i += count) {
        count = count_of_code(findings, i);
        print_code(findings, i, count);
    }
    printf("%s: ", shown(path));
    if (findings->problems == 0)
        print_coloured(stdout, COLOUR_PASS, "no problems");
    else
        print_counts(findings, FOVEA_PROBLEM, "problem", findings->problems);
    if (notes > 0) {
        printf(", ");
        print_counts(findings, FOVEA_NOTE, "note", notes);
    }
    printf("\n");
}

static void print_codes(FILE *out)
{
    const struct fovea_finding_kind *kind;
    fprintf(out, "\nfindings:\n");
    for (int i = 0; (kind = fovea_finding_kind_at(i)) != NULL; i++) {
        char name[CLI_TEXT];
        snprintf(name, sizeof name, "%-8s %s", kind->severity == FOVEA_PROBLEM ? "problem" : "note", kind->code);
        print_entry(out, 30, name, kind->meaning);
    }
}

struct flags {
    const char *json;
    struct gate_flags gate;
};

static int check(struct opened *opened, const struct command *command, void *user, struct model_result *result)
{
    struct flags *flags = user;
    struct fovea_error error = {0};
    struct fovea_findings findings;
    bind_free_batch(opened);
    if (fovea_check(opened->model, &opened->shapes, &findings, &error))
        return fail(&error);
    int stops = gate_check(&flags->gate, opened, &findings), written = FOVEA_CLEAN;
    if (flags->json)
        written = hand_json(opened, result, flags->json, fovea_findings_json(opened->model, &findings, NULL));
    if (!gate_alone(&flags->gate, flags->json))
        print_findings(command->positional[0], &findings);
    int notes = findings.count - findings.problems;
    snprintf(result->told, sizeof result->told, "%d problem%s, %d note%s", findings.problems,
             findings.problems == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
    fovea_findings_free(&findings);
    if (written == FOVEA_CLEAN && !result->several)
        written = write_gate(&flags->gate, opened);
    return written != FOVEA_CLEAN ? written : stops < 0 ? FOVEA_BAD_INPUT : stops ? FOVEA_FINDINGS : FOVEA_CLEAN;
}

static int check_flags(const struct command *command, struct flags *flags)
{
    static const char *const levels[] = {"problem", "note", "never", NULL};
    struct fovea_error error = {0};
    int code = parse_gate(command, &flags->gate, levels, flags->json);
    if (code == PARSE_GO_ON && fovea_gate_check(&flags->gate.gate, &(struct fovea_findings){0}, &error) < 0)
        code = fail(&error);
    return code;
}

int verb_check(int argc, char **argv)
{
    struct flags flags = {0};
    const struct option_row rows[] = {JSON_ROW(flags.json),
                                      GATE_ROWS(flags.gate, "CODE",
                                                "exit code 1 for: a problem (default), a note too, never; of one "
                                                "code: unused-weight=never"),
                                      {0}};
    struct command command = {
        .verb = "check",
        .arguments = "MODEL... [options]",
        .summary =
            "Everything that is wrong with a model file, at once: what fovea or other runtimes refuse or compute "
            "otherwise (problems), and what is worth knowing (notes). Exit code 1 when there is a problem.",
        .example = "fovea check resnet50.onnx",
        .rows = rows,
        .appendix = print_codes,
        .positional_most = MOST_MODELS};
    int code = command_parse(&command, argc, argv);
    code = code == PARSE_GO_ON ? check_flags(&command, &flags) : code;
    if (code == PARSE_GO_ON)
        code = visit_gated(&command, &flags.gate, flags.json, check, &flags);
    free_gate(&flags.gate);
    command_free(&command);
    return code;
}
