/* fovea run: outputs of a model for files. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

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

static int run_session(const struct run_work *work, struct fovea_session *session)
{
    struct fovea_error error = {0};
    if (work->options->dump_after)
        fputs(fovea_session_dump(session), stdout);
    int code = require_inputs(session, work->options);
    if (code != FOVEA_CLEAN)
        return work->options->dump_after ? FOVEA_CLEAN : code;
    return fovea_session_run(session, &error) ? fail(&error) : show_outputs(work, session);
}

/* ---- what the outputs mean ---- */

#define MOST_TOLD_BOXES 10

struct prediction_sink {
    const struct run_work *work;
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
    if (prediction->boxes && prediction->boxes_told)
        printf("  %d object%s of %.0f %% and more, %s\n", prediction->detection_count,
               prediction->detection_count == 1 ? "" : "s", 100 * FOVEA_DETECTION_LEAST, prediction->boxes);
    else if (prediction->boxes)
        printf("  %s\n", prediction->boxes);
    for (int i = 0; i < prediction->detection_count && i < MOST_TOLD_BOXES; i++) {
        const struct fovea_detection *found = &prediction->detections[i];
        printf("  %" PRId64 "%s%s %.1f %%: x %.1f to %.1f, y %.1f to %.1f\n", found->class_index,
               found->name ? " " : "", found->name ? fovea_text_shorten(found->name, 40, name, sizeof name) : "",
               100 * found->probability, found->box[1], found->box[3], found->box[0], found->box[2]);
    }
}

static void print_reading(const struct fovea_prediction *prediction)
{
    static const char *const meanings[] = {"strongest classes", "largest regions, shares of the area",
                                           "strongest classes, each in its best row"};
    printf("%s, ", meanings[prediction->kind]);
    print_words(stdout, prediction->reading);
    printf("\n");
}

static int draw_prediction(const struct run_work *work, const struct fovea_prediction *prediction, char path[4096],
                           struct fovea_error *error)
{
    const char *folder = work->options->overlay;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        snprintf(error->message, sizeof error->message, "the folder %s cannot be made: %s", folder, strerror(errno));
        return -1;
    }
    snprintf(path, 4096, "%s/%06" PRId64, folder, prediction->image);
    return fovea_prediction_write(work->opened->fovea, prediction, path, work->options->force, error);
}

