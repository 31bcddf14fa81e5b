/* Accuracy over labelled data, as training takes them: one model, or two side by side batch by batch. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/data.h"
#include "api/eval_work.h"
#include "api/images.h"
#include "data/paired.h"
#include "train/evaluation.h"

#define USUAL_PIXELS (4 * 224 * 224) /* of a batch: beyond, memory grows and time does not fall */
#define MOST_USUAL_BATCH 32

/* One model on its way through the data. */
struct data_arm {
    struct fovea_model *model;
    const struct value *input;
    struct preprocess preprocess;
    bool channels_last;
    struct shape_binding binding;
    struct evaluator evaluator;
    struct metrics *metrics;
    float *correct;       /* [samples] */
    int64_t *predictions; /* [batch, units] */
    int64_t *clean;       /* [samples]: predictions for them unchanged; NULL with masks */
    /* Of the change at hand. */
    struct loader *loader;
    const struct loader_batch *loaded;
    double confidence;
    int64_t agreed;
    bool changed; /* an image at least */
};

struct data_work {
    const struct fovea_eval_options *options;
    const struct fovea_data *data;
    struct fovea_eval *result;
    struct arena *arena;
    struct eval_changes changes;
    struct class_names names;
    struct dataset *dataset;
    enum dataset_split split;
    int64_t samples, batch, ignored;
    bool masks;
    struct data_arm arms[2];
    int arm_count;
    bool comparable; /* unit by unit */
    /* Of the change at hand. */
    struct paired paired;
    int64_t evaluated, compared, same;
};

/* ---- the data ---- */

static int choose_split(struct data_work *work, struct error *error)
{
    struct dataset *dataset = work->dataset;
    enum fovea_split wanted = work->options->split;
    int64_t counts[DATASET_SPLITS];
    for (int i = 0; i < DATASET_SPLITS; i++)
        counts[i] = dataset_count(dataset, (enum dataset_split)i);
    work->split = wanted != FOVEA_SPLIT_USUAL      ? (enum dataset_split)((int)wanted - FOVEA_SPLIT_TRAIN)
                  : counts[DATASET_TEST] > 0       ? DATASET_TEST
                  : counts[DATASET_VALIDATION] > 0 ? DATASET_VALIDATION
                                                   : DATASET_TRAIN;
    bool all = wanted == FOVEA_SPLIT_USUAL && work->split == DATASET_TRAIN;
    work->result->data.split = all ? "all" : dataset_split_name(work->split);
    if (counts[work->split] == 0)
        return error_set(error, ERROR_INPUT,
                         "%s: there are no samples of the split %s (train %" PRId64 ", validation %" PRId64
                         ", test %" PRId64 ")",
                         work->data->path, dataset_split_name(work->split), counts[DATASET_TRAIN],
                         counts[DATASET_VALIDATION], counts[DATASET_TEST]);
    dataset_keep(dataset, work->split, work->options->samples.limit);
    return 0;
}

/* Training's own validation samples are drawn only where they, or what they leave, are asked for. */
static double validation_share(const struct data_work *work)
{
    double share = work->data->validation_share;
    bool drawn = work->options->split == FOVEA_SPLIT_VALIDATION || work->options->split == FOVEA_SPLIT_TRAIN;
    return share > 0 ? share : share == 0 && drawn ? DATA_USUAL_SHARE : 0;
}

