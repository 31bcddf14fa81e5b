/* fovea eval: how right a model is, and what changes of the images do to it. */
#include <stdlib.h>
#include <string.h>

#include <inttypes.h>

#include "cli/cli.h"
#include "report/eval.h"

#define MOST_SCALES 64

struct eval_flags {
    const char *output, *target, *corrupt, *severity, *compare, *scales, *report;
    bool force, json, no_labels;
    struct sample_flags samples;
};

/* "1,3" or "all" as a set of 1 << severity. */
static int parse_severities(const struct command *command, const char *text, unsigned *set)
{
    int64_t values[FOVEA_SEVERITIES];
    int count = text && strcmp(text, "all") != 0 ? parse_int_list(text, values, FOVEA_SEVERITIES) : 0;
    *set = 0;
    for (int i = 0; i < count; i++) {
        if (values[i] < 1 || values[i] > FOVEA_SEVERITIES)
            count = -1;
        else
            *set |= 1u << values[i];
    }
    return count < 0 ? fail_usage(command, "--severity takes numbers from 1 to 5, or 'all', not '%s'", text)
                     : PARSE_GO_ON;
}

static int parse_scales(const struct command *command, const char *text, double scales[MOST_SCALES],
                        struct fovea_eval_options *options)
{
    static const double usual[] = {0.1, 0.25, 0.5, 0.75, 1.5, 2, 4};
    if (text && strcmp(text, "default") == 0) {
        options->scales = usual;
        options->scale_count = (int)(sizeof usual / sizeof usual[0]);
    } else if (text) {
        options->scales = scales;
        options->scale_count = parse_number_list(text, scales, MOST_SCALES);
        if (options->scale_count < 1)
            return fail_usage(command, "--scales takes factors like 0.5,2 or 'default', not '%s'", text);
    }
    return PARSE_GO_ON;
}

static void print_percent(double value)
{
    if (value < 0)
        printf("      -");
    else
        printf(" %6.2f", 100 * value);
}

static void print_row(const struct fovea_eval *eval, const struct fovea_eval_row *row)
{
    char name[64];
    if (row->severity > 0)
        snprintf(name, sizeof name, "%s %d", row->change, row->severity);
    else if (strcmp(row->change, "none") == 0)
        snprintf(name, sizeof name, "unchanged");
    else
        snprintf(name, sizeof name, "%s %g", row->change, row->strength);
    printf("%-18s", name);
    if (row->no_effect) {
        printf("  no effect: every image stays as it is\n");
        return;
    }
    for (int a = 0; a < eval->models; a++) {
        if (eval->labelled > 0) {
            print_percent(row->scores[a].top1);
            print_percent(row->scores[a].top5);
        }
        print_percent(row->scores[a].agreement);
        print_percent(row->scores[a].confidence);
        printf(a + 1 < eval->models ? "  |" : "");
    }
    if (eval->models > 1)
        printf("  | %+6.2f [%+.2f, %+.2f]", 100 * row->difference, 100 * row->interval[0], 100 * row->interval[1]);
    printf("\n");
}

/* Means of the shares over all severities of all corruptions. */
static void print_mean(const struct fovea_eval *eval)
{
    struct fovea_eval_row mean = {.change = "mean corrupted", .strength = 0};
    int count = 0, unchanged = 0;
    for (int i = 0; i < eval->row_count; i++) {
        const struct fovea_eval_row *row = &eval->rows[i];
        if (row->severity == 0)
            continue;
        unchanged += row->no_effect;
        count += !row->no_effect;
        if (row->no_effect)
            continue;
        for (int a = 0; a < eval->models; a++) {
            mean.scores[a].top1 += row->scores[a].top1;
            mean.scores[a].agreement += row->scores[a].agreement;
        }
    }
    if (count < 2)
        return;
    for (int a = 0; a < eval->models; a++) {
        printf("%s of %d corruptions: ", a ? "second model, mean" : "mean", count);
        if (eval->labelled > 0)
            printf("top 1 %.2f %%, ", 100 * mean.scores[a].top1 / count);
        printf("agreement %.2f %%%s\n", 100 * mean.scores[a].agreement / count,
               unchanged > 0 ? " (without those of no effect)" : "");
    }
}

static void print_eval(const struct fovea_eval *eval)
{
    printf("%" PRId64 " images, %" PRId64 " classes", eval->images, eval->classes);
    if (eval->units > 1)
        printf(", %" PRId64 " units each", eval->units);
    if (eval->labelled > 0)
        printf(", %" PRId64 " labelled%s", eval->labelled,
               eval->labels_of_folders ? " by their folders (--no-labels if these are not classes)" : "");
    else
        printf(", no labels: agreement is with the model's own prediction for the unchanged image");
    printf("\n%-18s", "%");
    for (int a = 0; a < eval->models; a++)
        printf("%s  agree   conf%s", eval->labelled > 0 ? "  top 1  top 5" : "", a + 1 < eval->models ? "  |" : "");
    printf("%s\n", eval->models > 1 ? "  | second minus first [95 %]" : "");
    for (int i = 0; i < eval->row_count; i++)
        print_row(eval, &eval->rows[i]);
    print_mean(eval);
    if (eval->same_prediction >= 0)
        printf("both predict the same for %.2f %% of the unchanged images' units\n", 100 * eval->same_prediction);
}

