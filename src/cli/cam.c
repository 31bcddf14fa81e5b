/* fovea cam: where in an image a class's score comes from. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli.h"

#define MOST_CLASSES 100

struct cam_flags {
    struct fovea_cam_options options;
    const char *output, *unit, *class_text, *methods, *json;
    bool force;
    struct sample_flags samples;
    struct figure_flags figures;
};

/* Means over a method's maps. */
struct method_sums {
    int64_t maps, measured, increases, masked, pointing, sane;
    double drop, insertion, deletion, gap, share, energy, iou, sanity;
};

/* What every map is handed to. */
struct cam_sink {
    struct fovea_cam_folder *folder; /* of files, or of the document alone; or NULL */
    struct method_sums sums[FOVEA_CAM_METHODS];
    unsigned skipped;
    char layer[1024]; /* of the heading that was printed */
    bool quiet;       /* no rows */
};

static void add_metrics(struct method_sums *sums, const struct fovea_cam *cam)
{
    sums->maps++;
    sums->gap += fabs(cam->gap);
    sums->share += cam->share;
    if (cam->faithfulness) {
        sums->measured++;
        sums->drop += cam->faithfulness->drop;
        sums->increases += cam->faithfulness->increase;
        sums->insertion += cam->faithfulness->insertion_area;
        sums->deletion += cam->faithfulness->deletion_area;
    }
    if (cam->localisation) {
        sums->masked++;
        sums->energy += cam->localisation->energy;
        sums->pointing += cam->localisation->pointing;
        sums->iou += cam->localisation->iou;
    }
    if (!isnan(cam->sanity)) {
        sums->sane++;
        sums->sanity += cam->sanity;
    }
}

/* A mean, or a dash where nothing was measured. */
static void print_mean(double sum, int64_t count, double factor, const char *format)
{
    if (count > 0)
        printf(format, factor * sum / (double)count);
    else
        printf("%12s", "-");
}

/* One row per method. */
static void print_metrics(const struct cam_sink *sink)
{
    static const char *const headings[] = {"avg drop %", "increase %", "insertion",  "deletion", "|gap| %",
                                           "in cells %", "energy %",   "pointing %", "IoU",      "sanity"};
    printf("\n%-10s %6s", "method", "maps");
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        printf("%12s", headings[i]);
    printf("\n");
    for (int method = 0; method < FOVEA_CAM_METHODS; method++) {
        const struct method_sums *sums = &sink->sums[method];
        if (sums->maps == 0)
            continue;
        printf("%-10s %6" PRId64, fovea_cam_method_name(method), sums->maps);
        print_mean(sums->drop, sums->measured, 100, "%12.2f");
        print_mean((double)sums->increases, sums->measured, 100, "%12.2f");
        print_mean(sums->insertion, sums->measured, 1, "%12.4f");
        print_mean(sums->deletion, sums->measured, 1, "%12.4f");
        print_mean(sums->gap, sums->maps, 100, "%12.2f");
        print_mean(sums->share, sums->maps, 100, "%12.2f");
        print_mean(sums->energy, sums->masked, 100, "%12.2f");
        print_mean((double)sums->pointing, sums->masked, 100, "%12.2f");
        print_mean(sums->iou, sums->masked, 1, "%12.4f");
        print_mean(sums->sanity, sums->sane, 1, "%12.4f");
        printf("\n");
    }
    printf(
        "avg drop: loss of probability under the map as a mask (rewards maps that hide nothing: never read it alone);\n"
        "increase: share of images whose probability rises; insertion, deletion: areas under the probability as the\n"
        "strongest pixels are put into a blurred image (more is better) or taken out (less is better); gap: what of "
        "the\n"
        "score neither cells nor class token nor biases hold, over the sum of |cells|; in cells: that sum's share of "
        "all\n"
        "parts' magnitudes; energy, pointing, IoU: share of the map in the mask, strongest pixel in it, overlap; "
        "sanity:\n"
        "rank correlation with the maps of the same network with shuffled weights (near 1: the maps do not show what "
        "it\n"
        "has learned).\n");
}

