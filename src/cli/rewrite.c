/* fovea rewrite: a new file that follows the guidelines, and the proof. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct flags {
    struct fovea_rewrite_options options;
    const char *output, *what, *report;
    struct text_list apply, nodes; /* apply: of `what` */
    const char *json;
    bool dry_run, yes;
    struct audit_flags audit;
};

static void print_change(const struct fovea_edit *change, bool dry_run)
{
    char name[CLI_TEXT];
    printf("%s %s", change->applied ? dry_run ? "would change" : "changed" : "left", change->code);
    int shown = 0, helpers = 0;
    for (int i = 0; i < change->node_count; i++) {
        bool helper = strstr(change->nodes[i], FOVEA_ADDED_NAME) != NULL; /* new ones, around what is meant */
        helpers += helper;
        if (!helper && shown < 3)
            printf("%s %s", shown++ ? "," : "", safe_text(change->nodes[i], name));
    }
    int others = change->node_count - shown - helpers;
    if (others > 0)
        printf(", and %d more", others);
    if (helpers > 0)
        printf("%s %d new nodes", shown ? " and" : "", helpers);
    printf(": ");
    print_words(stdout, change->text ? change->text : "");
    printf("\n");
}

static void print_layers(const struct fovea_proof *proof)
{
    if (proof->changed_nodes == 0)
        printf("kept: the same computation once constants are folded; ");
    else
        printf("kept: largest difference %.2g of the maximum (allowed %.0e) directly behind the %d changed nodes, all "
               "others "
               "being the same; ",
               proof->layers_largest, proof->tolerance, proof->changed_nodes);
    if (proof->without_outputs)
        printf("the outputs would take long");
    else if (proof->reshaped)
        printf("outputs have another shape, as nodes behind amplify rounding");
    else if (proof->largest > 0)
        printf("outputs differ by %.2g, as nodes behind amplify rounding", proof->largest);
    else
        printf("outputs do not tell");
}

static void print_outputs(const struct fovea_proof *proof)
{
    if (proof->reshaped)
        printf("moved: outputs have another shape");
    else if (proof->exact)
        printf("kept: largest difference %.2g of the maximum (allowed %.0e)", proof->largest, proof->tolerance);
    else
        printf(proof->largest > 0 ? "moved by %.3g of the maximum at most, %.3g in the mean"
                                  : "not moved on this input, which says little: give images (%g, %g)",
               proof->largest, proof->mean);
}

static void print_left_out(const struct fovea_proof *proof)
{
    char behind[CLI_TEXT];
    if (!proof->behind)
        return;
    safe_text(proof->behind, behind);
    if (proof->outputs_left_out > 0)
        printf("  not compared: %d output%s behind %s, which is not computed%s\n", proof->outputs_left_out,
               proof->outputs_left_out == 1 ? "" : "s", behind,
               proof->nothing_compared ? "" : "; what is made in front of it was");
    if (proof->changes_left_out > 0)
        printf("  not tried: %d changed node%s behind it\n", proof->changes_left_out,
               proof->changes_left_out == 1 ? "" : "s");
}

static void print_proof(const struct fovea_proof *proof)
{
    if (proof->nothing_compared) {
        printf("%s: not proven, as nothing that could be compared is computed\n", proof->guide);
        print_left_out(proof);
        return;
    }
    printf("%s: function ", proof->guide);
    if (proof->by_layers)
        print_layers(proof);
    else
        print_outputs(proof);
    if (proof->agreement >= 0)
        printf(", %.1f %% of the predictions are the same", 100 * proof->agreement);
    printf("; %" PRId64 " %s%s", proof->inputs, proof->random ? "random input" : "image",
           proof->inputs == 1 ? "" : "s");
    if (proof->size[0] > 0)
        printf(" of %" PRId64 " x %" PRId64 " (the model's size would take long)", proof->size[0], proof->size[1]);
    printf("\n");
    print_left_out(proof);
}

static void print_rewrite(const struct fovea_rewrite *rewrite, const struct command *command, const struct flags *flags)
{
    for (int i = 0; i < rewrite->change_count; i++)
        print_change(&rewrite->changes[i], flags->dry_run);
    for (int i = 0; i < rewrite->proof_count; i++)
        print_proof(&rewrite->proofs[i]);
    if (rewrite->recipe) {
        printf("then tune:\n");
        print_words(stdout, rewrite->recipe);
        printf("\n");
    }
    if (rewrite->applied == 0)
        printf("nothing to change; 'fovea audit' tells what else there is, --apply GUIDE does it\n");
    if (rewrite->applied == 0 && !flags->dry_run)
        printf("wrote %s, a copy\n", shown(flags->output));
    else if (!flags->dry_run)
        printf("wrote %s\n", shown(flags->output));
    if (rewrite->applied == 0 || flags->dry_run || json_alone(flags->output) || !rewrite->next_recipe)
        return;
    printf("next: ");
    print_tune_command(command, flags->output, flags->audit.samples.images, rewrite->next_recipe);
}

