/* fovea audit: what published guidelines say of a model's architecture. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define SHOWN_NODES 3

static const char *const levels[] = {"advice", "any", "note", "never", NULL};

struct flags {
    const char *output, *baseline, *json, *only, *sections;
    bool force;
    struct gate_flags gate;
    struct audit_flags audit;
    struct text_list guides; /* of `only` */
};

static void print_line(const char *label, const char *text)
{
    if (!text)
        return;
    printf("  %-10s ", label);
    print_words_wrapped(13, 13, text);
    printf("\n");
}

static void print_nodes(const struct fovea_advice *advice)
{
    char name[CLI_TEXT];
    if (advice->node_count == 0)
        return;
    printf("  %-10s ", advice->node_count == 1 ? "node" : "nodes");
    for (int i = 0; i < advice->node_count && i < SHOWN_NODES; i++)
        printf("%s%s", i ? ", " : "", safe_text(advice->nodes[i], name));
    if (advice->node_count > SHOWN_NODES)
        printf(", and %d more", advice->node_count - SHOWN_NODES);
    printf("\n");
}

static void print_command(const struct fovea_command *command)
{
    if (!command)
        return;
    size_t length = fovea_command_text(command, NULL, 0);
    char *text = needed(length, 1);
    fovea_command_text(command, text, length + 1);
    fovea_text_printable(text);
    printf("  %-10s %s\n", "command", text);
    free(text);
}

/* "advice: what was found  [tag]", for lists with the guide's name in front. */
static void print_found(const struct fovea_advice *advice, bool list, const char *tag)
{
    const char *state = fovea_state_name(advice->state);
    size_t size = strlen(advice->guide) + strlen(advice->found) + strlen(tag) + 8;
    char *text = needed(size, 1);
    snprintf(text, size, "%s%s%s  [%s]", list ? advice->guide : "", list ? ": " : "", advice->found, tag);
    print_coloured(stdout, state_colour(advice->state), state);
    printf(": ");
    print_words_wrapped((int)strlen(state) + 2, 2, text);
    printf("\n");
    free(text);
}

static void print_advice(const struct fovea_advice *advice)
{
    char tag[CLI_TEXT];
    snprintf(tag, sizeof tag, "%s, %s", advice->code, fovea_certainty_name(advice->certainty));
    printf("\n");
    print_found(advice, false, tag);
    print_nodes(advice);
    print_line("do", advice->recommend);
    print_line("measured", advice->measured);
    print_line("published", advice->recommend ? advice->published : NULL);
    print_line("cost", advice->cost);
    print_line("turns if", advice->unless);
    print_command(advice->command);
}

/* ---- the plan ---- */

static void print_planned(const struct fovea_planned *planned, int64_t given, const char *separator)
{
    char name[CLI_TEXT];
    printf("%s%s", separator, safe_text(planned->what, name));
    if (planned->images > 0)
        printf(" on %" PRId64 " of %" PRId64 " image%s", planned->images, given, given == 1 ? "" : "s");
}

/* The entries of a section that are measured, or those left out. Returns how many. */
static int print_entries(const struct fovea_plan *plan, int section, bool left_out)
{
    int printed = 0;
    for (int i = 0; i < plan->count; i++) {
        const struct fovea_planned *planned = &plan->list[i];
        if ((int)planned->section == section && (planned->images == 0) == left_out)
            print_planned(planned, plan->given, printed++ ? ", " : left_out ? "left out: " : "");
    }
    return printed;
}

static bool is_planned(const struct fovea_plan *plan, int section, bool left_out)
{
    for (int i = 0; i < plan->count; i++) {
        if ((int)plan->list[i].section == section && (plan->list[i].images == 0) == left_out)
            return true;
    }
    return false;
}

static void print_plan(const struct fovea_plan *plan)
{
    if (plan->count == 0)
        return;
    printf("planned: %.3g of %.3g nominal seconds", plan->seconds, plan->full);
    if (plan->budget > 0)
        printf(" (--budget %g%s)", plan->budget, plan->seconds < plan->full ? "; --full measures all" : "");
    printf("\n");
    for (int section = 0; section < FOVEA_SECTIONS; section++) {
        bool measured = is_planned(plan, section, false), left = is_planned(plan, section, true);
        if (!measured && !left)
            continue;
        printf("  %-10s ", fovea_section_name(section));
        print_entries(plan, section, false);
        printf("%s", measured && left ? "; " : "");
        print_entries(plan, section, true);
        printf("\n");
    }
}

