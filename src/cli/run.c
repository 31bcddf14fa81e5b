/* fovea run: outputs of a model for files. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

struct run_options {
    struct text_list inputs, expected, values;
    const char *output, *dump_after, *labels, *overlay, *activation;
    double rtol, atol;
    int64_t top;
    bool force;
    struct preprocess_options preprocess;
    struct figure_flags figures;
};

/* Far from what file systems take (255), as a name with a suffix is written under a longer one first. */
#define FILE_NAME_SIZE 128

/* Letters, digits, '.', '-' and '_' stay; anything else in an output's name becomes '_'. Long names are cut. */
static void safe_file_name(const char *name, char out[FILE_NAME_SIZE])
{
    size_t i = 0;
    for (; name[i] && i + 1 < FILE_NAME_SIZE; i++)
        out[i] =
            isalnum((unsigned char)name[i]) || (strchr(".-_", name[i]) && (i > 0 || name[i] != '.')) ? name[i] : '_';
    if (i == 0)
        out[i++] = '_';
    out[i] = 0;
}

static bool is_taken(char (*names)[FILE_NAME_SIZE], int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* names[output], which none before it has: outputs whose names become the same get a number behind. */
static void output_file_name(const struct fovea_session *session, int output, char (*names)[FILE_NAME_SIZE])
{
    char *name = names[output], base[FILE_NAME_SIZE - 16];
    safe_file_name(fovea_session_output_name(session, output), name);
    snprintf(base, sizeof base, "%.*s", (int)sizeof base - 1, name);
    for (int number = output; is_taken(names, output, name); number++)
        snprintf(name, FILE_NAME_SIZE, "%s_%d", base, number);
}

static double element(const struct fovea_tensor *tensor, int64_t index)
{
    if (strcmp(tensor->type, "double") == 0)
        return ((const double *)tensor->data)[index];
    if (strstr(tensor->type, "float"))
        return (double)((const float *)tensor->data)[index];
    if (strcmp(tensor->type, "int64") == 0 || strcmp(tensor->type, "uint32") == 0 ||
        strcmp(tensor->type, "uint64") == 0)
        return (double)((const int64_t *)tensor->data)[index];
    if (strcmp(tensor->type, "uint8") == 0 || strcmp(tensor->type, "bool") == 0)
        return (double)((const uint8_t *)tensor->data)[index];
    return (double)((const int32_t *)tensor->data)[index];
}

static int64_t element_count(const struct fovea_tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i];
    return count;
}

/* "[2, 0, 5]" of an element in row-major order; a scalar has no place. */
static void print_place(const struct fovea_tensor *tensor, int64_t index)
{
    int64_t behind = element_count(tensor);
    for (int i = 0; i < tensor->rank; i++) {
        behind /= tensor->dims[i];
        printf("%s%" PRId64, i ? ", " : " at [", index / behind % tensor->dims[i]);
    }
    printf(tensor->rank > 0 ? "]" : "");
}

/* Of the finite elements; the others are counted. */
static void print_summary(const char *name, const struct fovea_tensor *tensor)
{
    char safe[CLI_TEXT], dims[CLI_TEXT];
    int64_t count = element_count(tensor), finite = 0, nan = 0, positive = 0, largest = 0;
    double low = HUGE_VAL, high = -HUGE_VAL, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = element(tensor, i);
        nan += isnan(value);
        positive += isinf(value) && value > 0;
        if (!isfinite(value))
            continue;
        if (value > high) {
            high = value;
            largest = i;
        }
        low = fmin(low, value);
        sum += value;
        finite++;
    }
    printf("%s: %s %s", safe_text(name, safe), tensor->type, dims_text(tensor->rank, tensor->dims, dims));
    if (finite > 0) {
        printf(", min %.6g, max %.6g", low, high);
        print_place(tensor, largest);
        printf(", mean %.6g", sum / (double)finite);
    }
    if (finite < count)
        printf("%s; %" PRId64 " of %" PRId64 " elements not finite: %" PRId64 " NaN, %" PRId64 " inf, %" PRId64 " -inf",
               finite > 0 ? " of the finite" : "", count - finite, count, nan, positive,
               count - finite - nan - positive);
    printf("\n");
}