static int show(struct opened *opened, const struct command *command, const struct flags *flags,
                const struct fovea_rewrite *rewrite)
{
    struct fovea_error error = {0};
    const char *written = flags->dry_run || rewrite->applied == 0 ? NULL : flags->output;
    int code =
        flags->json ? write_json(opened, flags->json, fovea_rewrite_json(opened->model, rewrite, NULL)) : FOVEA_CLEAN;
    if (!json_alone(flags->json))
        print_rewrite(rewrite, command, flags);
    if (code != FOVEA_CLEAN)
        return code;
    if (flags->report && fovea_report_add_rewrite(opened->model, rewrite, written, flags->report, &error))
        return fail(&error);
    return FOVEA_CLEAN;
}

static int rewrite_model(struct opened *opened, const struct command *command, const struct flags *flags)
{
    struct fovea_error error = {0};
    struct parsed_samples parsed = {0};
    struct fovea_rewrite rewrite;
    struct fovea_rewrite_options options = flags->options;
    options.apply = flags->apply.items;
    options.apply_count = flags->apply.count;
    options.nodes = flags->nodes.items;
    options.node_count = flags->nodes.count;
    int code = parse_audit(command, &flags->audit, opened, &parsed, &options.audit);
    if (code == PARSE_GO_ON &&
        ((flags->report && fovea_report_find(opened->model, flags->report, &error)) ||
         fovea_rewrite(opened->model, &options, flags->dry_run ? NULL : flags->output, &rewrite, &error))) {
        code = fail(&error);
    } else if (code == PARSE_GO_ON) {
        code = show(opened, command, flags, &rewrite);
        fovea_rewrite_free(&rewrite);
    }
    free_samples(&parsed);
    return code;
}

static int check_flags(const struct command *command, struct flags *flags)
{
    int code = split_words(command, "apply", flags->what, &flags->apply);
    bool all = false;
    for (int i = 0; i < flags->apply.count; i++)
        all = all || strcmp(flags->apply.items[i], "all") == 0;
    if (code != PARSE_GO_ON)
        return code;
    if (!flags->output && !flags->dry_run)
        return fail_usage(command, "name the new file with -o, or look first with --dry-run");
    if (all && !flags->yes && !flags->dry_run)
        return fail_usage(command, "--apply all also changes what the model computes; add --yes if you mean it");
    return PARSE_GO_ON;
}

int verb_rewrite(int argc, char **argv)
{
    struct flags flags = {.options = fovea_rewrite_options_default()};
    const struct option_row rows[] = {
        {"output", 'o', OPTION_FILE, &flags.output, "FILE", "the new model; -: to stdout", ".onnx"},
        {"apply", 0, OPTION_TEXT, &flags.what, "WHAT",
         "exact (default: dropout and gamma, which change no output), guides by name (GUIDE,GUIDE), or all", NULL,
         "exact all", guide_at},
        {"only-node", 0, OPTION_LIST, &flags.nodes, "NODE", "only what is about this node; may be repeated"},
        {"dry-run", 0, OPTION_FLAG, &flags.dry_run, NULL, "list and prove the changes, write nothing"},
        {"fold", 0, OPTION_FLAG, &flags.options.fold, NULL,
         "store new constants instead of what computes them; by itself: a trained Gaussian bias, exactly"},
        {"retrain", 0, OPTION_FLAG, &flags.options.retrain, NULL,
         "allow what a trained network does not survive untrained"},
        {"yes", 'y', OPTION_FLAG, &flags.yes, NULL, "with --apply all"},
        {"force", 0, OPTION_FLAG, &flags.options.force, NULL, "replace the file if it is there"},
        {"report", 0, OPTION_FOLDER, &flags.report, "DIR",
         "add what was changed to the report that 'audit -o DIR' made"},
        JSON_ROW(flags.json),
        AUDIT_ROWS(flags.audit),
        {0}};
    struct command command = {.verb = "rewrite",
                              .arguments = "MODEL -o NEW.onnx [--apply WHAT] [options]",
                              .summary =
                                  "Follows the guidelines in a new file. What should change nothing is proven to "
                                  "change nothing, or no file is written; of the rest it is said how far the "
                                  "outputs moved.",
                              .example = "fovea rewrite resnet18.onnx -o padded.onnx --apply kernel-padding",
                              .appendix = print_guide_options,
                              .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    code = code == PARSE_GO_ON ? check_flags(&command, &flags) : code;
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = rewrite_model(&opened, &command, &flags);
    close_model(&opened);
    free_words(&flags.apply);
    command_free(&command);
    return code;
}
