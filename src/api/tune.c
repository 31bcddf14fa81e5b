/* Training: a copy of the model, its data, one or two arms, what is written. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/data.h"
#include "api/entry.h"
#include "api/images.h"
#include "api/result_folder.h"
#include "api/tune_work.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "train/head.h"
#include "train/inference_form.h"
#include "train/recipe.h"

#define USUAL_BATCH 32
#define LEAST_BATCH_FOR_STATISTICS 16

/* ---- options ---- */

double tune_rate(const struct fovea_tune_options *options)
{
    return options->rate > 0 ? options->rate : options->optimiser == FOVEA_ADAMW ? 1e-3 : 0.01;
}

static struct trainer_options trainer_options(const struct fovea_tune_options *options)
{
    return (struct trainer_options){.optimiser = {.kind = options->optimiser,
                                                  .rate = tune_rate(options),
                                                  .decay = options->decay,
                                                  .momentum = options->momentum,
                                                  .nesterov = options->nesterov,
                                                  .beta1 = 0.9,
                                                  .beta2 = 0.999,
                                                  .epsilon = 1e-8},
                                    .clip = options->clip,
                                    .accumulate = options->accumulate > 0 ? options->accumulate : 1};
}

static void set_options(struct tune_arm *arm)
{
    const struct tune_work *work = arm->work;
    const struct fovea_tune_options *options = work->options;
    const struct fovea_data *data = &options->data;
    int64_t ignored = data_ignored(data);
    struct loader_options loader = {.split = FOVEA_SPLIT_TRAIN,
                                    .batch = work->batch,
                                    .threads = data_threads(data),
                                    .shuffle = true,
                                    .drop_last = true,
                                    .skip_broken = data->skip_broken,
                                    .preprocess = dataset_tensor_shape(work->dataset) ? NULL : &arm->preprocess,
                                    .augment = &options->augment,
                                    .layout = arm->channels_last ? LAYOUT_NHWC : LAYOUT_NCHW,
                                    .ignore = ignored,
                                    .seed = work->model->context->seed};
    arm->options = (struct arm_options){
        .bindings = &arm->binding,
        .binding_count = 1,
        .training = loader,
        .validation = loader,
        .validate = work->validation_split != FOVEA_SPLIT_USUAL,
        .epochs = options->epochs,
        .epoch_batches = (options->samples + work->batch - 1) / work->batch,
        .schedule = {.kind = options->schedule, .factor = 0.1, .power = 0.9, .stages = 3},
        .warmup_epochs = options->warmup_epochs,
        .trainer = trainer_options(options),
        .loss = {.kind = arm->is_control ? work->arms[0].loss : options->loss,
                 .smoothing = (float)options->smoothing,
                 .ignored = ignored,
                 .dice = (float)(options->dice / (double)(options->accumulate > 0 ? options->accumulate : 1))},
        .weigh_classes = options->class_weights || options->class_weight_list,
        .freeze_statistics = options->statistics == FOVEA_STATISTICS_FROZEN ||
                             (options->statistics == FOVEA_STATISTICS_AUTO && work->batch < LEAST_BATCH_FOR_STATISTICS),
        .configure = tune_configure,
        .user = arm,
        .teacher = work->teacher,
        .teacher_weight = (float)options->teacher_weight,
        .run = arm->run + (arm->is_control ? work->seeds : 0),
        .runs = work->seeds * (work->control ? 2 : 1),
        .label = arm->label,
        .times = work->rehearses ? &arm->times : NULL};
    arm->options.validation.split = work->validation_split;
    arm->options.validation.shuffle = arm->options.validation.drop_last = false;
    arm->options.validation.augment = NULL;
}

/* ---- one model ---- */

static void label_arm(struct tune_arm *arm)
{
    const struct tune_work *work = arm->work;
    int length = snprintf(arm->label, sizeof arm->label, arm->is_control ? "control, " : "");
    if (work->seeds > 1)
        snprintf(arm->label + length, sizeof arm->label - (size_t)length, "seed %" PRIu64 ", ",
                 work->model->context->seed);
}