/* The result, or what it holds: "y.0", "y.1", ... */
static void print_output(const struct fovea_session *session, int output)
{
    char safe[CLI_TEXT], item[FILE_NAME_SIZE];
    const char *name = fovea_session_output_name(session, output);
    struct fovea_tensor tensor = fovea_session_output(session, output);
    if (!holds_items(tensor.type)) {
        print_summary(name, &tensor);
        return;
    }
    int64_t length = fovea_session_output_length(session, output);
    printf("%s: %s, ", safe_text(name, safe), tensor.type);
    printf(length < 0 ? "absent\n" : length == 1 ? "1 tensor\n" : "%" PRId64 " tensors\n", length);
    for (int64_t i = 0; i < length; i++) {
        tensor = fovea_session_output_item(session, output, i);
        snprintf(item, sizeof item, "%.*s.%" PRId64, FILE_NAME_SIZE - 24, name, i);
        print_summary(item, &tensor);
    }
}

static int write_output(struct opened *opened, const struct fovea_tensor *tensor, const char *folder, const char *name)
{
    struct fovea_error error = {0};
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s.npy", folder, name) >= sizeof path) {
        fprintf(stderr, "fovea: the path of the folder is too long\n");
        return FOVEA_BAD_INPUT;
    }
    if (fovea_tensor_write(opened->fovea, path, tensor, &error))
        return fail(&error);
    printf("wrote %s\n", path);
    return FOVEA_CLEAN;
}

/* NAME.0.npy, NAME.1.npy, ..., and NAME.json that says how many there are. */
static int write_items(struct opened *opened, const struct fovea_session *session, int output, const char *folder,
                       const char *name)
{
    struct fovea_error error = {0};
    char path[4096], item[FILE_NAME_SIZE + 24], text[256];
    struct fovea_tensor tensor = fovea_session_output(session, output);
    int64_t length = fovea_session_output_length(session, output);
    int code = FOVEA_CLEAN;
    for (int64_t i = 0; i < length && code == FOVEA_CLEAN; i++) {
        struct fovea_tensor held = fovea_session_output_item(session, output, i);
        snprintf(item, sizeof item, "%s.%" PRId64, name, i);
        code = write_output(opened, &held, folder, item);
    }
    if (code != FOVEA_CLEAN)
        return code;
    int bytes = snprintf(text, sizeof text, "{\"type\": \"%s\", \"present\": %s, \"tensors\": %" PRId64 "}\n",
                         tensor.type, length < 0 ? "false" : "true", length < 0 ? 0 : length);
    if ((size_t)snprintf(path, sizeof path, "%s/%s.json", folder, name) >= sizeof path) {
        fprintf(stderr, "fovea: the path of the folder is too long\n");
        return FOVEA_BAD_INPUT;
    }
    if (fovea_write_file(path, text, (size_t)bytes, &error))
        return fail(&error);
    printf("wrote %s\n", path);
    return FOVEA_CLEAN;
}

static int write_outputs(struct opened *opened, const struct fovea_session *session, const char *folder)
{
    int count = fovea_session_output_count(session), code = FOVEA_CLEAN;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "fovea: the folder %s cannot be made: %s\n", folder, strerror(errno));
        return FOVEA_BAD_INPUT;
    }
    char(*names)[FILE_NAME_SIZE] = needed((size_t)count, sizeof *names);
    for (int i = 0; i < count && code == FOVEA_CLEAN; i++) {
        struct fovea_tensor tensor = fovea_session_output(session, i);
        output_file_name(session, i, names);
        code = holds_items(tensor.type) ? write_items(opened, session, i, folder, names[i])
                                        : write_output(opened, &tensor, folder, names[i]);
    }
    free(names);
    return code;
}

