/* fovea tune: train a model on images, from one command. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "tune_text.h"

struct flags {
    struct fovea_tune_options options;
    struct data_flags data;
    const char *output, *history, *report, *activation, *crop_scale, *jitter, *colour, *interval;
    struct text_list freeze, rates, reinitialise, decays;
    const char *json;
    bool freeze_norm, train_norm, force, dry_run;
    struct preprocess_options preprocess;
};

static const char *const optimisers[] = {"sgd", "adamw", NULL};
static const char *const schedules[] = {"constant", "cosine", "step", "polynomial", NULL};
static const char *const losses[] = {"cross-entropy", "binary", "squares", NULL};

/* "LOW,HIGH", or "LOW" up to 1; NULL leaves the pair as it is. */
static int parse_pair(const struct command *command, const char *option, const char *text, double pair[2])
{
    int count = text ? parse_number_list(text, pair, 2) : 2;
    if (count == 1)
        pair[1] = 1;
    return count < 1 ? fail_usage(command, "--%s takes LOW,HIGH, not '%s'", option, text) : PARSE_GO_ON;
}

static int parse_decays(const struct command *command, const struct flags *flags, struct fovea_tune_options *options)
{
    char known[CLI_LINE];
    for (int i = 0; i < flags->decays.count; i++) {
        const char *text = flags->decays.items[i], *name;
        size_t length = strcspn(text, "=");
        double factor;
        bool good = text[length] && parse_number_list(text + length + 1, &factor, 1) == 1, found = false;
        for (int k = 0; good && (name = fovea_decay_class_name(k)); k++) {
            if (strlen(name) == length && strncmp(name, text, length) == 0) {
                options->decays[k] = (float)factor;
                found = true;
            }
        }
        if (!found)
            return fail_usage(command, "--decay-class takes CLASS=FACTOR, not '%s'; there are %s", text,
                              names_text(fovea_decay_class_name, known));
    }
    return PARSE_GO_ON;
}

static int parse_augment(const struct command *command, const struct flags *flags, struct fovea_augment *augment)
{
    double colour[4] = {0};
    int code = parse_pair(command, "crop-scale", flags->crop_scale, augment->crop_scale);
    if (code == PARSE_GO_ON)
        code = parse_pair(command, "scale-jitter", flags->jitter, augment->scale_jitter);
    if (code == PARSE_GO_ON && flags->colour && parse_number_list(flags->colour, colour, 4) < 1)
        return fail_usage(command, "--colour takes BRIGHTNESS,CONTRAST,SATURATION,HUE, not '%s'", flags->colour);
    augment->brightness = colour[0];
    augment->contrast = colour[1];
    augment->saturation = colour[2];
    augment->hue = colour[3];
    return code;
}

/* What the rows could not put into the options. */
static void fill_options(const struct flags *flags, const struct opened *opened, struct fovea_tune_options *options)
{
    options->shapes = opened->shapes;
    options->statistics = flags->freeze_norm  ? FOVEA_STATISTICS_FROZEN
                          : flags->train_norm ? FOVEA_STATISTICS_TRAINED
                                              : FOVEA_STATISTICS_AUTO;
    options->freeze = flags->freeze.items;
    options->freeze_count = flags->freeze.count;
    options->rates = flags->rates.items;
    options->rate_count = flags->rates.count;
    options->reinitialise = flags->reinitialise.items;
    options->reinitialise_count = flags->reinitialise.count;
}

/* "200": batches; "60s": seconds; NULL leaves it as it is. */
static int parse_interval(const struct command *command, const char *text, struct fovea_tune_options *options)
{
    char *end;
    if (!text)
        return PARSE_GO_ON;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool seconds = strcmp(end, "s") == 0;
    if (end == text || (*end && !seconds) || errno || number < 0)
        return fail_usage(command, "--checkpoint-every takes batches as 200, or seconds as 60s, not '%s'", text);
    options->checkpoint_steps = seconds ? 0 : number;
    options->checkpoint_seconds = seconds ? (double)number : 0;
    return PARSE_GO_ON;
}

/* What is made of the result, while the checkpoint is still there. */
struct tune_end {
    struct opened *opened;
    const struct flags *flags;
    int code;
};