static int open_arm(struct tune_work *work, int index, int run, struct error *error)
{
    const struct fovea_tune_options *options = work->options;
    struct tune_arm *arm = &work->arms[index];
    const char *path = index ? work->control_name : work->model->model->path;
    model_destroy(arm->model);
    *arm = (struct tune_arm){.work = work, .path = path, .run = run, .is_control = index > 0};
    label_arm(arm);
    arm->model = model_copy(index ? work->control : work->model->model, error);
    if (!arm->model)
        return -1;
    arm->model->activation = work->model->model->activation;
    arm->inference_nodes = model_resolve(arm->model, error) ? -1 : inference_form(arm->model, error);
    if (arm->inference_nodes < 0)
        return error_prefix(error, "%s", path);
    struct fovea_model holder = {work->model->fovea, work->model->context, arm->model};
    arm->input = api_image_input(arm->model->graph);
    if (!arm->input)
        return error_set(error, ERROR_INPUT, "%s has no input of four axes for images", path);
    if (!dataset_tensor_shape(work->dataset) &&
        images_prepare(&holder, arm->input, &options->shapes, options->preprocess, &arm->preprocess,
                       &arm->channels_last, error))
        return -1;
    int64_t declared = arm->input->declared_rank > 0 ? arm->input->declared[0].size : -1;
    if (images_free_batch(arm->model->graph, error) ||
        images_bind(arm->input, &arm->preprocess, arm->channels_last, dataset_tensor_shape(work->dataset), work->batch,
                    &arm->binding, error))
        return -1;
    set_options(arm);
    if (tune_check_batch(arm, declared, error))
        return error_prefix(error, "%s", path);
    if (unshare(arm->model, &arm->binding, 1, arm->options.freeze_statistics, &arm->unshared, error))
        return -1;
    if (options->new_classes > 0 &&
        head_replace(arm->model, &arm->binding, 1, options->new_classes, work->model->context->seed, error))
        return error_prefix(error, "%s", path);
    for (int i = 0; i < options->reinitialise_count; i++) {
        int drawn = weights_reinitialise(arm->model, &arm->binding, 1, options->reinitialise[i],
                                         work->model->context->seed + (uint64_t)i, error);
        if (drawn <= 0)
            return drawn < 0
                       ? -1
                       : error_set(error, ERROR_INPUT, "no parameter is called like '%s'", options->reinitialise[i]);
    }
    return 0;
}

/* ---- the data ---- */

/* Every file by its header and its end, before anything starts. */
static int check_data(struct tune_work *work, struct error *error)
{
    struct context *context = work->model->context;
    struct dataset_report report;
    int result = dataset_check(work->dataset, context->pool, false, &context->progress, &report, error);
    work->left_out = report.left_out;
    if (result == 0 && report.left_out > 0) {
        const char *first = report.problems[0].message;
        work->first_left_out = arena_copy_string(work->result->storage, first, strlen(first), error);
        result = work->first_left_out ? 0 : -1;
    }
    if (result == 0)
        work->files_left_out = data_left_out(work->result->storage, work->dataset, report.left_out,
                                             report.left_out > 0 ? report.problems[0].name : "", error);
    dataset_report_release(&report);
    data_note(context, work->dataset, data_path(&work->options->data));
    return result == 0 && work->files_left_out ? 0 : -1;
}

/* Masks fit the images as they are taken. */
static int turn_images(struct tune_work *work, struct error *error)
{
    const struct value *input = api_image_input(work->model->model->graph);
    struct preprocess preprocess;
    bool channels_last;
    if (!input || dataset_tensor_shape(work->dataset))
        return 0;
    if (images_prepare(work->model, input, &work->options->shapes, work->options->preprocess, &preprocess,
                       &channels_last, error))
        return -1;
    dataset_turn_upright(work->dataset, preprocess.upright);
    return 0;
}