/* What the maps of one layer share, then a row per map. */
static void print_heading(struct cam_sink *sink, const struct fovea_cam *cam)
{
    char layer[CLI_TEXT], target[CLI_TEXT], rule[160];
    if (strcmp(sink->layer, cam->layer) == 0)
        return;
    snprintf(sink->layer, sizeof sink->layer, "%s", cam->layer);
    printf("maps of '%s'%s, %" PRId64 " x %" PRId64 " cells; scores are of '%s'\n", safe_text(cam->layer, layer),
           cam->layers > 1 ? " (extended: of the inputs of all attentions up to it)" : "", cam->cells[0], cam->cells[1],
           safe_text(cam->target, target));
    print_words(stdout, cam->reading);
    printf("\n");
    fovea_cam_sigma_text(cam, rule, sizeof rule);
    if (cam->gaussian)
        printf("sigma %.2f x %.2f px, %s\n", cam->sigma[0], cam->sigma[1], rule);
    printf("%-26s %-18s %9s %7s  %-10s %9s %9s %9s %9s %8s %10s %10s\n", "image", cam->of_classes ? "class" : "channel",
           "score", "prob %", "method", "cells", "token", "around", "biases", "gap %", "min", "max");
}

static void print_row(const struct fovea_cam *cam)
{
    char image[CLI_TEXT], name[64] = "", class[96], probability[16] = "-", doubt[64];
    if (cam->class_name)
        fovea_text_shorten(cam->class_name, 14, name, sizeof name);
    snprintf(class, sizeof class, "%" PRId64 "%s%s", cam->class_index, name[0] ? " " : "", name);
    if (cam->probability >= 0)
        snprintf(probability, sizeof probability, "%.2f", 100 * cam->probability);
    fovea_cam_doubt(cam, true, doubt, sizeof doubt);
    printf("%-26s %-18s %9.4g %7s  %-10s %9.4g %9.4g %9.4g %9.4g %8.2f %10.4g %10.4g%s%s%s%s\n",
           fovea_text_shorten(cam->name, 26, image, sizeof image), class, cam->score, probability,
           fovea_cam_method_name((int)cam->method), cam->contributions, cam->class_token, cam->around, cam->biases,
           without_minus_zero(100 * cam->gap), cam->smallest, cam->largest, doubt[0] ? "  " : "", doubt,
           cam->absent ? ""
           : cam->largest == 0 && cam->smallest == 0
               ? "  the score does not depend on this layer, name another with --layer"
           : cam->flat ? "  the map is flat"
                       : "",
           cam->negative && cam->smallest < 0
               ? cam->of_classes ? "  nothing speaks for the class" : "  nothing raises the channel"
               : "");
}

static void print_footnote(void)
{
    printf(
        "score = cells (activation times gradient, summed over the layer's cells: the map of extended) + token (the "
        "class\ntoken's own share) + around (what goes round the layer) + biases + gap, in %% of the sum over cells of "
        "|their part|.\nextended holds gates, attention weights and statistics of norms constant, the others take the "
        "gradient as it is:\na gap beyond 10 is no explanation\n");
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    struct cam_sink *sink = user;
    add_metrics(&sink->sums[cam->method], cam);
    if (!sink->quiet) {
        clear_progress();
        print_heading(sink, cam);
        print_row(cam);
    }
    return sink->folder ? fovea_cam_folder_add(sink->folder, cam, error) : 0;
}

/* Said once, though every class walks through the images. */
static void skip_method(void *user, enum fovea_cam_method method, const char *reason)
{
    struct cam_sink *sink = user;
    if (sink->skipped >> method & 1)
        return;
    sink->skipped |= 1u << method;
    clear_progress();
    fprintf(stderr, "fovea: %s is left out: ", fovea_cam_method_name((int)method));
    print_words(stderr, reason);
    fputs("\n", stderr);
    if (sink->folder)
        fovea_cam_folder_skip(sink->folder, method, reason);
}

