/* fovea erf: what one unit of a network really looks at. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct erf_flags {
    struct fovea_erf_options options;
    const char *output, *unit, *class_text, *score;
    const char *json;
    bool force, log_scale, linear_scale, positions;
    struct sample_flags samples;
    struct figure_flags figures;
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

static void print_shape(const struct fovea_erf *erf)
{
    char fit[CLI_LINE], phases[CLI_LINE];
    fovea_gaussian_text(&erf->gaussian, erf->height, erf->width, "px", fit, sizeof fit);
    fovea_erf_phases_text(erf, phases, sizeof phases);
    printf("Gaussian fit: %s\n", fit);
    printf("imbalance: L1 %.4g, L2 %.4g of the maximum%s%s\n", erf->max > 0 ? erf->imbalance[0] / erf->max : 0,
           erf->max > 0 ? erf->imbalance[1] / erf->max : 0,
           erf->phase_count > 0 ? "; largest over smallest phase:" : "", phases);
}

static void print_subject(const struct fovea_erf *erf)
{
    char subject[CLI_LINE];
    fovea_erf_subject(erf, CLI_TEXT, subject, sizeof subject);
    printf("%s, %" PRId64 " image%s of %" PRId64 " x %" PRId64 "\n", subject, erf->images, erf->images == 1 ? "" : "s",
           erf->height, erf->width);
    if (erf->reading) {
        print_words(stdout, erf->reading);
        printf("\n");
    }
}

static void print_comparison(const struct fovea_erf_comparison *made)
{
    char other[CLI_TEXT];
    printf("compared with %s", safe_text(made->path, other));
    if (made->other)
        printf(" (%s)", made->other);
    printf(": overlap %.4f, correlation %.4f, largest difference %.3g of its maximum, sum %.4g times its sum\n",
           made->overlap, made->correlation, made->largest, made->sum_ratio);
    if (made->unlike)
        fprintf(stderr, "fovea: one is the field of a class, the other of a layer: they do not answer the same "
                        "question\n");
}

static void print_erf(const struct fovea_erf *erf)
{
    print_subject(erf);
    print_field(erf);
    printf("sum %.6g, max %.6g at (%" PRId64 ", %" PRId64 "), at the centre (%.1f, %.1f) %.6g\n", erf->sum, erf->max,
           erf->argmax[0], erf->argmax[1], erf->centre[0], erf->centre[1], erf->centre_value);
    printf("centre of mass (%.2f, %.2f), border share %.2f %%\n", erf->centre_of_mass[0], erf->centre_of_mass[1],
           without_minus_zero(100 * erf->border_share));
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
        print_comparison(erf->comparison);
}

static int show(struct opened *opened, const struct erf_flags *flags, const struct fovea_erf *erf, const char *folder)
{
    struct fovea_error error = {0};
    int code = flags->json ? write_json(opened, flags->json, fovea_erf_json(opened->model, erf, NULL)) : FOVEA_CLEAN;
    if (code != FOVEA_CLEAN)
        return code;
    if (!json_alone(flags->json))
        print_erf(erf);
    if (erf->sum <= 0)
        fprintf(stderr, "fovea: the field is zero everywhere: the target does not react to these images\n");
    if (!folder)
        return FOVEA_CLEAN;
    if (fovea_erf_write(opened->model, erf, folder, flags->force, false, &error))
        return fail(&error);
    if (!json_alone(flags->json)) {
        char files[CLI_LINE];
        printf("wrote %s/%s, erf.npy, erf.json, ", shown(folder), picture_files(&flags->figures, "erf", files));
        if (erf->comparison)
            printf("%s, difference.npy, ", picture_files(&flags->figures, "difference", files));
        printf("manifest.json\n");
    }
    return FOVEA_CLEAN;
}

/* The field is the caller's, in every case. */
static int erf_target(struct opened *opened, const struct erf_flags *flags, const struct fovea_erf_options *options,
                      const char *folder, struct fovea_erf *erf)
{
    struct fovea_error error = {0};
    if ((folder && fovea_erf_claim(opened->model, folder, flags->force, &error)) ||
        fovea_erf(opened->model, options, erf, &error))
        return fail(&error);
    return show(opened, flags, erf, folder);
}