static int take_prediction(void *user, const struct fovea_prediction *prediction, struct fovea_error *error)
{
    struct prediction_sink *sink = user;
    const struct run_work *work = sink->work;
    char path[4096];
    clear_progress();
    if (sink->count++ == 0 && work->lines)
        print_reading(prediction);
    if (work->lines)
        print_prediction(prediction);
    bool drawn = work->options->overlay;
    if (drawn && draw_prediction(work, prediction, path, error))
        return -1;
    return work->record ? fovea_run_record_prediction(work->record, prediction, drawn ? path : NULL, error) : 0;
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
static int predict(const struct run_work *work, const struct fovea_feed *feeds,
                   const struct fovea_preprocess *preprocess)
{
    struct fovea_error error = {0};
    const struct run_options *options = work->options;
    struct prediction_sink sink = {work, 0};
    struct fovea_predict_options predict = fovea_predict_options_default();
    predict.samples.shapes = work->opened->shapes;
    predict.samples.feeds = feeds;
    predict.samples.feed_count = 1;
    predict.samples.preprocess = preprocess;
    predict.samples.labels = options->labels;
    predict.top = options->top;
    if (fovea_predict(work->opened->model, &predict, take_prediction, &sink, &error) &&
        (sink.count > 0 || asks_for_classes(options) || error.kind != FOVEA_ERROR_INPUT))
        return error.kind == FOVEA_ERROR_UNSUPPORTED && !asks_for_classes(options) ? FOVEA_CLEAN : fail(&error);
    if (options->overlay && work->lines)
        printf("wrote %" PRId64 " picture%s to %s\n", sink.count, sink.count == 1 ? "" : "s", shown(options->overlay));
    return FOVEA_CLEAN;
}

static int run_feeds(const struct run_work *work, const struct fovea_feed *feeds,
                     const struct fovea_preprocess *preprocess)
{
    struct fovea_error error = {0};
    const struct run_options *options = work->options;
    struct fovea_session_options session_options = {.shapes = work->opened->shapes,
                                                    .feeds = feeds,
                                                    .feed_count = options->inputs.count,
                                                    .preprocess = preprocess,
                                                    .values = options->values.items,
                                                    .value_count = options->values.count,
                                                    .dump_after = options->dump_after};
    struct fovea_session *session = fovea_session_open(work->opened->model, &session_options, &error);
    int code = session ? run_session(work, session) : fail(&error);
    fovea_session_free(session);
    return code == FOVEA_CLEAN && are_pictures(options) ? predict(work, feeds, preprocess) : code;
}

static int run_model(struct opened *opened, const struct command *command, const struct run_options *options)
{
    struct fovea_error error = {0};
    struct fovea_preprocess preprocess;
    struct run_work work = {.opened = opened, .options = options, .lines = !json_alone(options->json)};
    if (asks_for_classes(options) && !are_pictures(options))
        return fail_usage(command, "--top, --labels and --overlay take pictures as the only input, without --value "
                                   "and --dump-after");
    if (options->json && options->dump_after)
        return fail_usage(command, "--dump-after prints a graph, which --json has no place for");
    if (parse_preprocess(&options->preprocess, &preprocess))
        return FOVEA_BAD_INPUT;
    if (options->json && !(work.record = fovea_run_record_open(opened->model, &error)))
        return fail(&error);
    if (options->inputs.count == 0)
        bind_free_batch(opened);
    struct fovea_feed *feeds = parse_feeds(&options->inputs);
    int code = run_feeds(&work, feeds, &preprocess);
    if (work.record && code <= FOVEA_FINDINGS) {
        int written = write_json(opened, options->json, fovea_run_record_json(work.record, NULL));
        code = written != FOVEA_CLEAN ? written : code;
    }
    fovea_run_record_free(work.record);
    free_feeds(feeds, options->inputs.count);
    return code;
}

int verb_run(int argc, char **argv)
{
    static const char *const streamed[] = {"", NULL};
    struct run_options options = {.rtol = 1e-3, .atol = FOVEA_ATOL_FLOAT};
    const struct option_row rows[] = {
        {"input", 'i', OPTION_LIST, &options.inputs, "[NAME=]FILE",
         ".npy, .pb (TensorProto), an image, a folder of images; a sequence: once for each tensor",
         TENSOR_FILES " " IMAGE_FILES},
        {"output", 'o', OPTION_FOLDER, &options.output, "DIR",
         "write one .npy per output; of a sequence NAME.0.npy, ... and NAME.json with their number; -: the only one, "
         "to stdout"},
        {"value", 0, OPTION_LIST, &options.values, "NAME", "compute this output or inner value alone; may be repeated"},
        {"expect", 'e', OPTION_LIST, &options.expected, "[NAME=]FILE",
         "compare with this .npy or .pb; of a sequence NAME.0=FILE; exit 1 if it differs", TENSOR_FILES},
        {"rtol", 0, OPTION_NUMBER, &options.rtol, "X", "relative tolerance (default 1e-3)"},
        {"atol", 0, OPTION_NUMBER, &options.atol, "X",
         "absolute tolerance (default: 2e-5 of the largest expected element, 2e-3 with half precision weights or "
         "output)"},
        {"dump-after", 0, OPTION_TEXT, &options.dump_after, "PASS", "print the graph after a pass"},
        JSON_ROW(options.json),
        GROUP("What the outputs mean"),
        {"top", 0, OPTION_COUNT, &options.top, "N", "of pictures: classes told, the strongest or largest (default 5)"},
        {"labels", 0, OPTION_TEXT, &options.labels, "FILE",
         "names of the classes: one a line, JSON, data.yaml, synsets (default: the model's)", ".txt .json .yaml"},
        {"overlay", 0, OPTION_FOLDER, &options.overlay, "DIR",
         "of pictures: draw regions in colours or boxes over each, the classes beside it"},
        {"force", 0, OPTION_FLAG, &options.force, NULL, "replace pictures of --overlay that are there"},
        ACTIVATION_ROW(options.activation),
        PICTURE_ROWS(options.figures),
        PREPROCESS_ROWS(options.preprocess),
        {0}};
    struct command command = {.verb = "run",
                              .arguments = "MODEL -i [NAME=]FILE... [-o DIR] [options]",
                              .summary =
                                  "Runs a model on files; prints a summary of every output, writes or compares them.",
                              .example = "fovea run resnet50.onnx -i cat.jpg --preprocess imagenet -o out",
                              .rows = rows,
                              .streamed = streamed};
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