/* As parse_class, or topN; `count` classes are shown. */
static int parse_classes(const struct command *command, const struct opened *opened, const struct cam_flags *flags,
                         int64_t *class_index, int64_t *count)
{
    const char *text = flags->class_text ? flags->class_text : "predicted";
    bool top = strncmp(text, "top", 3) == 0 && text[3] && strspn(text + 3, "0123456789") == strlen(text + 3);
    *count = 1;
    if (!top)
        return parse_class(command, opened, flags->samples.samples.labels, text, class_index);
    *class_index = FOVEA_CLASS_PREDICTED;
    return parse_int_list(text + 3, count, 1) == 1 && *count >= 1 && *count <= MOST_CLASSES
               ? PARSE_GO_ON
               : fail_usage(command, "--class takes topN with N from 1 to %d, not '%s'", MOST_CLASSES, text);
}

static int parse_choices(const struct command *command, const struct opened *opened, const struct cam_flags *flags,
                         struct fovea_cam_options *options, int64_t *classes)
{
    int code = parse_names(command, "method", flags->methods, fovea_cam_method_name, &options->methods);
    if (code == PARSE_GO_ON)
        code = parse_classes(command, opened, flags, &options->class_index, classes);
    if (code != PARSE_GO_ON)
        return code;
    if (flags->unit &&
        (parse_int_list(flags->unit, options->unit, 2) != 2 || options->unit[0] < 0 || options->unit[1] < 0))
        return fail_usage(command, "--unit takes Y,X, not '%s'", flags->unit);
    options->place = flags->unit ? FOVEA_PLACE_UNIT : options->place;
    return PARSE_GO_ON;
}

static int run_classes(struct opened *opened, const struct cam_flags *flags, struct fovea_cam_options *options,
                       int64_t classes)
{
    struct fovea_error error = {0};
    bool measured = options->metrics || options->sanity || options->masks, lines = !json_alone(flags->json);
    struct cam_sink sink = {.quiet = measured || !lines};
    int code = FOVEA_CLEAN;
    if (flags->output || flags->json) {
        sink.folder = fovea_cam_folder_open(opened->model, flags->output, flags->force, &error);
        if (!sink.folder)
            return fail(&error);
    }
    options->ranks = classes;
    for (options->rank = 0; options->rank < classes; options->rank++) {
        if (fovea_cam(opened->model, options, take_map, &sink, &error)) {
            fovea_cam_folder_abandon(sink.folder);
            return fail(&error);
        }
    }
    clear_progress();
    if (lines && measured)
        print_metrics(&sink);
    else if (lines)
        print_footnote();
    if (flags->json)
        code = write_json(opened, flags->json, fovea_cam_folder_json(sink.folder, NULL));
    if (code != FOVEA_CLEAN) {
        fovea_cam_folder_abandon(sink.folder);
        return code;
    }
    if (sink.folder && fovea_cam_folder_close(sink.folder, &error))
        return fail(&error);
    if (flags->output && lines) {
        char files[CLI_LINE];
        printf("wrote %s/cam.json, %s, manifest.json, each map as .npy and picture\n", shown(flags->output),
               picture_files(&flags->figures, "montage", files));
    }
    return FOVEA_CLEAN;
}

static int cam_model(struct opened *opened, const struct command *command, struct cam_flags *flags)
{
    struct parsed_samples parsed = {0};
    struct fovea_cam_options options = flags->options;
    int64_t classes;
    int code = parse_choices(command, opened, flags, &options, &classes);
    if (code == PARSE_GO_ON)
        code = set_figures(command, opened, &flags->figures, flags->output, "--output");
    if (code == PARSE_GO_ON)
        code = parse_samples(&flags->samples, opened, command->positional_count > 1 ? command->positional[1] : NULL,
                             &parsed);
    if (code == PARSE_GO_ON) {
        options.samples = parsed.samples;
        code = run_classes(opened, flags, &options, classes);
    }
    free_samples(&parsed);
    return code;
}