static int open_data(struct tune_work *work, struct error *error)
{
    const struct fovea_data *data = &work->options->data;
    double share = data->validation_share;
    work->dataset = data_open(work->model, data, work->options->new_classes == 0,
                              share < 0    ? 0
                              : share == 0 ? DATA_USUAL_SHARE
                                           : share,
                              &work->names, error);
    if (!work->dataset || turn_images(work, error) || check_data(work, error))
        return -1;
    work->validation_split = dataset_count(work->dataset, FOVEA_SPLIT_VALIDATION) > 0 ? FOVEA_SPLIT_VALIDATION
                             : dataset_count(work->dataset, FOVEA_SPLIT_TEST) > 0     ? FOVEA_SPLIT_TEST
                                                                                      : FOVEA_SPLIT_USUAL;
    work->validation_count =
        work->validation_split != FOVEA_SPLIT_USUAL ? dataset_count(work->dataset, work->validation_split) : 0;
    return 0;
}

/* A batch that nobody chose is no larger than the data. */
static int shrink_batch(struct tune_work *work, struct error *error)
{
    int64_t training = dataset_count(work->dataset, FOVEA_SPLIT_TRAIN);
    if (work->options->batch > 0 || training >= work->batch)
        return 0;
    if (training == 0)
        return error_set(error, ERROR_INPUT, "%s: there are no samples to train on", data_path(&work->options->data));
    work->batch = training;
    context_note(work->model->context,
                 "the batch is %" PRId64 ", all training samples: there are fewer than the usual %d", training,
                 USUAL_BATCH);
    return 0;
}

/* ---- the run ---- */

static double score_of(const struct fovea_metrics *metrics)
{
    return metrics->pixels ? metrics->mean_iou : metrics->top1;
}

/* Each run by its best epoch. */
static void keep_run(const struct tune_arm *arm, const struct fovea_tune_epoch *epoch)
{
    struct fovea_tune *result = arm->work->result;
    struct fovea_tune_run *run = &result->runs[arm->run + (arm->is_control ? arm->work->seeds : 0)];
    result->run_count = (int)(run - result->runs) + 1;
    if (epoch->best || !epoch->evaluated)
        *run = (struct fovea_tune_run){arm->path, arm->is_control, epoch->seed, epoch->epoch, epoch->validation};
}

/* The best epoch of all runs is kept; where nothing is evaluated the first run's last one. *kept: it is this one. */
static int keep_best(const struct tune_arm *arm, const struct arm_epoch *epoch, const struct fovea_tune_epoch *told,
                     bool *kept, struct error *error)
{
    struct tune_work *work = arm->work;
    struct fovea_tune *result = work->result;
    double score = score_of(&told->validation);
    if (arm->is_control && (told->best || !told->evaluated) &&
        (isnan(result->control.top1) || score > score_of(&result->control)))
        result->control = told->validation;
    bool better =
        !arm->is_control && told->best && (isnan(score) ? work->best < 0 && arm->run == 0 : score > work->best);
    *kept = better || (!arm->is_control && !told->evaluated && arm->run == 0);
    if (!*kept)
        return 0;
    work->best = isnan(score) ? work->best : score;
    result->best = told->validation;
    result->best_epoch = told->epoch;
    result->best_seed = told->seed;
    return epoch->metrics ? data_keep_classes(result->storage, work->dataset, &work->names, epoch->metrics,
                                              arm->classes, &result->classes, error)
                          : 0;
}

static int on_epoch(void *user, const struct arm_epoch *epoch, struct error *error)
{
    struct tune_arm *arm = user;
    struct tune_work *work = arm->work;
    struct fovea_tune *result = work->result;
    struct fovea_tune_epoch *told = &result->epochs[result->epoch_count++];
    bool kept;
    *told = epoch->told;
    told->model = arm->path;
    told->control = arm->is_control;
    if (!arm->is_control)
        result->last = told->validation;
    keep_run(arm, told);
    if (keep_best(arm, epoch, told, &kept, error))
        return -1;
    if (kept)
        work->saving.best[0] = 0;
    if (tune_save_checkpoint(arm, epoch->next, epoch->trainer, error) || (kept && tune_save_best(arm, error)))
        return -1;
    if (work->calls && work->calls->epoch)
        work->calls->epoch(work->calls->user, told);
    return 0;
}