static void print_audit(const struct fovea_audit *audit)
{
    char verdict[FOVEA_VERDICT];
    printf("%s", shown(audit->path));
    if (audit->input_size[0] > 0)
        printf(", for images of %" PRId64 " x %" PRId64 "%s", audit->input_size[0], audit->input_size[1],
               audit->size_guessed ? " (a guess: the file leaves the size free; --input-size HxW)" : "");
    if (audit->images > 0)
        printf(", with %" PRId64 " image%s", audit->images, audit->images == 1 ? "" : "s");
    printf("\n");
    if (fovea_audit_verdict(audit, verdict, sizeof verdict) > 0)
        printf("%s\n", verdict);
    print_unseen(&audit->unseen, "no guide has looked at them");
    print_plan(&audit->plan);
    for (int i = 0; i < audit->count; i++) {
        const struct fovea_advice *advice = &audit->list[i];
        if (advice->state != FOVEA_STATE_FINE && advice->state != FOVEA_STATE_NOT_APPLICABLE)
            print_advice(advice);
    }
    printf("\n");
    for (int i = 0; i < audit->count; i++) {
        const struct fovea_advice *advice = &audit->list[i];
        if (advice->state != FOVEA_STATE_FINE && advice->state != FOVEA_STATE_NOT_APPLICABLE)
            continue;
        print_found(advice, true, advice->code);
    }
    if (!(audit->sections >> FOVEA_SECTION_FINDINGS & 1))
        return;
    printf("%d finding%s:", audit->count, audit->count == 1 ? "" : "s");
    const char *separator = "";
    for (int state = 0; state < FOVEA_STATES; state++) {
        if (audit->counts[state] > 0) {
            printf("%s %d ", separator, audit->counts[state]);
            print_coloured(stdout, state_colour((enum fovea_state)state), fovea_state_name((enum fovea_state)state));
        }
        separator = audit->counts[state] > 0 ? "," : separator;
    }
    printf("\n");
}

/* ---- files ---- */

static int write_report(struct opened *opened, const struct flags *flags, const struct fovea_audit *audit,
                        const struct fovea_report_options *options, struct fovea_error *error)
{
    if (!flags->output)
        return 0;
    if (fovea_report_write(opened->model, audit, options, flags->output, error))
        return -1;
    if (!gate_alone(&flags->gate, flags->json))
        printf("wrote %s/report.html, report.json, %smanifest.json\n", shown(flags->output),
               audit->images > 0 ? "the pictures, " : "");
    return 0;
}

/* Returns the exit code. */
static int tell(struct opened *opened, struct flags *flags, const struct fovea_audit *audit,
                const struct fovea_report_options *report, struct model_result *result)
{
    struct fovea_error error = {0};
    int stops = gate_audit(&flags->gate, audit);
    clear_progress(); /* of a report the measuring goes on */
    if (!gate_alone(&flags->gate, flags->json))
        print_audit(audit);
    fovea_audit_verdict(audit, result->told, sizeof result->told);
    int written = flags->json ? hand_json(opened, result, flags->json, fovea_audit_json(audit, NULL)) : FOVEA_CLEAN;
    if (written == FOVEA_CLEAN && !result->several)
        written = write_gate(&flags->gate, opened);
    if (written == FOVEA_CLEAN && write_report(opened, flags, audit, report, &error))
        written = fail(&error);
    return written != FOVEA_CLEAN ? written : stops < 0 ? FOVEA_BAD_INPUT : stops ? FOVEA_FINDINGS : FOVEA_CLEAN;
}