static int open_data(struct data_work *work, struct error *error)
{
    const struct fovea_eval_options *options = work->options;
    work->dataset = data_open(work->arms[0].model, work->data, true, validation_share(work), &work->names, error);
    if (!work->dataset || choose_split(work, error))
        return -1;
    work->masks = dataset_has_masks(work->dataset);
    if (options->corruptions && dataset_tensor_shape(work->dataset))
        return error_set(error, ERROR_INPUT, "%s: corruptions change pictures; its samples are ready tensors",
                         work->data->path);
    uint32_t moves = 0, all = (UINT32_C(1) << CORRUPTION_COUNT) - 1;
    for (int c = 0; work->masks && c < CORRUPTION_COUNT; c++)
        moves |= corruption_moves((enum corruption)c) ? UINT32_C(1) << c : 0;
    for (int c = 0; (options->corruptions & all) != all && c < CORRUPTION_COUNT; c++) {
        if (options->corruptions & moves & UINT32_C(1) << c)
            return error_set(error, ERROR_INPUT, "with masks there is no corruption '%s': it moves the image",
                             corruption_name(c));
    }
    work->result->data.moves_left_out = (options->corruptions & moves) != 0;
    return eval_list_changes(options, options->corruptions & ~moves, work->arena, &work->changes, error);
}

/* An error of a check, with the way out where labels are the reason. */
static int refuse_labels(const struct data_work *work, struct error *error)
{
    struct error found = *error;
    *error = (struct error)ERROR_INITIALISER;
    return error_set(error, found.kind, "%s: %s; labels are the model's classes from 0 on, --ignore N leaves one out",
                     work->data->path, found.message);
}

static int keep_broken(struct data_work *work, const struct dataset_report *report, struct error *error)
{
    struct fovea_eval_data *data = &work->result->data;
    data->left_out = report->left_out;
    data->broken = arena_allocate(work->arena, (size_t)report->problem_count + 1, sizeof *data->broken, error);
    for (int64_t i = 0; data->broken && i < report->problem_count; i++) {
        const char *name = report->problems[i].name;
        if (report->problems[i].broken &&
            !(data->broken[data->broken_count++] = arena_copy_string(work->arena, name, strlen(name), error)))
            return -1;
    }
    return data->broken ? 0 : -1;
}

/* Every sample is decoded once before anything runs: what is wrong is told at once, not after hours. */
static int check_data(struct data_work *work, struct error *error)
{
    struct context *context = work->arms[0].model->context;
    struct dataset_report report;
    int64_t classes = work->arms[0].evaluator.classes;
    if (work->arm_count > 1 && work->arms[1].evaluator.classes < classes)
        classes = work->arms[1].evaluator.classes;
    if (dataset_limit_classes(work->dataset, classes, error))
        return -1;
    int result = dataset_check(work->dataset, context->pool, true, &context->progress, &report, error);
    if (result == 0)
        result = keep_broken(work, &report, error);
    else if (report.out_of_range > 0 && (report.broken == 0 || work->data->skip_broken))
        refuse_labels(work, error);
    dataset_report_release(&report);
    work->samples = dataset_count(work->dataset, work->split);
    return result;
}

/* ---- a model ---- */

/* Classes numbered by the order of their names are the model's only where they are as many. */
static int check_order(const struct data_work *work, const struct data_arm *arm, struct error *error)
{
    const char *name = dataset_class_name(work->dataset, 0);
    bool ordered = work->names.count == 0 && name && strspn(name, "0123456789") < strlen(name);
    if (!ordered || dataset_classes(work->dataset) == arm->evaluator.classes)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "%s: its %" PRId64 " classes are numbered by the order of their names, the model has %" PRId64
                     ": name all of the model's with --labels FILE",
                     work->data->path, dataset_classes(work->dataset), arm->evaluator.classes);
}