/* The output that an --expect names; without a name the `position`-th. */
static int find_output(const struct fovea_session *session, const char *name, int position)
{
    int count = fovea_session_output_count(session);
    for (int i = 0; name && i < count; i++) {
        if (strcmp(fovea_session_output_name(session, i), name) == 0)
            return i;
    }
    return name || position >= count ? -1 : position;
}

/* As find_output; `name` may be that of a result that holds tensors with the number of one behind, "y.2": *item. */
static int find_expected(const struct fovea_session *session, const char *name, int position, int64_t *item)
{
    int output = find_output(session, name, position);
    const char *number = name ? strrchr(name, '.') : NULL;
    char base[CLI_TEXT], *end;
    *item = -1;
    if (output >= 0 || !number || !isdigit((unsigned char)number[1]) || (size_t)(number - name) >= sizeof base)
        return output;
    snprintf(base, sizeof base, "%.*s", (int)(number - name), name);
    *item = strtoll(number + 1, &end, 10);
    output = find_output(session, base, 0);
    return *end == 0 && output >= 0 && *item < fovea_session_output_length(session, output) ? output : -1;
}

static int compare_outputs(struct opened *opened, const struct fovea_session *session,
                           const struct run_options *options)
{
    struct fovea_error error = {0};
    double atol = options->atol < 0 && fovea_model_is_half(opened->model) ? FOVEA_ATOL_HALF : options->atol;
    struct fovea_feed *expected = parse_feeds(&options->expected);
    int code = FOVEA_CLEAN;
    for (int i = 0; i < options->expected.count && code <= FOVEA_FINDINGS; i++) {
        struct fovea_tensor reference;
        struct fovea_comparison comparison;
        char safe[CLI_TEXT];
        int64_t item;
        int output = find_expected(session, expected[i].name, i, &item);
        if (output < 0) {
            fprintf(stderr, "fovea: the model has no output '%s'\n", expected[i].name ? expected[i].name : "");
            code = FOVEA_BAD_INPUT;
        } else if (fovea_tensor_read(opened->fovea, expected[i].path, &reference, &error)) {
            code = fail(&error);
        } else {
            struct fovea_tensor got =
                item >= 0 ? fovea_session_output_item(session, output, item) : fovea_session_output(session, output);
            fovea_tensor_compare(&got, &reference, options->rtol, atol, &comparison);
            fovea_tensor_free(opened->fovea, &reference);
            const char *name = item >= 0 ? expected[i].name : fovea_session_output_name(session, output);
            printf("%s %s: %s\n", comparison.equal ? "equal   " : "MISMATCH", safe_text(name, safe), comparison.text);
            code = comparison.equal ? code : FOVEA_FINDINGS;
        }
    }
    free_feeds(expected, options->expected.count);
    return code;
}

static int require_inputs(struct fovea_session *session, const struct run_options *options)
{
    struct fovea_tensor first = fovea_session_input(session, 0);
    int wanted = fovea_session_input_count(session);
    if (wanted > 0 && first.type && holds_items(first.type))
        return FOVEA_CLEAN; /* it may be empty */
    if (wanted > 0 && options->inputs.count == 0) {
        char safe[CLI_TEXT];
        fprintf(stderr, "fovea run: name a file for the input '%s' with -i FILE\n",
                safe_text(fovea_session_input_name(session, 0), safe));
        return FOVEA_BAD_INPUT;
    }
    return FOVEA_CLEAN;
}

