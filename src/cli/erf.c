/* fovea erf: what one unit of a network really looks at. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "report/json.h"

struct erf_flags {
    const char *output, *target, *unit, *class_text, *score, *compare;
    int64_t perturb;
    bool force, json, log_scale, positions;
    struct sample_flags samples;
};

static void print_field(const struct fovea_erf *erf)
{
    const struct fovea_receptive_field *field = &erf->field;
    if (field->axes == 0)
        return;
    if (!field->local) {
        printf("theoretical field: the whole input\n");
        return;
    }
    printf("theoretical field: %" PRId64 " x %" PRId64 " pixels", field->size[0], field->size[1]);
    if (field->varies)
        printf(", differs from unit to unit");
    else
        printf(", stride %g x %g", field->stride[0], field->stride[1]);
    printf("; this unit reads y %" PRId64 "..%" PRId64 ", x %" PRId64 "..%" PRId64 "%s\n", erf->box[0], erf->box[2],
           erf->box[1], erf->box[3],
           field->global ? " (and the whole map through attention, gates or statistics)" : "");
}

/* "class 3", "the predicted class", "the labelled class" */
static const char *class_text(int64_t class_index, char out[CLI_TEXT])
{
    if (class_index >= 0)
        snprintf(out, CLI_TEXT, "class %" PRId64, class_index);
    else
        snprintf(out, CLI_TEXT, "the %s class", class_index == FOVEA_CLASS_LABEL ? "labelled" : "predicted");
    return out;
}

static void print_shape(const struct fovea_erf *erf)
{
    const struct fovea_gaussian *fit = &erf->gaussian;
    if (fit->converged)
        printf("Gaussian fit: sigma %.2f x %.2f px at (%.1f, %.1f), R2 %.3f%s\n", fit->sigma[0], fit->sigma[1],
               fit->centre[0], fit->centre[1], fit->r_squared, fit->r_squared < 0.8 ? ": not Gaussian" : "");
    else
        printf("Gaussian fit: does not converge\n");
    printf("imbalance: L1 %.4g, L2 %.4g of the maximum", erf->max > 0 ? erf->imbalance[0] / erf->max : 0,
           erf->max > 0 ? erf->imbalance[1] / erf->max : 0);
    for (int i = 0; i < erf->phase_count; i++)
        printf("%s stride %" PRId64 ": %.3g", i ? "," : "; largest over smallest phase:", erf->phases[i].stride,
               erf->phases[i].ratio);
    printf("\n");
}

static void print_erf(const struct fovea_erf *erf)
{
    char target[CLI_TEXT], class[CLI_TEXT];
    if (erf->score != FOVEA_SCORE_MEAN)
        printf("%s%s", class_text(erf->class_index, class), erf->score == FOVEA_SCORE_MARGIN ? " over the mean" : "");
    if (erf->target_size[0] * erf->target_size[1] > 1)
        printf("%sunit (%" PRId64 ", %" PRId64 ")", erf->score == FOVEA_SCORE_MEAN ? "" : " at ", erf->unit[0],
               erf->unit[1]);
    printf(" of '%s' (%" PRId64 " x %" PRId64 "%s)", safe_text(erf->target, target), erf->target_size[0],
           erf->target_size[1], erf->prefix_tokens > 0 ? " tokens behind the prefix" : "");
    printf(", %" PRId64 " image%s of %" PRId64 " x %" PRId64 "\n", erf->images, erf->images == 1 ? "" : "s",
           erf->height, erf->width);
    print_field(erf);
    printf("sum %.6g, max %.6g at (%" PRId64 ", %" PRId64 "), at the centre (%.1f, %.1f) %.6g\n", erf->sum, erf->max,
           erf->argmax[0], erf->argmax[1], erf->centre[0], erf->centre[1], erf->centre_value);
    printf("centre of mass (%.2f, %.2f), border share %.2f %%\n", erf->centre_of_mass[0], erf->centre_of_mass[1],
           100 * erf->border_share);
    printf("mass within");
    for (int i = 0; i < FOVEA_ERF_RADII; i++)
        printf(" %g px %.1f %%%s", erf->radii[i], 100 * erf->mass_within[i], i + 1 < FOVEA_ERF_RADII ? "," : "\n");
    print_shape(erf);
    if (erf->perturbation)
        printf("%" PRId64 " single pixels changed by %g: the score's movement and the field there: correlation %.3f, "
               "of ranks %.3f\n",
               erf->perturbation->points, erf->perturbation->step, erf->perturbation->pearson,
               erf->perturbation->spearman);
    if (erf->comparison)
        printf("compared with %s: overlap %.4f, correlation %.4f, largest difference %.3g of its maximum, sum %.4g "
               "times its sum\n",
               safe_text(erf->comparison->path, target), erf->comparison->overlap, erf->comparison->correlation,
               erf->comparison->largest, erf->comparison->sum_ratio);
}

static int show(struct opened *opened, const char *path, const struct erf_flags *flags, const struct fovea_erf *erf,
                const char *folder)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    if (flags->json) {
        char *text = report_text(report_erf(path, erf));
        fputs(text ? text : "", stdout);
        free(text);
    } else {
        print_erf(erf);
    }
    if (erf->sum <= 0)
        fprintf(stderr, "fovea: the field is zero everywhere: the target does not react to these images\n");
    if (!folder)
        return FOVEA_CLEAN;
    if (fovea_erf_write(opened->model, erf, folder, flags->force, flags->log_scale, &error))
        return fail(&error);
    if (!flags->json)
        printf("wrote %s/erf.png, erf.npy, erf.json, %smanifest.json\n", folder,
               erf->comparison ? "difference.png, difference.npy, " : "");
    return FOVEA_CLEAN;
}