static int check_arm(const struct data_work *work, const struct data_arm *arm, struct error *error)
{
    const struct graph *graph = arm->model->model->graph;
    int inputs = 0;
    for (int i = 0; i < graph->input_count; i++)
        inputs += !graph->inputs[i]->constant;
    if (inputs > 1)
        return error_set(error, ERROR_INPUT, "the model has %d inputs; --data gives it images alone", inputs);
    if (work->options->scale_count > 0 && dtype_storage(arm->input->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT,
                         "'%s' takes bytes: the model normalises them itself, nothing can be scaled", arm->input->name);
    int64_t labels = work->masks ? arm->preprocess.crop_height * arm->preprocess.crop_width : 1;
    return evaluation_check_units(labels, arm->evaluator.units, error) || check_order(work, arm, error) ? -1 : 0;
}

static int64_t wanted_batch(const struct data_work *work, const struct data_arm *arm)
{
    const struct shape *ready = dataset_tensor_shape(work->dataset);
    int64_t pixels = ready ? shape_count(ready) / 3 : arm->preprocess.crop_height * arm->preprocess.crop_width;
    int64_t usual = pixels > 0 ? USUAL_PIXELS / pixels : 1, given = work->options->samples.batch;
    int64_t count = dataset_count(work->dataset, work->split);
    int64_t wanted = given > 0 ? given : usual < 1 ? 1 : usual > MOST_USUAL_BATCH ? MOST_USUAL_BATCH : usual;
    return wanted < count ? wanted : count;
}

static int open_model(struct data_work *work, struct data_arm *arm, struct error *error)
{
    const struct fovea_samples *samples = &work->options->samples;
    const struct shape *ready = dataset_tensor_shape(work->dataset);
    arm->input = api_image_input(arm->model->model->graph);
    if (!arm->input)
        return error_set(error, ERROR_INPUT, "the model has no input of four axes for images");
    if (!ready && images_prepare(arm->model, arm->input, &samples->shapes, samples->preprocess, &arm->preprocess,
                                 &arm->channels_last, error))
        return -1;
    int64_t batch = images_batch(arm->input, &samples->shapes, wanted_batch(work, arm));
    if (images_bind(arm->input, &arm->preprocess, arm->channels_last, ready, batch, &arm->binding, error) ||
        evaluator_create(&arm->evaluator, arm->model->model, &arm->binding, 1, work->options->target, error))
        return ready ? error_prefix(error, "the tensors of %s", work->data->path) : -1;
    work->batch = batch > work->batch ? batch : work->batch;
    return check_arm(work, arm, error);
}

static int make_room(const struct data_work *work, struct data_arm *arm, struct error *error)
{
    struct memory *memory = arm->model->context->memory;
    size_t samples = (size_t)work->samples, units = (size_t)arm->evaluator.units;
    arm->metrics = metrics_create(memory, arm->evaluator.classes, work->ignored, error);
    arm->correct = memory_allocate(memory, samples, sizeof *arm->correct, error);
    arm->predictions = memory_allocate(memory, (size_t)work->batch, units * sizeof *arm->predictions, error);
    arm->clean = work->masks ? NULL : memory_allocate(memory, samples, sizeof *arm->clean, error);
    return arm->metrics && arm->correct && arm->predictions && (arm->clean || work->masks) ? 0 : -1;
}

static void close_arm(struct data_arm *arm)
{
    struct memory *memory = arm->model->context->memory;
    loader_close(arm->loader);
    metrics_destroy(arm->metrics);
    memory_release(memory, arm->correct);
    memory_release(memory, arm->predictions);
    memory_release(memory, arm->clean);
    evaluator_destroy(&arm->evaluator);
}

/* Masks of two models are the same where both cut images alike. */
static bool are_comparable(const struct data_work *work)
{
    const struct data_arm *first = &work->arms[0], *second = &work->arms[1];
    const struct preprocess *a = &first->preprocess, *b = &second->preprocess;
    bool alike = a->resize == b->resize && a->crop_height == b->crop_height && a->crop_width == b->crop_width;
    return work->arm_count > 1 && first->evaluator.units == second->evaluator.units && (alike || !work->masks);
}

static int prepare(struct data_work *work, struct error *error)
{
    if (open_data(work, error))
        return -1;
    for (int a = 0; a < work->arm_count; a++) {
        if (open_model(work, &work->arms[a], error))
            return error_prefix(error, "%s", work->arms[a].model->model->path);
    }
    if (check_data(work, error))
        return -1;
    for (int a = 0; a < work->arm_count; a++) {
        if (make_room(work, &work->arms[a], error))
            return -1;
    }
    work->comparable = are_comparable(work);
    return 0;
}

/* ---- a change ---- */

static int open_loader(const struct data_work *work, struct data_arm *arm, const struct eval_change *change,
                       struct error *error)
{
    struct loader_options options = {.split = work->split,
                                     .batch = work->batch,
                                     .threads = data_threads(work->data),
                                     .skip_broken = work->data->skip_broken,
                                     .preprocess = dataset_tensor_shape(work->dataset) ? NULL : &arm->preprocess,
                                     .corruption = change->corruption,
                                     .severity = change->severity,
                                     .layout = arm->channels_last ? LAYOUT_NHWC : LAYOUT_NCHW,
                                     .ignore = work->ignored,
                                     .seed = arm->model->context->seed};
    arm->loader = loader_open(arm->model->context->memory, work->dataset, &options, error);
    if (!arm->loader)
        return error_prefix(error, "%s", arm->model->model->path);
    metrics_reset(arm->metrics);
    arm->confidence = 0;
    arm->agreed = 0;
    arm->changed = false;
    loader_start(arm->loader, 0);
    return 0;
}

static int run_arm(const struct data_work *work, struct data_arm *arm, const struct eval_change *change,
                   struct error *error)
{
    const struct loader_batch *batch = arm->loaded;
    const struct evaluated out = {arm->correct, arm->predictions, &arm->confidence};
    int64_t elements = change->kind == CHANGE_SCALE ? batch->count * shape_count(loader_shape(arm->loader)) : 0;
    for (int64_t i = 0; i < elements; i++)
        batch->images[i] *= (float)change->strength;
    if (evaluate_batch(&arm->evaluator, arm->loader, batch, arm->metrics, work->ignored, &out, error))
        return error_prefix(error, "%s", arm->model->model->path);
    for (int64_t i = 0; i < batch->count; i++) {
        arm->changed = arm->changed || (batch->changed && batch->changed[i]);
        if (work->masks)
            continue;
        int64_t class = arm->predictions[i], *clean = &arm->clean[batch->samples[i]];
        if (change->kind == CHANGE_NONE)
            *clean = class;
        arm->agreed += class >= 0 && class == *clean;
    }
    return 0;
}

/* Both loaders leave out the same broken files, so that the batches hold the same samples. */
static void compare_arms(struct data_work *work, bool clean)
{
    const struct data_arm *first = &work->arms[0], *second = &work->arms[1];
    const struct loader_batch *batch = first->loaded;
    const int64_t *labels = batch->masks ? batch->masks : batch->labels;
    for (int64_t i = 0; i < batch->count; i++) {
        float before = first->correct[batch->samples[i]], after = second->correct[batch->samples[i]];
        if (before >= 0 && after >= 0)
            paired_add(&work->paired, (double)after - (double)before);
    }
    int64_t *only_right = work->result->data.only_right;
    for (int64_t i = 0; clean && work->comparable && i < batch->count * first->evaluator.units; i++) {
        int64_t a = first->predictions[i], b = second->predictions[i];
        if (labels[i] == work->ignored)
            continue;
        work->compared++;
        work->same += a == b;
        only_right[0] += a == labels[i] && b != labels[i];
        only_right[1] += b == labels[i] && a != labels[i];
    }
}

static int run_batches(struct data_work *work, int at, struct error *error)
{
    const struct eval_change *change = &work->changes.list[at];
    const struct progress *progress = &work->arms[0].model->context->progress;
    for (;;) {
        for (int a = 0; a < work->arm_count; a++) {
            if (loader_next(work->arms[a].loader, &work->arms[a].loaded, error))
                return -1;
        }
        if (!work->arms[0].loaded)
            return 0;
        for (int a = 0; a < work->arm_count; a++) {
            if (run_arm(work, &work->arms[a], change, error))
                return -1;
        }
        if (work->arm_count > 1)
            compare_arms(work, change->kind == CHANGE_NONE);
        work->evaluated += work->arms[0].loaded->count;
        progress_step(progress, "evaluating", (size_t)(at * work->samples + work->evaluated),
                      (size_t)(work->changes.count * work->samples));
    }
}

/* ---- results ---- */

static double known(double share)
{
    return isnan(share) ? -1 : share;
}

static void describe_row(const struct data_work *work, int at, struct fovea_eval_row *row)
{
    double samples = (double)work->evaluated;
    eval_describe_change(&work->changes.list[at], row);
    for (int a = 0; a < work->arm_count; a++) {
        const struct data_arm *arm = &work->arms[a];
        struct metrics_summary summary = metrics_summarise(arm->metrics);
        row->no_effect = row->no_effect && !arm->changed;
        row->scores[a] = (struct fovea_eval_score){.top1 = known(summary.top1),
                                                   .top5 = known(summary.top5),
                                                   .agreement = work->masks ? -1 : (double)arm->agreed / samples,
                                                   .confidence = arm->confidence / samples,
                                                   .mean_iou = work->masks ? known(summary.mean_iou) : -1};
    }
    if (work->arm_count > 1)
        row->difference = paired_mean(&work->paired, row->interval);
}

/* What is told of the unchanged images alone. */
static int describe_data(struct data_work *work, struct error *error)
{
    struct fovea_eval *result = work->result;
    struct fovea_eval_data *data = &result->data;
    result->images = work->evaluated;
    result->same_prediction = work->compared > 0 ? (double)work->same / (double)work->compared : -1;
    if (!work->comparable)
        data->only_right[0] = data->only_right[1] = -1;
    for (int a = 0; a < work->arm_count; a++) {
        const struct data_arm *arm = &work->arms[a];
        const struct metrics_summary summary = metrics_summarise(arm->metrics);
        data->metrics[a] = data_metrics(&summary);
        if (data_keep_classes(work->arena, work->dataset, &work->names, arm->metrics, arm->evaluator.classes,
                              &data->classes[a], error))
            return -1;
    }
    result->labelled = work->masks ? work->evaluated : data->metrics[0].counted;
    data->left_out += loader_skipped(work->arms[0].loader);
    return 0;
}

static int run_change(struct data_work *work, int at, struct error *error)
{
    work->paired = (struct paired){0};
    work->evaluated = 0;
    for (int a = 0; a < work->arm_count; a++) {
        if (open_loader(work, &work->arms[a], &work->changes.list[at], error))
            return -1;
    }
    if (run_batches(work, at, error) || (at == 0 && describe_data(work, error)))
        return -1;
    describe_row(work, at, &work->result->rows[at]);
    for (int a = 0; a < work->arm_count; a++) {
        loader_close(work->arms[a].loader);
        work->arms[a].loader = NULL;
    }
    return 0;
}

static int evaluate_data(struct data_work *work, struct error *error)
{
    struct fovea_eval *result = work->result;
    if (prepare(work, error))
        return -1;
    result->rows = arena_allocate(work->arena, (size_t)work->changes.count, sizeof *result->rows, error);
    if (!result->rows)
        return -1;
    result->models = work->arm_count;
    result->units = work->arms[0].evaluator.units;
    result->classes = work->arms[0].evaluator.classes;
    result->data.masks = work->masks;
    result->data.path = arena_copy_string(work->arena, work->data->path, strlen(work->data->path), error);
    if (!result->data.path)
        return -1;
    for (int a = 0; a < work->arm_count; a++)
        result->paths[a] = work->arms[a].model->model->path;
    for (; result->row_count < work->changes.count; result->row_count++) {
        if (run_change(work, result->row_count, error))
            return -1;
    }
    return 0;
}

int eval_data(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
              struct fovea_eval *result, struct arena *arena, struct error *error)
{
    struct data_work work = {.options = options,
                             .data = options->data,
                             .result = result,
                             .arena = arena,
                             .ignored = data_ignored(options->data),
                             .arms = {{.model = model}, {.model = other}},
                             .arm_count = other ? 2 : 1};
    int code = evaluate_data(&work, error);
    for (int a = 0; a < work.arm_count; a++)
        close_arm(&work.arms[a]);
    dataset_close(work.dataset);
    class_names_release(&work.names);
    return code;
}