int verb_cam(int argc, char **argv)
{
    static const char *const streamed[] = {"montage", NULL};
    static const char *const places[] = {"auto", "unit", "region", "best", NULL};
    static const char *const upsamplings[] = {"auto", "gaussian", "bilinear", NULL};
    struct cam_flags flags = {.options = fovea_cam_options_default()};
    struct fovea_cam_options *options = &flags.options;
    options->skip = skip_method;
    const struct option_row rows[] = {
        {"output", 'o', OPTION_FOLDER, &flags.output, "DIR",
         "write every map as .npy and picture, a montage, cam.json; -: the montage, to stdout"},
        {"method", 'm', OPTION_TEXT, &flags.methods, "LIST",
         "extended (default: the parts of a sum, gates held constant), cam, gradcam, gradcam++, xgradcam, layercam, "
         "scorecam, or all",
         NULL, "all", fovea_cam_method_name},
        {"class", 'c', OPTION_TEXT, &flags.class_text, "CLASS",
         "a number from 0, a name, predicted (default), label, topN", NULL, "predicted label top3"},
        {"layer", 0, OPTION_TEXT, &options->layer, "VALUE",
         "value that the map belongs to (default: what the head reads; behind a class token extended sums the inputs "
         "of all "
         "attentions, the others take the last)"},
        {"target", 0, OPTION_TEXT, &options->target, "VALUE",
         "value that holds the score (default: the logits, a map's before they are enlarged)", NULL,
         "logits before-resize output"},
        {"place", 0, OPTION_WORD, &(struct word_choice){places, &options->place}, "WHERE",
         "of a target with many units: region of the class, best unit (default: by its shape)"},
        {"unit", 'u', OPTION_TEXT, &flags.unit, "Y,X", "the score at this unit of the target"},
        {"upsampling", 0, OPTION_WORD, &(struct word_choice){upsamplings, &options->upsampling}, "KIND",
         "gaussian (Extended-CAM's default) or bilinear"},
        {"sigma", 0, OPTION_AMOUNT, &options->sigma, "PIXELS",
         "of the Gaussians (default: the layer's effective field)"},
        {"residual", 0, OPTION_FLAG, &options->residual, NULL, "spread what is missing to the score over all cells"},
        {"score-channels", 0, OPTION_COUNT, &options->score_channels, "N", "Score-CAM: run N channels only"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace results that are there"},
        JSON_ROW(flags.json),
        ACTIVATION_ROW(flags.samples.activation),
        GROUP("Are the maps right?"),
        {"metrics", 0, OPTION_FLAG, &options->metrics, NULL, "a table of how faithful each method's maps are"},
        {"masks", 0, OPTION_TEXT, &options->masks, "DIR",
         "pictures of where the objects are, NAME.png, black outside: is the map there?", "/"},
        {"sanity", 0, OPTION_FLAG, &options->sanity, NULL,
         "compare with the maps of the network with shuffled weights"},
        FIGURE_ROWS(flags.figures),
        SAMPLE_ROWS(flags.samples),
        {0}};
    struct command command = {
        .verb = "cam",
        .arguments = "MODEL IMAGE|--images PATH|-i FILE.npy [-m LIST] [-c CLASS] [-o DIR] [options]",
        .summary = "Class activation maps: which places of an image a class's score comes from. They show "
                   "what the score reacts to, not what causes it.",
        .example = "fovea cam models/fashion_mnist.onnx models/images -m extended,gradcam "
                   "--limit 4 -o out",
        .rows = rows,
        .positional_most = 2,
        .images_behind = true,
        .streamed = streamed};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = cam_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