/* ---- several fields ---- */

struct field_list {
    struct fovea_erf *fields;
    struct fovea_erf_panel *panels;
    char (*names)[CLI_TEXT];
    int count;
};

static struct field_list make_list(int count)
{
    return (struct field_list){needed((size_t)count, sizeof(struct fovea_erf)),
                               needed((size_t)count, sizeof(struct fovea_erf_panel)), needed((size_t)count, CLI_TEXT),
                               count};
}

static void free_list(struct field_list *list)
{
    for (int i = 0; i < list->count; i++)
        fovea_erf_free(&list->fields[i]);
    free(list->fields);
    free(list->panels);
    free(list->names);
}

/* All of them in one figure of the output folder. */
static int write_figure(struct fovea *fovea, const struct erf_flags *flags, const struct field_list *list,
                        const char *name)
{
    struct fovea_error error = {0};
    char path[4096], files[CLI_LINE];
    if (!flags->output)
        return FOVEA_CLEAN;
    for (int i = 0; i < list->count; i++)
        list->panels[i] = (struct fovea_erf_panel){.name = list->names[i], .erf = &list->fields[i]};
    snprintf(path, sizeof path, "%s/%s", flags->output, name);
    if (fovea_erf_figure(fovea, list->panels, list->count, path, flags->force, &error))
        return fail(&error);
    if (!json_alone(flags->json))
        printf("%swrote %s/%s\n", list->count > 1 ? "\n" : "", shown(flags->output),
               picture_files(&flags->figures, name, files));
    return FOVEA_CLEAN;
}

/* Before any work: the unit is in every stage, nothing is in the way of the results. */
static int check_stages(struct opened *opened, const struct erf_flags *flags, const struct fovea_erf_options *options,
                        const struct fovea_stages *stages)
{
    struct fovea_error error = {0};
    for (int i = 0; i < stages->count; i++) {
        char folder[4096], name[CLI_TEXT];
        const int64_t *size = stages->sizes[i];
        if (options->unit[0] >= size[0] || options->unit[1] >= size[1]) {
            fprintf(stderr, "fovea: --unit %s is not in stage %d, '%s': it has %" PRId64 " x %" PRId64 " units\n",
                    flags->unit, i + 1, safe_text(stages->names[i], name), size[0], size[1]);
            return FOVEA_BAD_INPUT;
        }
        snprintf(folder, sizeof folder, "%s/stage%d", flags->output ? flags->output : "", i + 1);
        if (flags->output && fovea_erf_claim(opened->model, folder, flags->force, &error))
            return fail(&error);
    }
    return FOVEA_CLEAN;
}

/* One field per stage, each in a folder of its own, and all in one figure. */
static int erf_stages(struct opened *opened, const struct erf_flags *flags, const struct fovea_erf_options *options)
{
    struct fovea_error error = {0};
    struct fovea_stages stages;
    int code = FOVEA_CLEAN;
    if (fovea_stages(opened->model, &options->samples, &stages, &error))
        return fail(&error);
    code = check_stages(opened, flags, options, &stages);
    struct field_list list = make_list(stages.count);
    for (int i = 0; i < stages.count && code == FOVEA_CLEAN; i++) {
        struct fovea_erf_options one = *options;
        char folder[4096];
        one.target = stages.names[i];
        if (flags->output)
            snprintf(folder, sizeof folder, "%s/stage%d", flags->output, i + 1);
        snprintf(list.names[i], CLI_TEXT, "stage %d of %d", i + 1, stages.count);
        if (!json_alone(flags->json))
            printf("%s%s: ", i ? "\n" : "", list.names[i]);
        code = erf_target(opened, flags, &one, flags->output ? folder : NULL, &list.fields[i]);
    }
    if (code == FOVEA_CLEAN)
        code = write_figure(opened->fovea, flags, &list, "stages");
    free_list(&list);
    fovea_stages_free(&stages);
    return code;
}