static int erf_target(struct opened *opened, const char *path, const struct erf_flags *flags,
                      const struct fovea_erf_options *options, const char *folder)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    struct fovea_erf erf;
    if ((folder && fovea_erf_claim(opened->model, folder, flags->force, &error)) ||
        fovea_erf(opened->model, options, &erf, &error))
        return fail(&error);
    int code = show(opened, path, flags, &erf, folder);
    fovea_erf_free(opened->model, &erf);
    return code;
}

/* One field per stage, each in a folder of its own. */
static int erf_stages(struct opened *opened, const char *path, const struct erf_flags *flags,
                      const struct fovea_erf_options *options)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    struct fovea_stages stages;
    int code = FOVEA_CLEAN;
    if (fovea_stages(opened->model, &options->samples, &stages, &error))
        return fail(&error);
    for (int i = 0; i < stages.count && code == FOVEA_CLEAN; i++) {
        struct fovea_erf_options one = *options;
        char folder[4096];
        one.target = stages.names[i];
        if (flags->output)
            snprintf(folder, sizeof folder, "%s/stage%d", flags->output, i + 1);
        if (!flags->json)
            printf("%sstage %d of %d: ", i ? "\n" : "", i + 1, stages.count);
        code = erf_target(opened, path, flags, &one, flags->output ? folder : NULL);
    }
    fovea_stages_free(opened->model, &stages);
    return code;
}

static int parse_score(const struct command *command, const struct erf_flags *flags, struct fovea_erf_options *options)
{
    bool margin = flags->score && strcmp(flags->score, "margin") == 0;
    if (flags->unit &&
        (parse_int_list(flags->unit, options->unit, 2) != 2 || options->unit[0] < 0 || options->unit[1] < 0))
        return fail_usage(command, "--unit takes Y,X, not '%s'", flags->unit);
    if (parse_class(flags->class_text, &options->class_index))
        return fail_usage(command, "--class takes a number from 0, 'predicted' or 'label', not '%s'",
                          flags->class_text);
    if (flags->score && !margin && strcmp(flags->score, "mean") != 0)
        return fail_usage(command, "--score takes 'mean' or 'margin', not '%s'", flags->score);
    if (flags->target && strcmp(flags->target, "all-stages") == 0 && (flags->class_text || margin))
        return fail_usage(command, "--class and --score margin belong to logits, --target all-stages has channels");
    options->score = margin ? FOVEA_SCORE_MARGIN : FOVEA_SCORE_MEAN;
    if (margin && options->class_index == FOVEA_CLASS_NONE)
        options->class_index = FOVEA_CLASS_PREDICTED;
    return PARSE_GO_ON;
}

static int erf_model(struct opened *opened, const struct command *command, const struct erf_flags *flags)
{
    struct parsed_samples parsed = {0};
    struct fovea_erf_options options = {
        .target = flags->target, .unit = {-1, -1}, .compare = flags->compare, .perturbed_pixels = flags->perturb};
    const char *path = command->positional[0];
    int code = parse_score(command, flags, &options);
    if (code == PARSE_GO_ON)
        code = parse_samples(&flags->samples, opened, NULL, &parsed);
    if (code == PARSE_GO_ON) {
        bool stages = flags->target && strcmp(flags->target, "all-stages") == 0;
        options.samples = parsed.samples;
        code = flags->positions ? show_positions(opened, path, &options, flags->output, flags->force, flags->json)
               : stages         ? erf_stages(opened, path, flags, &options)
                                : erf_target(opened, path, flags, &options, flags->output);
    }
    free_samples(&parsed);
    return code;
}

int verb_erf(int argc, char **argv)
{
    struct erf_flags flags = {0};
    const struct option_row rows[] = {
        {"output", 'o', OPTION_TEXT, &flags.output, "DIR", "write erf.png, erf.npy, erf.json, manifest.json"},
        {"target", 0, OPTION_TEXT, &flags.target, "VALUE",
         "value to look at, or logits, before-resize, output, all-stages (default: what the head reads)"},
        {"unit", 'u', OPTION_TEXT, &flags.unit, "Y,X", "unit of the map (default: the centre)"},
        {"class", 'c', OPTION_TEXT, &flags.class_text, "CLASS",
         "a logit instead: a number from 0, 'predicted', 'label'"},
        {"score", 0, OPTION_TEXT, &flags.score, "KIND", "mean of the channels (default), or margin: class minus mean"},
        {"perturb", 0, OPTION_COUNT, &flags.perturb, "N",
         "change N single pixels: does the score move where the field says so?"},
        {"compare", 0, OPTION_TEXT, &flags.compare, "ERF.json", "an earlier result to subtract"},
        {"positions", 0, OPTION_FLAG, &flags.positions, NULL,
         "transformers: the field with positions at random, learned positions and biases, shuffled patches"},
        {"log", 0, OPTION_FLAG, &flags.log_scale, NULL, "colours by the logarithm, over four powers of ten"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace results that are there"},
        {"json", 0, OPTION_FLAG, &flags.json, NULL, "print JSON instead of lines"},
        SAMPLE_ROWS(flags.samples),
        {0}};
    struct command command = {
        .verb = "erf",
        .arguments = "MODEL --images PATH | -i FILE.npy [-o DIR] [options]",
        .summary = "Effective receptive field: how much each input pixel moves one unit (or one logit), mean "
                   "over images.",
        .example = "fovea erf models/fashion_mnist.onnx --images models/images -o out",
        .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = erf_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