static int write_results(void *user, const struct fovea_tune *tune)
{
    struct tune_watch *watch = user;
    struct tune_end *end = watch->end;
    const struct flags *flags = end->flags;
    struct fovea_error error = {0};
    hide_progress(watch->bar);
    end->code = flags->json ? write_json(end->opened, flags->json, fovea_tune_json(tune, NULL)) : FOVEA_CLEAN;
    if (!json_alone(flags->json))
        print_tune(tune, flags->output, flags->data.data.masks != NULL, flags->options.control != NULL);
    if (flags->report && fovea_report_add_tune(end->opened->model, tune, flags->output, flags->report, &error))
        end->code = fail(&error);
    return fflush(stdout) != 0 || end->code != FOVEA_CLEAN;
}

static bool stop(void *user)
{
    (void)user;
    return is_interrupted();
}

static int run(struct opened *opened, const struct flags *flags, const struct fovea_tune_options *options)
{
    struct fovea_error error = {0};
    struct tune_end end = {opened, flags, FOVEA_CLEAN};
    struct tune_watch watch = {.quiet = json_alone(flags->json),
                               .teacher = options->teacher != NULL,
                               .freeze_norm = flags->freeze_norm,
                               .recipe = options->recipe,
                               .bar = &opened->bar,
                               .end = &end,
                               .seeds = options->seeds};
    struct fovea_tune_calls calls = {.plan = print_tune_plan,
                                     .epoch = print_tune_epoch,
                                     .resumed = print_tune_resumed,
                                     .stop = stop,
                                     .finished = write_results,
                                     .user = &watch};
    struct fovea_tune tune;
    /* What is in it stays until the first epoch: bad input loses nothing. */
    if (flags->history && !(watch.history = fopen(flags->history, "a"))) {
        fprintf(stderr, "fovea: %s cannot be written\n", shown(flags->history));
        return FOVEA_BAD_INPUT;
    }
    int result = fovea_tune(opened->model, options, flags->output, flags->force, &calls, &tune, &error);
    hide_progress(&opened->bar);
    if (watch.history)
        fclose(watch.history);
    if (result)
        return fail(&error);
    fovea_tune_free(&tune);
    return end.code;
}

static int rehearse(struct opened *opened, const struct flags *flags, const struct fovea_tune_options *options)
{
    struct fovea_error error = {0};
    struct tune_watch watch = {.quiet = json_alone(flags->json),
                               .teacher = options->teacher != NULL,
                               .freeze_norm = flags->freeze_norm,
                               .recipe = options->recipe,
                               .bar = &opened->bar,
                               .seeds = options->seeds};
    struct fovea_tune_calls calls = {.plan = print_tune_plan, .user = &watch};
    struct fovea_tune_rehearsal rehearsal;
    int result = fovea_tune_rehearse(opened->model, options, &calls, &rehearsal, &error);
    hide_progress(&opened->bar);
    if (result)
        return fail(&error);
    int code = flags->json ? write_json(opened, flags->json, fovea_tune_rehearsal_json(&rehearsal, NULL)) : FOVEA_CLEAN;
    if (!json_alone(flags->json))
        print_rehearsal(&rehearsal, options);
    fovea_tune_rehearsal_free(&rehearsal);
    return code;
}

/* What could fail after hours of training is looked at first. */
static int check_ahead(struct opened *opened, const struct flags *flags)
{
    struct fovea_error error = {0};
    struct fovea_model *control =
        flags->options.control ? fovea_model_load(opened->fovea, flags->options.control, &error) : NULL;
    bool good =
        (!flags->options.control || control) &&
        (flags->options.resume || !flags->output || fovea_output_claim(flags->output, flags->force, &error) == 0) &&
        (!flags->report || fovea_report_find(opened->model, flags->report, &error) == 0);
    fovea_model_free(control);
    return good ? PARSE_GO_ON : fail(&error);
}