/* One that a checkpoint has behind itself is not run again; the first is planned, as others are held against it. */
static int run_arm(struct tune_work *work, int index, int run, struct error *error)
{
    struct tune_arm *arm = &work->arms[index];
    const struct tune_saving *saving = &work->saving;
    struct arm_calls calls = {
        .planned = tune_tell_plan, .restore = tune_restore, .pause = tune_pause, .epoch = on_epoch, .user = arm};
    bool behind = tune_is_behind(work, index, run);
    if (behind && (index > 0 || run > 0))
        return 0;
    work->model->context->seed = work->seed + (uint64_t)run;
    if (open_arm(work, index, run, error))
        return -1;
    arm->options.plan_only = behind;
    arm->options.from = saving->from && !behind ? &saving->at : NULL;
    if (arm_run(arm->model, work->dataset, &arm->options, &calls, work->scores[index][run], error))
        return error_prefix(error, "%s", arm->path);
    return 0;
}

/* A second model of the one that is given as an object, or by its path; NULL with an error, or where there is none. */
static struct model *open_other(const struct tune_work *work, const struct fovea_model *given, const char *path,
                                struct error *error)
{
    if (given)
        return model_copy(given->model, error);
    return path ? model_load(work->model->context, path, error) : NULL;
}

static int open_others(struct tune_work *work, struct error *error)
{
    const struct fovea_tune_options *options = work->options;
    bool teaches = options->teacher || options->teacher_model, compares = options->control || options->control_model;
    work->control_name = options->control_model ? options->control_model->model->path : options->control;
    if (compares && !(work->control = open_other(work, options->control_model, options->control, error)))
        return -1;
    if (!teaches)
        return 0;
    work->teacher = open_other(work, options->teacher_model, options->teacher, error);
    if (!work->teacher)
        return -1;
    return model_resolve(work->teacher, error) || inference_form(work->teacher, error) < 0
               ? error_prefix(error, "%s", work->teacher->path)
               : images_free_batch(work->teacher->graph, error);
}

/* The difference of the best epochs of both arms, paired by sample and seed, with its 95 % interval over samples and
 * seeds; NAN: no samples. */
static void compare_arms(struct tune_work *work)
{
    const float *rows[2][CROSSED_MOST_SEEDS];
    for (int i = 0; i < 2 * work->seeds; i++)
        rows[i / work->seeds][i % work->seeds] = work->scores[i / work->seeds][i % work->seeds];
    work->result->difference =
        crossed_mean(rows[0], rows[1], work->seeds, work->validation_count, work->result->interval);
}

static int open_result(struct tune_work *work, struct arena *arena, struct error *error)
{
    int arms = work->control ? 2 : 1;
    size_t runs = (size_t)(arms * work->seeds), epochs = runs * (size_t)work->options->epochs;
    work->result->seeds = work->seeds;
    work->result->runs = arena_allocate(arena, runs, sizeof *work->result->runs, error);
    work->result->epochs = arena_allocate(arena, epochs, sizeof *work->result->epochs, error);
    for (int i = 0; arms == 2 && i < 2 * work->seeds; i++) {
        float **scores = &work->scores[i / work->seeds][i % work->seeds];
        *scores = arena_allocate(arena, (size_t)work->validation_count + 1, sizeof **scores, error);
        if (!*scores)
            return -1;
    }
    return work->result->runs && work->result->epochs ? 0 : -1;
}

static int run(struct tune_work *work, struct arena *arena, struct error *error)
{
    if (open_data(work, error) || shrink_batch(work, error) || open_others(work, error) ||
        open_result(work, arena, error) || tune_open_checkpoint(work, error))
        return -1;
    if (work->rehearses)
        return run_arm(work, 0, 0, error) || (work->control && run_arm(work, 1, 0, error)) ? -1 : 0;
    for (int i = 0; i < work->seeds; i++) {
        bool behind = tune_is_behind(work, 0, i);
        if (run_arm(work, 0, i, error))
            return -1;
        bool best = !behind && work->result->best_seed == work->seed + (uint64_t)i;
        if (work->path && best && tune_save_last(&work->arms[0], error))
            return -1;
    }
    for (int i = 0; work->control && i < work->seeds; i++) {
        if (run_arm(work, 1, i, error))
            return -1;
    }
    if (work->control)
        compare_arms(work);
    if (context_poll(work->model->context, error))
        return -1;
    const struct fovea_tune_calls *calls = work->calls;
    bool done = !calls || !calls->finished || calls->finished(calls->user, work->result) == 0;
    return done ? tune_remove_checkpoints(work, error) : 0;
}