static int run_session(struct opened *opened, struct fovea_session *session, const struct run_options *options)
{
    struct fovea_error error = {0};
    if (options->dump_after)
        fputs(fovea_session_dump(session), stdout);
    int code = require_inputs(session, options);
    if (code != FOVEA_CLEAN)
        return options->dump_after ? FOVEA_CLEAN : code;
    if (fovea_session_run(session, &error))
        return fail(&error);
    for (int i = 0; i < fovea_session_output_count(session); i++)
        print_output(session, i);
    if (options->output && (code = write_outputs(opened, session, options->output)) != FOVEA_CLEAN)
        return code;
    return compare_outputs(opened, session, options);
}

/* ---- what the outputs mean ---- */

struct prediction_sink {
    struct opened *opened;
    const struct run_options *options;
    int64_t count;
};

static void print_prediction(const struct fovea_prediction *prediction)
{
    char image[CLI_TEXT], name[CLI_TEXT];
    printf("%s: ", fovea_text_shorten(prediction->name, 60, image, sizeof image));
    for (int i = 0; i < prediction->count; i++) {
        const struct fovea_predicted_class *class = &prediction->classes[i];
        bool region = prediction->kind == FOVEA_PREDICTION_REGIONS;
        printf("%s%" PRId64, i ? ", " : "", class->class_index);
        if (class->name)
            printf(" %s", fovea_text_shorten(class->name, 40, name, sizeof name));
        if (region || !isnan(class->probability))
            printf(" %.1f %%", 100 * (region ? class->share : class->probability));
        else
            printf(" (%.4g)", class->score);
    }
    printf("\n");
}

