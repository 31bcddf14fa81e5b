/* fovea diff: what differs between two models. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

struct diff_flags {
    struct fovea_diff_options options;
    const char *json, *html;
    bool all, force;
    struct sample_flags samples;
};

static int show(const struct opened *opened, const struct fovea_diff *diff, const struct diff_flags *flags)
{
    int code = flags->json ? write_json(opened, flags->json, fovea_diff_json(diff, NULL)) : FOVEA_CLEAN;
    if (!json_alone(flags->json))
        print_diff(diff, flags->all);
    return code != FOVEA_CLEAN ? code : diff->same ? FOVEA_CLEAN : FOVEA_FINDINGS;
}

/* Both side by side, in a folder. */
static int write_page(const struct opened *opened, struct fovea_model *other, const struct fovea_diff_options *options,
                      const struct fovea_diff *diff, const struct diff_flags *flags)
{
    struct fovea_error error = {0};
    if (fovea_diff_write(opened->model, other, options, diff, flags->html, flags->force, &error))
        return fail(&error);
    if (!json_alone(flags->json))
        printf("wrote %s/diff.html, diff.json, manifest.json\n", shown(flags->html));
    return FOVEA_CLEAN;
}

static int compare(struct opened *opened, const struct command *command, const struct diff_flags *flags,
                   const struct fovea_samples *samples)
{
    struct fovea_error error = {0};
    struct fovea_diff_options options = flags->options;
    options.samples = *samples;
    int code;
    struct fovea_model *other = load_model(opened, command->positional[1], &code);
    struct fovea_diff diff;
    if (!other)
        return code;
    if ((flags->html && fovea_diff_claim(opened->model, flags->html, flags->force, &error)) ||
        fovea_diff(opened->model, other, &options, &diff, &error)) {
        code = fail(&error);
    } else {
        code = show(opened, &diff, flags);
        if (code <= FOVEA_FINDINGS && flags->html)
            code = write_page(opened, other, &options, &diff, flags) == FOVEA_CLEAN ? code : FOVEA_BAD_INPUT;
        fovea_diff_free(&diff);
    }
    fovea_model_free(other);
    return code;
}

static int diff_models(struct opened *opened, const struct command *command, const struct diff_flags *flags)
{
    struct parsed_samples parsed = {0};
    bool files = flags->samples.images || flags->samples.inputs.count > 0;
    if (command->positional_count != 2)
        return fail_usage(command, "name two model files");
    if (files && !flags->options.run)
        return fail_usage(command, "images are for --run");
    int code = parse_samples(&flags->samples, opened, NULL, &parsed);
    if (code == PARSE_GO_ON)
        code = compare(opened, command, flags, &parsed.samples);
    free_samples(&parsed);
    return code;
}

int verb_diff(int argc, char **argv)
{
    struct diff_flags flags = {.options = fovea_diff_options_default()};
    const struct option_row rows[] = {
        {"run", 0, OPTION_FLAG, &flags.options.run, NULL, "run both on the same inputs and compare value by value"},
        {"rtol", 0, OPTION_NUMBER, &flags.options.rtol, "X", "of --run, of a value's largest element (default 1e-5)"},
        {"atol", 0, OPTION_NUMBER, &flags.options.atol, "X", "of --run, absolute, added to it (default 0)"},
        {"all", 'a', OPTION_FLAG, &flags.all, NULL, "do not cut long lists"},
        {"html", 0, OPTION_FOLDER, &flags.html, "DIR",
         "write diff.html, both side by side: sizes, changes, graphs; with --run outputs, with images their fields"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace a result of --html that is there"},
        JSON_ROW(flags.json),
        SAMPLE_ROWS(flags.samples),
        {0}};
    struct command command = {
        .verb = "diff",
        .arguments = "A.onnx B.onnx [--run [--images PATH|-i FILE.npy]] [options]",
        .summary =
            "What differs between two models: nodes, attributes, shapes, weights, metadata. Renamed and inserted "
            "nodes do not make others look different. --run names the first node whose results depart, on "
            "random inputs (--seed)\nor files. Exit code 1 when they differ.",
        .example = "fovea diff resnet50.onnx exported_again.onnx --run",
        .rows = rows,
        .positional_most = 2};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = diff_models(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