static void release(struct tune_work *work)
{
    work->model->context->seed = work->seed;
    tune_close_checkpoint(work);
    for (int i = 0; i < 2; i++)
        model_destroy(work->arms[i].model);
    model_destroy(work->teacher);
    model_destroy(work->control);
    memory_release(work->model->context->memory, work->kept.bytes);
    dataset_close(work->dataset);
    class_names_release(&work->names);
}

static int check_options(struct tune_work *work, bool force, struct error *error)
{
    const struct fovea_tune_options *options = work->options;
    if (!options->data.path && !options->data.source)
        return error_set(error, ERROR_INPUT, "no data; give a folder, a list or arrays with `data`");
    if (options->class_weight_count != 0 && !options->class_weight_list)
        return error_set(error, ERROR_INPUT, "there are %" PRId64 " weights of classes, but no list of them",
                         options->class_weight_count);
    if (options->recipe && !recipe_find(options->recipe, error))
        return -1;
    return tune_claim(work, force, error);
}

int tune_model(struct fovea_model *model, const struct fovea_tune_options *options, const char *path, bool force,
               const struct fovea_tune_calls *calls, struct fovea_model **tuned, struct fovea_tune_rehearsal *rehearsal,
               struct fovea_tune *tune, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "tune", tune, sizeof *tune) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_tune_options) ||
        (options->teacher_model && entry_model(&entry, options->teacher_model)) ||
        (options->control_model && entry_model(&entry, options->control_model)) ||
        (calls && entry_options(&entry, "calls", calls, entry_tune_calls)))
        return entry_refuse(&entry, report);
    if (api_refuse_half(model, &entry.error))
        return entry_refuse(&entry, report);
    struct arena *arena = arena_create(model->context->memory, &entry.error);
    struct tune_work work = {.model = model,
                             .options = options,
                             .calls = calls,
                             .rehearses = rehearsal != NULL,
                             .path = path,
                             .result = tune,
                             .seed = model->context->seed,
                             .seeds = options->seeds > 0 ? options->seeds : 1,
                             .best = -1,
                             .batch = options->batch > 0 ? options->batch : USUAL_BATCH};
    const double missing = (double)NAN;
    *tune = (struct fovea_tune){
        .storage = arena, .control = metrics_none(false), .difference = missing, .interval = {missing, missing}};
    int result = arena && check_options(&work, force, &entry.error) == 0 ? run(&work, arena, &entry.error) : -1;
    if (result == 0 && rehearsal)
        tune_sum_times(&work, rehearsal);
    if (result == 0 && tuned)
        result = (*tuned = api_result(model, &work.kept, "tuned", &entry.error)) ? 0 : -1;
    release(&work);
    if (result == 0)
        return 0;
    fovea_tune_free(tune);
    return entry_refuse(&entry, report);
}

int fovea_tune(struct fovea_model *model, const struct fovea_tune_options *options, const char *path, bool force,
               const struct fovea_tune_calls *calls, struct fovea_tune *tune, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    return tune_model(model, options, path, force, calls, NULL, NULL, tune, report);
}

int fovea_tune_model(struct fovea_model *model, const struct fovea_tune_options *options,
                     const struct fovea_tune_calls *calls, struct fovea_model **tuned, struct fovea_tune *tune,
                     struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "tuned", tuned, sizeof *tuned))
        return entry_refuse(&entry, report);
    return tune_model(model, options, NULL, false, calls, tuned, NULL, tune, report);
}

void fovea_tune_free(struct fovea_tune *tune)
{
    if (!tune)
        return;
    arena_destroy(tune->storage);
    *tune = (struct fovea_tune){0};
}