static int take_prediction(void *user, const struct fovea_prediction *prediction, struct fovea_error *error)
{
    static const char *const meanings[] = {"strongest classes", "largest regions, shares of the area",
                                           "strongest classes, each in its best row"};
    struct prediction_sink *sink = user;
    char path[4096];
    if (sink->count++ == 0) {
        printf("%s, ", meanings[prediction->kind]);
        print_words(stdout, prediction->reading);
        printf("\n");
    }
    print_prediction(prediction);
    if (!sink->options->overlay)
        return 0;
    if (mkdir(sink->options->overlay, 0777) != 0 && errno != EEXIST) {
        snprintf(error->message, sizeof error->message, "the folder %s cannot be made: %s", sink->options->overlay,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/%06" PRId64, sink->options->overlay, prediction->image);
    return fovea_prediction_write(sink->opened->fovea, prediction, path, sink->options->force, error);
}

/* Whether the only input is pictures. */
static bool are_pictures(const struct run_options *options)
{
    if (options->inputs.count != 1 || options->values.count > 0 || options->dump_after)
        return false;
    const char *dot = strrchr(options->inputs.items[0], '.');
    return !dot || (strcmp(dot, ".npy") != 0 && strcmp(dot, ".pb") != 0);
}

static bool asks_for_classes(const struct run_options *options)
{
    return options->overlay || options->labels || options->top > 0;
}

/* A model whose outputs are not told is none the worse, unless classes are asked for. */
static int predict(struct opened *opened, const struct run_options *options, const struct fovea_feed *feeds,
                   const struct fovea_preprocess *preprocess)
{
    struct fovea_error error = {0};
    struct prediction_sink sink = {opened, options, 0};
    struct fovea_predict_options predict = fovea_predict_options_default();
    predict.samples.shapes = opened->shapes;
    predict.samples.feeds = feeds;
    predict.samples.feed_count = 1;
    predict.samples.preprocess = preprocess;
    predict.samples.labels = options->labels;
    predict.top = options->top;
    if (fovea_predict(opened->model, &predict, take_prediction, &sink, &error) &&
        (sink.count > 0 || asks_for_classes(options) || error.kind != FOVEA_ERROR_INPUT))
        return error.kind == FOVEA_ERROR_UNSUPPORTED && !asks_for_classes(options) ? FOVEA_CLEAN : fail(&error);
    if (options->overlay)
        printf("wrote %" PRId64 " picture%s to %s\n", sink.count, sink.count == 1 ? "" : "s", options->overlay);
    return FOVEA_CLEAN;
}

static int run_model(struct opened *opened, const struct command *command, const struct run_options *options)
{
    struct fovea_error error = {0};
    struct fovea_preprocess preprocess;
    if (asks_for_classes(options) && !are_pictures(options))
        return fail_usage(command, "--top, --labels and --overlay take pictures as the only input, without --value "
                                   "and --dump-after");
    if (parse_preprocess(&options->preprocess, &preprocess))
        return FOVEA_BAD_INPUT;
    if (options->inputs.count == 0)
        bind_free_batch(opened);
    struct fovea_feed *feeds = parse_feeds(&options->inputs);
    struct fovea_session_options session_options = {.shapes = opened->shapes,
                                                    .feeds = feeds,
                                                    .feed_count = options->inputs.count,
                                                    .preprocess = &preprocess,
                                                    .values = options->values.items,
                                                    .value_count = options->values.count,
                                                    .dump_after = options->dump_after};
    struct fovea_session *session = fovea_session_open(opened->model, &session_options, &error);
    int code = session ? run_session(opened, session, options) : fail(&error);
    fovea_session_free(session);
    if (code == FOVEA_CLEAN && are_pictures(options))
        code = predict(opened, options, feeds, &preprocess);
    free_feeds(feeds, options->inputs.count);
    return code;
}

int verb_run(int argc, char **argv)
{
    struct run_options options = {.rtol = 1e-3, .atol = FOVEA_ATOL_FLOAT};
    const struct option_row rows[] = {
        {"input", 'i', OPTION_LIST, &options.inputs, "[NAME=]FILE",
         ".npy, .pb (TensorProto), an image, a folder of images; a sequence: once for each tensor"},
        {"output", 'o', OPTION_FOLDER, &options.output, "DIR",
         "write one .npy per output; of a sequence NAME.0.npy, ... and NAME.json with their number"},
        {"value", 0, OPTION_LIST, &options.values, "NAME", "compute this output or inner value alone; may be repeated"},
        {"expect", 'e', OPTION_LIST, &options.expected, "[NAME=]FILE",
         "compare with this .npy or .pb; of a sequence NAME.0=FILE; exit 1 if it differs"},
        {"rtol", 0, OPTION_NUMBER, &options.rtol, "X", "relative tolerance (default 1e-3)"},
        {"atol", 0, OPTION_NUMBER, &options.atol, "X",
         "absolute tolerance (default: 2e-5 of the largest expected element, 2e-3 with half precision weights or "
         "output)"},
        {"dump-after", 0, OPTION_TEXT, &options.dump_after, "PASS", "print the graph after a pass"},
        {"top", 0, OPTION_COUNT, &options.top, "N", "of pictures: classes told, the strongest or largest (default 5)"},
        {"labels", 0, OPTION_TEXT, &options.labels, "FILE",
         "names of the classes: one a line, JSON, data.yaml, synsets (default: the model's)"},
        {"overlay", 0, OPTION_FOLDER, &options.overlay, "DIR",
         "of pictures: draw regions in colours over each, or the classes beside it"},
        PICTURE_ROWS(options.figures),
        {"force", 0, OPTION_FLAG, &options.force, NULL, "replace pictures of --overlay that are there"},
        ACTIVATION_ROW(options.activation),
        PREPROCESS_ROWS(options.preprocess),
        {0}};
    struct command command = {.verb = "run",
                              .arguments = "MODEL -i [NAME=]FILE... [-o DIR] [options]",
                              .summary =
                                  "Runs a model on files; prints a summary of every output, writes or compares them.",
                              .example = "fovea run resnet50.onnx -i cat.jpg --preprocess imagenet -o out",
                              .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = set_figures(&command, &opened, &options.figures, options.overlay, "--overlay");
    if (code == PARSE_GO_ON)
        code = run_model(&opened, &command, &options);
    close_model(&opened);
    command_free(&command);
    return code;
}