static int show(struct opened *opened, const struct eval_flags *flags, const struct fovea_eval *eval, int64_t seed)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    if (flags->json) {
        char *text = report_text(report_eval(eval, (uint64_t)seed));
        fputs(text ? text : "", stdout);
        free(text);
    } else {
        print_eval(eval);
    }
    if (flags->report && fovea_report_add_eval(opened->model, eval, flags->report, &error))
        return fail(&error);
    if (!flags->output)
        return FOVEA_CLEAN;
    if (fovea_eval_write(opened->model, eval, flags->output, flags->force, &error))
        return fail(&error);
    if (!flags->json)
        printf("wrote %s\n", flags->output);
    return FOVEA_CLEAN;
}

static int run_eval(struct opened *opened, const struct command *command, const struct eval_flags *flags,
                    const struct fovea_eval_options *options)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    struct fovea_model *other = flags->compare ? fovea_model_load(opened->fovea, flags->compare, &error) : NULL;
    struct fovea_eval eval;
    int code;
    if (flags->compare && !other)
        return fail(&error);
    if ((flags->output && fovea_eval_claim(opened->model, flags->output, flags->force, &error)) ||
        (flags->report && fovea_report_find(opened->model, flags->report, &error))) {
        fovea_model_free(other);
        return fail(&error);
    }
    if (fovea_eval(opened->model, other, options, &eval, &error)) {
        code = fail(&error);
    } else {
        code = show(opened, flags, &eval, command->common.seed);
        fovea_eval_free(opened->model, &eval);
    }
    fovea_model_free(other);
    return code;
}

static int eval_model(struct opened *opened, const struct command *command, const struct eval_flags *flags)
{
    struct parsed_samples parsed = {0};
    struct fovea_eval_options options = {.target = flags->target, .no_labels = flags->no_labels};
    double scales[MOST_SCALES];
    int code = parse_names(command, "corrupt", flags->corrupt, fovea_corruption_name, &options.corruptions);
    if (code == PARSE_GO_ON)
        code = parse_severities(command, flags->severity, &options.severities);
    if (code == PARSE_GO_ON)
        code = parse_scales(command, flags->scales, scales, &options);
    if (code == PARSE_GO_ON)
        code = parse_samples(&flags->samples, opened, NULL, &parsed);
    if (code == PARSE_GO_ON) {
        options.samples = parsed.samples;
        code = run_eval(opened, command, flags, &options);
    }
    free_samples(&parsed);
    return code;
}

int verb_eval(int argc, char **argv)
{
    struct eval_flags flags = {0};
    const struct option_row rows[] = {
        {"corrupt", 0, OPTION_TEXT, &flags.corrupt, "LIST",
         "gaussian-noise,jpeg,... or all: what corrupted images do to the predictions"},
        {"severity", 0, OPTION_TEXT, &flags.severity, "LIST", "of the corruptions, 1 to 5 (default: all)"},
        {"scales", 0, OPTION_TEXT, &flags.scales, "LIST",
         "factors of the normalised image (nothing is clipped), or default"},
        {"compare", 0, OPTION_TEXT, &flags.compare, "OTHER.onnx", "a second model on the same images, paired"},
        {"target", 0, OPTION_TEXT, &flags.target, "VALUE",
         "value that holds the classes' scores (default: the logits)"},
        {"no-labels", 0, OPTION_FLAG, &flags.no_labels, NULL, "folders and lists tell no classes"},
        {"output", 'o', OPTION_TEXT, &flags.output, "FILE", "write the results as JSON"},
        {"report", 0, OPTION_TEXT, &flags.report, "DIR", "add the results to the report that 'audit -o DIR' made"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace a file that is there"},
        {"json", 0, OPTION_FLAG, &flags.json, NULL, "print JSON instead of lines"},
        SAMPLE_ROWS(flags.samples),
        {0}};
    struct command command = {
        .verb = "eval",
        .arguments = "MODEL --images PATH [--corrupt LIST|all] [--compare OTHER.onnx] [options]",
        .summary = "Accuracy where labels are known (one folder per class, labels.csv, a list), else agreement with "
                   "the\nprediction for the unchanged image.",
        .example = "fovea eval models/fashion_mnist.onnx --images models/images --corrupt jpeg,contrast-up",
        .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = eval_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