static int tune_model(struct opened *opened, const struct command *command, struct flags *flags)
{
    struct fovea_preprocess preprocess;
    struct fovea_recipe recipe;
    const char *guide = flags->options.recipe;
    int code = guide ? apply_recipe(command, guide, &recipe) : PARSE_GO_ON;
    if (code == PARSE_GO_ON)
        code = parse_data(command, &flags->data);
    struct fovea_tune_options options = flags->options;
    options.data = flags->data.data;
    options.preprocess = &preprocess;
    fill_options(flags, opened, &options);
    if (code == PARSE_GO_ON)
        code = parse_decays(command, flags, &options);
    if (code == PARSE_GO_ON)
        code = parse_interval(command, flags->interval, &options);
    if (code == PARSE_GO_ON)
        code = parse_augment(command, flags, &options.augment);
    if (code == PARSE_GO_ON && parse_preprocess(&flags->preprocess, &preprocess))
        code = FOVEA_BAD_INPUT;
    if (code == PARSE_GO_ON && (!options.data.path || (!flags->output && !flags->dry_run)))
        code = fail_usage(command, "name the data with --data and the new file with -o, or look first with --dry-run");
    if (code == PARSE_GO_ON)
        code = check_ahead(opened, flags);
    if (code != PARSE_GO_ON)
        return code;
    if (guide && !json_alone(flags->json))
        show_recipe(command, &recipe);
    return flags->dry_run ? rehearse(opened, flags, &options) : run(opened, flags, &options);
}