static int audit_model(struct opened *opened, const struct command *command, struct flags *flags,
                       struct model_result *result)
{
    struct fovea_error error = {0};
    struct parsed_samples parsed = {0};
    struct fovea_audit_options options;
    struct fovea_audit audit;
    int code = parse_audit(command, &flags->audit, opened, &parsed, &options);
    options.sections = 1u << FOVEA_SECTION_FINDINGS; /* all there is without a report */
    if (code == PARSE_GO_ON && flags->output)
        code = parse_names(command, "sections", flags->sections, fovea_section_name, &options.sections);
    options.guides = flags->guides.items;
    options.guide_count = flags->guides.count;
    const struct fovea_report_options report = {
        .samples = options.samples, .baseline = flags->baseline, .force = flags->force};
    if (code == PARSE_GO_ON && ((flags->output && fovea_report_claim(opened->model, &report, flags->output, &error)) ||
                                fovea_audit(opened->model, &options, &audit, &error))) {
        code = fail(&error);
    } else if (code == PARSE_GO_ON) {
        code = tell(opened, flags, &audit, &report, result);
        fovea_audit_free(&audit);
    }
    free_samples(&parsed);
    return code;
}

/* Of several models each has its report in a folder of its own. */
static int visit(struct opened *opened, const struct command *command, void *user, struct model_result *result)
{
    struct flags *flags = user;
    const char *output = flags->output;
    char folder[4096];
    if (output && result->several) {
        if ((size_t)snprintf(folder, sizeof folder, "%s/%s", output, result->name) >= sizeof folder)
            return fail_usage(command, "the folder's name is too long");
        flags->output = folder;
    }
    int code = audit_model(opened, command, flags, result);
    flags->output = output;
    return code;
}

static int check_flags(const struct command *command, struct flags *flags)
{
    struct fovea_error error = {0};
    int code = parse_gate(command, &flags->gate, levels, flags->json);
    if (code != PARSE_GO_ON)
        return code;
    if (fovea_gate_audit(&flags->gate.gate, &(struct fovea_audit){0}, &error) < 0)
        return fail(&error);
    if (flags->force && !flags->output)
        return fail_usage(command, "--force replaces a report; name its folder with -o");
    if (flags->sections && !flags->output)
        return fail_usage(command, "--sections are of a report: name its folder with -o");
    if (flags->baseline && !flags->output)
        return fail_usage(command, "--baseline belongs to a report: name its folder with -o");
    return split_words(command, "only", flags->only, &flags->guides);
}

int verb_audit(int argc, char **argv)
{
    struct flags flags = {0};
    const struct option_row rows[] = {
        {"output", 'o', OPTION_FOLDER, &flags.output, "DIR",
         "write a report: report.html, report.json, its pictures; of several models a folder each"},
        {"baseline", 0, OPTION_TEXT, &flags.baseline, "PATH", "an earlier report (its folder) to stand beside this one",
         "/"},
        {"sections", 0, OPTION_TEXT, &flags.sections, "LIST",
         "of the report, these only: findings, layers, fields, cam, curves", NULL, "all", fovea_section_name},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace a report that is there"},
        {"only", 0, OPTION_TEXT, &flags.only, "GUIDE[,GUIDE]", "these guides only", NULL, NULL, guide_at},
        JSON_ROW_OLD(flags.json),
        GATE_ROWS(flags.gate, "GUIDE",
                  "exit code 1 for: verified or measured advice (advice, the default), any advice and what is not "
                  "trained (any), notes and what is not decidable too (note), never; of one guide: gamma=never"),
        ACTIVATION_ROW(flags.audit.samples.activation),
        AUDIT_ROWS(flags.audit),
        {0}};
    struct command command = {.verb = "audit",
                              .arguments = "MODEL... [--images PATH] [-o DIR] [options]",
                              .summary =
                                  "What published guidelines say of a model's architecture, worst first, each "
                                  "with the command that follows it.\nImages make it measure; -o makes a page of it.",
                              .example = "fovea audit deeplabv3.onnx --input-size 513x513",
                              .appendix = print_guide_options,
                              .positional_most = MOST_MODELS,
                              .rows = rows};
    int code = command_parse(&command, argc, argv);
    code = code == PARSE_GO_ON ? check_flags(&command, &flags) : code;
    if (code == PARSE_GO_ON)
        code = visit_gated(&command, &flags.gate, flags.json, visit, &flags);
    free_words(&flags.guides);
    free_gate(&flags.gate);
    command_free(&command);
    return code;
}
