/* fovea erf: what one unit of a network really looks at. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "report/json.h"

struct erf_flags {
    const char *images, *output, *target, *unit;
    struct text_list inputs;
    int64_t class_index, limit;
    bool force, json;
    struct preprocess_options preprocess;
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
    printf("theoretical field: %" PRId64 " x %" PRId64 " pixels, stride %g x %g; this unit reads y %" PRId64
           "..%" PRId64 ", x %" PRId64 "..%" PRId64 "%s\n",
           field->size[0], field->size[1], field->stride[0], field->stride[1], erf->box[0], erf->box[2], erf->box[1],
           erf->box[3], field->global ? " (and the whole map through gates or statistics)" : "");
}

static void print_erf(const struct fovea_erf *erf)
{
    char target[CLI_TEXT];
    if (erf->class_index >= 0)
        printf("class %" PRId64 " of '%s'", erf->class_index, safe_text(erf->target, target));
    else
        printf("unit (%" PRId64 ", %" PRId64 ") of '%s' (%" PRId64 " x %" PRId64 ")", erf->unit[0], erf->unit[1],
               safe_text(erf->target, target), erf->target_size[0], erf->target_size[1]);
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
}

static int show(struct opened *opened, const char *path, const struct erf_flags *flags, const struct fovea_erf *erf)
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
    if (!flags->output)
        return FOVEA_CLEAN;
    if (fovea_erf_write(opened->model, erf, flags->output, flags->force, &error))
        return fail(&error);
    if (!flags->json)
        printf("wrote %s/erf.png, erf.npy, erf.json, manifest.json\n", flags->output);
    return FOVEA_CLEAN;
}

static int erf_model(struct opened *opened, const struct command *command, const struct erf_flags *flags)
{
    struct fovea_error error = {FOVEA_CLEAN, ""};
    struct fovea_preprocess preprocess;
    struct fovea_erf erf;
    struct fovea_erf_options options = {
        .samples = {.shapes = opened->shapes, .preprocess = &preprocess, .limit = flags->limit},
        .target = flags->target,
        .unit = {-1, -1},
        .class_index = flags->class_index};
    if (flags->unit &&
        (parse_int_list(flags->unit, options.unit, 2) != 2 || options.unit[0] < 0 || options.unit[1] < 0))
        return fail_usage(command, "--unit takes Y,X, not '%s'", flags->unit);
    if (flags->class_index < -1)
        return fail_usage(command, "--class takes a number from 0");
    if (parse_preprocess(&flags->preprocess, &preprocess))
        return FOVEA_BAD_INPUT;
    struct fovea_feed *feeds = parse_feeds(&flags->inputs);
    if (!feeds)
        return FOVEA_INTERNAL;
    options.samples.feeds = feeds;
    options.samples.feed_count = flags->inputs.count;
    if (flags->images) {
        /* parse_feeds leaves room for one more: the images go first. */
        memmove(feeds + 1, feeds, (size_t)flags->inputs.count * sizeof *feeds);
        feeds[0] = (struct fovea_feed){NULL, flags->images};
        options.samples.feed_count++;
    }
    int code = FOVEA_CLEAN;
    bool refused = flags->output && fovea_erf_claim(opened->model, flags->output, flags->force, &error);
    if (refused || fovea_erf(opened->model, &options, &erf, &error)) {
        code = fail(&error);
    } else {
        code = show(opened, command->positional[0], flags, &erf);
        fovea_erf_free(opened->model, &erf);
    }
    for (int i = 0; i < options.samples.feed_count; i++)
        free((void *)(uintptr_t)feeds[i].name);
    free(feeds);
    return code;
}

int verb_erf(int argc, char **argv)
{
    struct erf_flags flags = {.class_index = -1};
    const struct option_row rows[] = {
        {"images", 0, OPTION_TEXT, &flags.images, "PATH", "an image, a folder or list of images, or a .npy [N,C,H,W]"},
        {"input", 'i', OPTION_LIST, &flags.inputs, "[NAME=]FILE", "the same as .npy; further inputs of the model"},
        {"output", 'o', OPTION_TEXT, &flags.output, "DIR", "write erf.png, erf.npy, erf.json, manifest.json"},
        {"target", 0, OPTION_TEXT, &flags.target, "VALUE",
         "value to look at; 'output': the first output (default: the last map)"},
        {"unit", 'u', OPTION_TEXT, &flags.unit, "Y,X", "unit of the map (default: the centre)"},
        {"class", 'c', OPTION_INT, &flags.class_index, "N", "one logit of the output instead"},
        {"limit", 0, OPTION_INT, &flags.limit, "N", "use the first N images only"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace results that are there"},
        {"json", 0, OPTION_FLAG, &flags.json, NULL, "print JSON instead of lines"},
        PREPROCESS_ROWS(flags.preprocess),
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
