/* fovea eval: how right a model is, and what changes of the images do to it. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MOST_SCALES 64

struct eval_flags {
    struct fovea_eval_options options;
    const char *output, *corrupt, *severity, *compare, *scales, *report, *split;
    const char *json;
    bool force;
    struct data_flags data;
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

static int show(struct opened *opened, const struct eval_flags *flags, const struct fovea_eval *eval)
{
    struct fovea_error error = {0};
    int code = flags->json ? write_json(opened, flags->json, fovea_eval_json(opened->model, eval, NULL)) : FOVEA_CLEAN;
    if (code != FOVEA_CLEAN)
        return code;
    if (!json_alone(flags->json))
        print_eval(eval);
    if (flags->report && fovea_report_add_eval(opened->model, eval, flags->report, &error))
        return fail(&error);
    if (!flags->output)
        return FOVEA_CLEAN;
    if (fovea_eval_write(opened->model, eval, flags->output, flags->force, &error))
        return fail(&error);
    if (!json_alone(flags->json))
        printf("wrote %s\n", shown(flags->output));
    return FOVEA_CLEAN;
}

static int run_eval(struct opened *opened, const struct eval_flags *flags, const struct fovea_eval_options *options)
{
    struct fovea_error error = {0};
    int code;
    struct fovea_model *other = flags->compare ? load_model(opened, flags->compare, &code) : NULL;
    struct fovea_eval eval;
    if (flags->compare && !other)
        return code;
    if ((other && fovea_model_set_activation(other, flags->samples.activation, &error)) ||
        (flags->output && fovea_output_claim(flags->output, flags->force, &error)) ||
        (flags->report && fovea_report_find(opened->model, flags->report, &error))) {
        fovea_model_free(other);
        return fail(&error);
    }
    if (fovea_eval(opened->model, other, options, &eval, &error)) {
        code = fail(&error);
    } else {
        clear_progress();
        code = show(opened, flags, &eval);
        fovea_eval_free(&eval);
    }
    fovea_model_free(other);
    return code;
}

/* Either images, or data with the options that go with them. */
static int check_flags(const struct command *command, const struct eval_flags *flags)
{
    const struct fovea_data *data = &flags->data.data;
    bool images = flags->samples.images || flags->samples.inputs.count > 0;
    bool of_data = data->masks || data->labels || data->validation_share > 0 || data->loader_threads > 0 ||
                   flags->data.no_validation || flags->data.ignore || flags->data.mask_values || flags->split;
    if (images == (data->path != NULL))
        return fail_usage(command, "name either images (--images PATH) or labelled data (--data PATH)");
    if (!data->path && of_data)
        return fail_usage(command,
                          "--masks, --data-labels, --split, --validation, --ignore, --mask-values and --loaders "
                          "go with --data, not with --images");
    if (data->path && flags->options.no_labels)
        return fail_usage(command, "--no-labels goes with --images: data are labelled");
    return PARSE_GO_ON;
}

static int parse_split(const struct command *command, const char *text, enum fovea_split *split)
{
    static const char *const words[] = {"train", "validation", "test", NULL};
    int index;
    int code = parse_word(command, "split", text, words, &index);
    *split = text ? (enum fovea_split)(FOVEA_SPLIT_TRAIN + index) : FOVEA_SPLIT_USUAL;
    return code;
}

static int eval_model(struct opened *opened, const struct command *command, struct eval_flags *flags)
{
    struct parsed_samples parsed = {0};
    struct fovea_eval_options options = flags->options;
    struct fovea_data *data = &flags->data.data;
    double scales[MOST_SCALES];
    int code = check_flags(command, flags);
    if (code == PARSE_GO_ON)
        code = parse_data(command, &flags->data);
    data->names = flags->samples.samples.labels;
    data->skip_broken = flags->samples.samples.skip_broken;
    if (code == PARSE_GO_ON)
        code = parse_split(command, flags->split, &options.split);
    if (code == PARSE_GO_ON)
        code = parse_names(command, "corrupt", flags->corrupt, fovea_corruption_name, &options.corruptions);
    if (code == PARSE_GO_ON)
        code = parse_severities(command, flags->severity, &options.severities);
    if (code == PARSE_GO_ON)
        code = parse_scales(command, flags->scales, scales, &options);
    if (code == PARSE_GO_ON)
        code = parse_samples(&flags->samples, opened, NULL, &parsed);
    if (code == PARSE_GO_ON) {
        options.samples = parsed.samples;
        options.samples.batch = flags->samples.exact ? 1 : flags->options.samples.batch;
        options.data = data->path ? data : NULL;
        code = run_eval(opened, flags, &options);
    }
    free_samples(&parsed);
    return code;
}

int verb_eval(int argc, char **argv)
{
    struct eval_flags flags = {.options = fovea_eval_options_default()};
    const struct option_row rows[] = {
        {"batch", 'b', OPTION_COUNT, &flags.options.samples.batch, "N",
         "images at once, where the model leaves that free"},
        {"corrupt", 0, OPTION_TEXT, &flags.corrupt, "LIST",
         "gaussian-noise,jpeg,... or all: what corrupted images do to the predictions", NULL, "all",
         fovea_corruption_name},
        {"severity", 0, OPTION_TEXT, &flags.severity, "LIST", "of the corruptions, 1 to 5 (default: all)", NULL,
         "all 1 2 3 4 5"},
        {"scales", 0, OPTION_TEXT, &flags.scales, "LIST",
         "factors of the normalised image (nothing is clipped), or default", NULL, "default"},
        {"compare", 0, OPTION_TEXT, &flags.compare, "OTHER.onnx", "a second model on the same images, paired", ".onnx"},
        {"target", 0, OPTION_TEXT, &flags.options.target, "VALUE",
         "value that holds the classes' scores (default: the logits)", NULL, "logits output"},
        {"no-labels", 0, OPTION_FLAG, &flags.options.no_labels, NULL, "folders and lists tell no classes"},
        {"output", 'o', OPTION_FILE, &flags.output, "FILE", "write the results as JSON", ".json"},
        {"report", 0, OPTION_FOLDER, &flags.report, "DIR", "add the results to the report that 'audit -o DIR' made"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace a file that is there"},
        JSON_ROW(flags.json),
        ACTIVATION_ROW(flags.samples.activation),
        DATA_ROWS(flags.data),
        {"split", 0, OPTION_TEXT, &flags.split, "SPLIT",
         "train, validation or test (default: test if there is one, else validation, else all)", NULL,
         "train validation test"},
        SAMPLE_ROWS_LIMITED(flags.samples, "use N images only: of --images the first, of --data evenly spaced ones"),
        {0}};
    struct command command = {
        .verb = "eval",
        .arguments = "MODEL --data PATH|--images PATH [--corrupt LIST|all] [--compare OTHER.onnx] [options]",
        .summary = "With --data: accuracy over labelled data as 'tune' takes them (class folders, lists, images with "
                   "masks, IDX files, arrays), class by class, with what is confused with what.\nWith --images: "
                   "accuracy where labels are known (one folder per class, labels.csv, "
                   "a list), else agreement with the prediction for the unchanged image.",
        .example = "fovea eval models/fashion_mnist.onnx --data /usr/share/datasets/fashion-mnist",
        .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = eval_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