static int parse_score(const struct command *command, const struct opened *opened, const struct erf_flags *flags,
                       struct fovea_erf_options *options)
{
    bool margin = flags->score && strcmp(flags->score, "margin") == 0;
    if (flags->unit &&
        (parse_int_list(flags->unit, options->unit, 2) != 2 || options->unit[0] < 0 || options->unit[1] < 0))
        return fail_usage(command, "--unit takes Y,X, not '%s'", flags->unit);
    int code = parse_class(command, opened, flags->samples.samples.labels, flags->class_text, &options->class_index);
    if (code != PARSE_GO_ON)
        return code;
    if (flags->score && !margin && strcmp(flags->score, "mean") != 0)
        return fail_usage(command, "--score takes 'mean' or 'margin', not '%s'", flags->score);
    if (flags->options.target && strcmp(flags->options.target, "all-stages") == 0 && (flags->class_text || margin))
        return fail_usage(command, "--class and --score margin belong to logits, --target all-stages has channels");
    options->score = margin ? FOVEA_SCORE_MARGIN : FOVEA_SCORE_MEAN;
    if (margin && options->class_index == FOVEA_CLASS_NONE)
        options->class_index = FOVEA_CLASS_PREDICTED;
    return PARSE_GO_ON;
}

static int parse_figures(const struct command *command, const struct opened *opened, struct erf_flags *flags)
{
    if (flags->log_scale && flags->linear_scale)
        return fail_usage(command, "--log and --linear exclude each other");
    flags->figures.options.scale = flags->log_scale      ? FOVEA_SCALE_LOG
                                   : flags->linear_scale ? FOVEA_SCALE_LINEAR
                                                         : FOVEA_SCALE_AUTO;
    return set_figures(command, opened, &flags->figures, flags->output, "--output");
}

static bool of_stages(const struct erf_flags *flags)
{
    return flags->options.target && strcmp(flags->options.target, "all-stages") == 0;
}

/* The field of a model that is open, in `folder` (NULL: nowhere). */
static int erf_one(struct opened *opened, const struct command *command, struct erf_flags *flags, const char *folder,
                   struct fovea_erf *erf)
{
    struct parsed_samples parsed = {0};
    struct fovea_erf_options options = flags->options;
    int code = parse_score(command, opened, flags, &options);
    if (code == PARSE_GO_ON)
        code = parse_figures(command, opened, flags);
    if (code == PARSE_GO_ON)
        code = parse_samples(&flags->samples, opened, NULL, &parsed);
    if (code == PARSE_GO_ON) {
        options.samples = parsed.samples;
        code = flags->positions   ? show_positions(opened, &options, flags->output, flags->force, flags->json)
               : of_stages(flags) ? erf_stages(opened, flags, &options)
                                  : erf_target(opened, flags, &options, folder, erf);
    }
    free_samples(&parsed);
    return code;
}

static int erf_model(const struct command *command, struct erf_flags *flags)
{
    struct opened opened = {0};
    struct fovea_erf erf = {0};
    int code = PARSE_GO_ON;
    if (open_model(command, &opened, &code) == 0)
        code = erf_one(&opened, command, flags, flags->output, &erf);
    fovea_erf_free(&erf);
    close_model(&opened);
    return code;
}