int verb_tune(int argc, char **argv)
{
    struct flags flags = {.options = fovea_tune_options_default(), .data.data = fovea_data_default()};
    struct fovea_tune_options *options = &flags.options;
    struct fovea_augment *augment = &options->augment;
    char decay_classes[CLI_LINE];
    const struct option_row rows[] = {
        {"output", 'o', OPTION_FILE, &flags.output, "FILE",
         "the trained model: the best epoch; the last one beside it; -: to stdout", ".onnx"},
        {"report", 0, OPTION_FOLDER, &flags.report, "DIR", "add the curves to the report that 'audit -o DIR' made"},
        {"history", 0, OPTION_FILE, &flags.history, "FILE", "a line of JSON per epoch", ".jsonl"},
        {"resume", 0, OPTION_FLAG, &options->resume, NULL,
         "go on with a run that was cut off, by the checkpoint beside FILE"},
        {"checkpoint-every", 0, OPTION_TEXT, &flags.interval, "N|Ns",
         "batches or seconds, and behind every epoch (default 60s; 0: no checkpoints)"},
        {"keep", 0, OPTION_SMALL, &options->keep, "N", "checkpoints, the older ones as FILE.checkpoint.1, ... (1)"},
        {"force", 0, OPTION_FLAG, &flags.force, NULL, "replace the file if it is there, and start anew"},
        {"dry-run", 0, OPTION_FLAG, &flags.dry_run, NULL, "tell the plan, and its time by a few steps; write nothing"},
        JSON_ROW(flags.json),
        {"recipe", 0, OPTION_TEXT, &options->recipe, "GUIDE",
         "start from what fits after this guide's rewrite (below); 'list' shows all", NULL, "list", guide_at},
        DATA_ROWS(flags.data),
        SKIP_BROKEN_ROW(flags.data.data.skip_broken),
        {"labels", 0, OPTION_TEXT, &flags.data.data.names, "FILE", "names of the classes (default: the model's)",
         ".txt .json .yaml"},
        GROUP("Steps"),
        {"epochs", 'e', OPTION_INT, &options->epochs, "N", "default 10"},
        {"samples", 0, OPTION_INT, &options->samples, "N", "of an epoch at most (default: all)"},
        {"batch", 'b', OPTION_INT, &options->batch, "N", "images per step (default 32)"},
        {"accumulate", 0, OPTION_SMALL, &options->accumulate, "N", "steps per update"},
        {"optimizer", 0, OPTION_WORD, &(struct word_choice){optimisers, &options->optimiser}, "NAME",
         "sgd (default) or adamw"},
        {"rate", 0, OPTION_NUMBER, &options->rate, "X", "learning rate (sgd 0.01, adamw 0.001)"},
        {"decay", 0, OPTION_NUMBER, &options->decay, "X", "weight decay (default 1e-4)"},
        {"decay-class", 0, OPTION_LIST, &flags.decays, "CLASS=FACTOR",
         names_text(fovea_decay_class_name, decay_classes)},
        {"momentum", 0, OPTION_NUMBER, &options->momentum, "X", "of sgd (default 0.9)"},
        {"nesterov", 0, OPTION_FLAG, &options->nesterov, NULL, "Nesterov's momentum"},
        {"schedule", 0, OPTION_WORD, &(struct word_choice){schedules, &options->schedule}, "NAME",
         "cosine (default), constant, step or polynomial"},
        {"warmup", 0, OPTION_NUMBER, &options->warmup_epochs, "EPOCHS", "in which the rate rises"},
        {"clip", 0, OPTION_NUMBER, &options->clip, "NORM", "largest norm of the gradient"},
        GROUP("Loss"),
        {"loss", 0, OPTION_WORD, &(struct word_choice){losses, &options->loss}, "NAME",
         "cross-entropy, binary or squares (default: by what the file's scores are: softmax, sigmoid or none)"},
        ACTIVATION_ROW(flags.activation),
        {"smoothing", 0, OPTION_NUMBER, &options->smoothing, "X", "of labels"},
        {"class-weights", 0, OPTION_TEXT, &options->class_weights, "balanced|FILE",
         "of the loss, one number a class; balanced: n / (K n_c)", "*", "balanced"},
        {"dice", 0, OPTION_NUMBER, &options->dice, "WEIGHT", "of the Dice loss beside cross-entropy"},
        GROUP("What trains"),
        {"freeze", 0, OPTION_LIST, &flags.freeze, "PATTERN", "parameters that stay; !PATTERN takes some back"},
        {"rate-of", 0, OPTION_LIST, &flags.rates, "PATTERN=X", "factor of the learning rate"},
        {"reinit", 0, OPTION_LIST, &flags.reinitialise, "PATTERN", "draw these weights anew"},
        {"new-head", 0, OPTION_INT, &options->new_classes, "CLASSES", "a new classifier"},
        {"freeze-bn", 0, OPTION_FLAG, &flags.freeze_norm, NULL, "BatchNormalization keeps its statistics"},
        {"train-bn", 0, OPTION_FLAG, &flags.train_norm, NULL, "it takes the batch's, however small the batch"},
        GROUP("Augmentation"),
        {"crop-scale", 0, OPTION_TEXT, &flags.crop_scale, "LOW,HIGH", "random resized crop: shares of the area"},
        {"padding", 0, OPTION_INT, &augment->padding, "PIXELS", "random crop of the padded image"},
        {"scale-jitter", 0, OPTION_TEXT, &flags.jitter, "LOW,HIGH", "random scale and crop"},
        {"flip", 0, OPTION_NUMBER, &augment->flip, "P", "probability of a horizontal flip"},
        {"rotation", 0, OPTION_NUMBER, &augment->rotation, "DEGREES", "at most"},
        {"colour", 0, OPTION_TEXT, &flags.colour, "B,C,S,H", "jitter of brightness, contrast, saturation, hue"},
        {"mixup", 0, OPTION_NUMBER, &augment->mixup, "ALPHA", "mix pairs of images"},
        GROUP("Other models"),
        {"teacher", 0, OPTION_TEXT, &options->teacher, "MODEL",
         "learn its probabilities too: right after exact rewrites", ".onnx"},
        {"teacher-weight", 0, OPTION_NUMBER, &options->teacher_weight, "X", "of the teacher (default 0.5)"},
        {"control", 0, OPTION_TEXT, &options->control, "MODEL", "train this one alike and compare", ".onnx"},
        {"seeds", 0, OPTION_SMALL, &options->seeds, "N",
         "runs of each, from --seed on: the interval counts what runs vary; the best is written"},
        PREPROCESS_ROWS(flags.preprocess),
        {0}};
    struct command command = {.verb = "tune",
                              .arguments = "MODEL --data PATH -o NEW.onnx [options]",
                              .summary = "Trains a model on images and writes it as a clean file in inference form.",
                              .example =
                                  "fovea tune models/fashion_mnist.onnx --data /usr/share/datasets/fashion-mnist "
                                  "-o tuned.onnx -e 1",
                              .appendix = print_recipes,
                              .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && options->recipe && strcmp(options->recipe, "list") == 0) {
        list_recipes(&command, stdout);
        code = FOVEA_CLEAN;
    }
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = tune_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