/* A field of each model, each in a folder of its own, and all in one figure. */
static int erf_models(const struct command *command, struct erf_flags *flags)
{
    int count = command->positional_count, code = FOVEA_CLEAN;
    if (flags->positions || of_stages(flags))
        return fail_usage(command, "--positions and --target all-stages take one model");
    if (count > FOVEA_MOST_PANELS)
        return fail_usage(command, "%d models at most", FOVEA_MOST_PANELS);
    struct opened *opened = needed((size_t)count, sizeof *opened);
    struct field_list list = make_list(count);
    name_models(command, list.names);
    for (int i = 0; i < count && code == FOVEA_CLEAN; i++) {
        struct command one = *command;
        char folder[4096];
        one.positional = command->positional + i;
        one.positional_count = 1;
        snprintf(folder, sizeof folder, "%s/%s", flags->output ? flags->output : "", list.names[i]);
        fovea_text_printable(list.names[i]);
        if (open_model(&one, &opened[i], &code))
            break;
        if (!json_alone(flags->json))
            printf("%s%s: ", i ? "\n" : "", list.names[i]);
        code = erf_one(&opened[i], &one, flags, flags->output ? folder : NULL, &list.fields[i]);
        fovea_model_free(opened[i].model);
        opened[i].model = NULL;
    }
    if (code == FOVEA_CLEAN)
        code = write_figure(opened[0].fovea, flags, &list, "fields");
    free_list(&list);
    for (int i = 0; i < count; i++)
        close_model(&opened[i]);
    free(opened);
    return code;
}

int verb_erf(int argc, char **argv)
{
    static const char *const streamed[] = {"fields", "stages", "erf", NULL};
    struct erf_flags flags = {.options = fovea_erf_options_default()};
    const struct option_row rows[] = {
        {"output", 'o', OPTION_FOLDER, &flags.output, "DIR",
         "write the picture erf.png, erf.npy, erf.json, manifest.json; -: the picture, to stdout"},
        {"target", 0, OPTION_TEXT, &flags.options.target, "VALUE",
         "value to look at, or logits, before-resize, output, all-stages (default: what the head reads)", NULL,
         "logits before-resize output all-stages"},
        {"unit", 'u', OPTION_TEXT, &flags.unit, "Y,X", "unit of the map (default: the centre)"},
        {"class", 'c', OPTION_TEXT, &flags.class_text, "CLASS",
         "a logit instead: a number from 0, a name, predicted, label", NULL, "predicted label"},
        {"score", 0, OPTION_TEXT, &flags.score, "KIND", "mean of the channels (default), or margin: class minus mean",
         NULL, "mean margin"},
        {"perturb", 0, OPTION_COUNT, &flags.options.perturbed_pixels, "N",
         "change N single pixels: does the score move where the field says so?"},
        {"compare", 0, OPTION_TEXT, &flags.options.compare, "ERF.json", "an earlier result to subtract", ".json"},
        {"positions", 0, OPTION_FLAG, &flags.positions, NULL,
         "transformers: the field with positions at random, learned positions and biases, shuffled patches"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace results that are there"},
        JSON_ROW(flags.json),
        ACTIVATION_ROW(flags.samples.activation),
        FIGURE_ROWS(flags.figures),
        {"log", 0, OPTION_FLAG, &flags.log_scale, NULL,
         "colours by the logarithm, over four powers of ten (default: where most of the field is in few pixels)"},
        {"linear", 0, OPTION_FLAG, &flags.linear_scale, NULL, "colours by the numbers as they are"},
        SAMPLE_ROWS(flags.samples),
        {0}};
    struct command command = {
        .verb = "erf",
        .arguments = "MODEL... --images PATH|-i FILE.npy [-o DIR] [options]",
        .summary = "Effective receptive field: how much each input pixel moves one unit (or one logit), mean over "
                   "images.\nOf several models each gets a folder in DIR, and one figure shows all.",
        .example = "fovea erf models/fashion_mnist.onnx --images models/images -o out",
        .rows = rows,
        .streamed = streamed,
        .positional_most = FOVEA_MOST_PANELS};
    int code = command_parse(&command, argc, argv);
    bool several = command.positional_count > 1 || of_stages(&flags);
    if (code == PARSE_GO_ON && several && flags.json && !json_alone(flags.json))
        code = fail_usage(&command, "--json=FILE holds one field; -o DIR writes that of each");
    if (code == PARSE_GO_ON)
        code = command.positional_count > 1 ? erf_models(&command, &flags) : erf_model(&command, &flags);
    command_free(&command);
    return code;
}
