/* Accuracy and agreement over images or labelled data, as they are and changed in many ways, of one model or of two. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/entry.h"
#include "api/eval_work.h"
#include "api/result_folder.h"
#include "report/eval.h"

/* ---- opening ---- */

/* What the options ask for but corruptions in `without`. */
static int list_changes(struct eval_work *work, uint32_t without, struct error *error)
{
    const struct fovea_eval_options *options = work->options;
    unsigned severities = options->severities ? options->severities : ~0u;
    size_t most = 1 + CORRUPTION_COUNT * FOVEA_SEVERITIES + (size_t)options->scale_count;
    struct eval_change *list = work->changes = arena_allocate(work->arena, most, sizeof *list, error);
    if (!list)
        return -1;
    list[0].strength = 1;
    work->change_count = 1;
    for (int c = 0; c < CORRUPTION_COUNT; c++) {
        for (int severity = 1; severity <= FOVEA_SEVERITIES; severity++) {
            if ((options->corruptions & ~without) >> c & 1 && severities >> severity & 1)
                list[work->change_count++] = (struct eval_change){CHANGE_CORRUPTION, (enum corruption)c, severity,
                                                                  corruption_strength((enum corruption)c, severity)};
        }
    }
    for (int i = 0; i < options->scale_count; i++)
        list[work->change_count++] = (struct eval_change){.kind = CHANGE_SCALE, .strength = options->scales[i]};
    work->paired = arena_allocate(work->arena, (size_t)work->change_count, sizeof *work->paired, error);
    return work->paired ? 0 : -1;
}

/* Masks of two models are the same where both cut images alike. */
static bool are_comparable(const struct eval_work *work)
{
    const struct eval_arm *first = &work->arms[0], *second = &work->arms[1];
    const struct preprocess *a = &first->stock.images.preprocess, *b = &second->stock.images.preprocess;
    bool alike = preprocess_cuts_alike(a, b) &&
                 memcmp(&first->evaluator.masks, &second->evaluator.masks, sizeof first->evaluator.masks) == 0;
    return work->arm_count > 1 && first->evaluator.units == second->evaluator.units && (alike || !work->masks);
}

/* Of images: whether any has a label that is to be counted. */
static bool has_labels(const struct eval_work *work)
{
    const struct eval_arm *first = &work->arms[0];
    bool counted = !work->options->no_labels && first->evaluator.units == 1;
    for (int64_t i = 0; counted && i < work->samples; i++) {
        if (stock_label(&first->stock, i) >= 0)
            return true;
    }
    return false;
}

static int prepare(struct eval_work *work, struct error *error)
{
    uint32_t without = 0;
    if ((work->data && eval_open_data(work, &without, error)) || list_changes(work, without, error))
        return -1;
    for (int a = 0; a < work->arm_count; a++) {
        if (eval_open_arm(work, &work->arms[a], error))
            return error_prefix(error, "%s", work->arms[a].model->model->path);
    }
    if (work->data && eval_check_data(work, error))
        return -1;
    if (!work->data)
        work->labelled = has_labels(work);
    for (int a = 0; a < work->arm_count; a++) {
        if (eval_start_arm(work, &work->arms[a], error))
            return error_prefix(error, "%s", work->arms[a].model->model->path);
    }
    work->comparable = are_comparable(work);
    return 0;
}

/* ---- running ---- */

/* Where there are labels, how right both are of those that have one; else how much they agree with themselves. Masks
 * are compared when all are counted. */
static void compare_arms(struct eval_work *work, int change)
{
    const struct eval_arm *first = &work->arms[0], *second = &work->arms[1];
    const struct loader_batch *batch = first->batch;
    for (int64_t i = 0; i < batch->count && !work->masks; i++) {
        float before = first->correct[batch->samples[i]], after = second->correct[batch->samples[i]];
        if (!work->labelled)
            paired_add(&work->paired[change], second->agreement[i] - first->agreement[i]);
        else if (before >= 0 && after >= 0)
            paired_add(&work->paired[change], (double)after - (double)before);
    }
}

/* What both predict for unchanged images, unit by unit. */
static void compare_units(struct eval_work *work)
{
    const struct eval_arm *first = &work->arms[0], *second = &work->arms[1];
    const int64_t *labels = first->batch->masks ? first->batch->masks : first->batch->labels;
    int64_t *only_right = work->result->data.only_right, units = first->evaluator.units;
    for (int64_t i = 0; work->comparable && i < first->batch->count * units; i++) {
        int64_t a = first->predictions[i], b = second->predictions[i];
        bool labelled = work->data != NULL;
        if (labelled && labels[i] == work->ignored)
            continue;
        work->compared++;
        work->same += a == b;
        only_right[0] += labelled && a == labels[i] && b != labels[i];
        only_right[1] += labelled && b == labels[i] && a != labels[i];
    }
}

static int run_changes(struct eval_work *work, struct error *error)
{
    const struct progress *progress = &work->arms[0].model->context->progress;
    int64_t total = work->samples * work->change_count, done = work->evaluated * work->change_count;
    for (int change = 0; change < work->change_count; change++) {
        for (int a = 0; a < work->arm_count; a++) {
            if (eval_run_arm(work, &work->arms[a], change, error))
                return -1;
        }
        if (work->arm_count > 1)
            compare_arms(work, change);
        if (work->arm_count > 1 && change == 0)
            compare_units(work);
        done += work->arms[0].batch->count;
        progress_step(progress, "evaluating", (size_t)done, (size_t)total);
    }
    return 0;
}

/* Both loaders leave out the same broken files, so that the batches hold the same samples. */
static int run_batches(struct eval_work *work, struct error *error)
{
    for (;;) {
        for (int a = 0; a < work->arm_count; a++) {
            if (loader_next(work->arms[a].loader, &work->arms[a].batch, error))
                return -1;
        }
        if (!work->arms[0].batch)
            return 0;
        if (run_changes(work, error))
            return -1;
        work->evaluated += work->arms[0].batch->count;
    }
}

/* ---- results ---- */

/* What each image adds to both models' mean IoU. */
static void compare_masks(struct eval_work *work, int change)
{
    const struct sample_scores *first = &work->arms[0].tallies[change].samples;
    const struct sample_scores *second = &work->arms[1].tallies[change].samples;
    for (int64_t i = 0; i < work->samples; i++) {
        if (!isnan(first->list[i]) && !isnan(second->list[i]))
            paired_add(&work->paired[change], (double)second->list[i] - (double)first->list[i]);
    }
}

/* Clipped to shares. */
static void over_images(const struct paired *scores, double interval[2])
{
    paired_mean_of_few(scores, interval);
    if (!isnan(interval[0])) {
        interval[0] = fmax(0, interval[0]);
        interval[1] = fmin(1, interval[1]);
    }
}

static void find_interval(const struct eval_work *work, const struct eval_arm *arm, int at,
                          const struct fovea_metrics *summary, double interval[2])
{
    struct eval_tally *tally = &arm->tallies[at];
    struct paired scores = {0};
    interval[0] = interval[1] = (double)NAN;
    for (int64_t i = 0; tally->samples.list && i < work->samples; i++) {
        if (!isnan(tally->samples.list[i]))
            paired_add(&scores, (double)tally->samples.list[i]);
    }
    if (work->masks)
        over_images(&scores, interval);
    else if (work->labelled)
        binomial_interval(summary->top1, summary->counted, interval);
    else if (work->changes[at].kind != CHANGE_NONE && arm->evaluator.units == 1)
        binomial_interval((double)tally->agreed / (double)work->evaluated, work->evaluated, interval);
    else if (work->changes[at].kind != CHANGE_NONE)
        over_images(&tally->agreement, interval);
}

static double known(double share)
{
    return isnan(share) ? -1 : share;
}

static void describe_row(struct eval_work *work, int at, struct fovea_eval_row *row)
{
    const struct eval_change *change = &work->changes[at];
    double samples = (double)work->evaluated;
    *row = (struct fovea_eval_row){.change = change->kind == CHANGE_CORRUPTION
                                                 ? fovea_corruption_name((int)change->corruption)
                                             : change->kind == CHANGE_SCALE ? "scale"
                                                                            : "none",
                                   .severity = change->severity,
                                   .strength = change->strength,
                                   .no_effect = change->kind == CHANGE_CORRUPTION};
    for (int a = 0; a < work->arm_count; a++) {
        const struct eval_tally *tally = &work->arms[a].tallies[at];
        struct fovea_metrics summary = metrics_summarise(tally->metrics, work->masks);
        double units = samples * (double)work->arms[a].evaluator.units;
        row->no_effect = row->no_effect && !tally->changed;
        row->scores[a] = (struct fovea_eval_score){.top1 = known(summary.top1),
                                                   .top5 = known(summary.top5),
                                                   .agreement = work->masks ? -1 : (double)tally->agreed / units,
                                                   .confidence = tally->confidence / samples,
                                                   .mean_iou = work->masks ? known(summary.mean_iou) : -1};
        if (work->arms[a].tallies[at].samples.list)
            sample_scores_finish(&work->arms[a].tallies[at].samples);
        find_interval(work, &work->arms[a], at, &summary, row->scores[a].interval);
    }
    if (work->arm_count > 1 && work->masks)
        compare_masks(work, at);
    if (work->arm_count > 1)
        row->difference = paired_mean(&work->paired[at], row->interval);
}

/* What is told of labelled data besides. */
static int describe_data(struct eval_work *work, struct error *error)
{
    struct fovea_eval_data *data = &work->result->data;
    if (!work->comparable)
        data->only_right[0] = data->only_right[1] = -1;
    for (int a = 0; a < work->arm_count; a++) {
        const struct metrics *metrics = work->arms[a].tallies[0].metrics;
        const struct evaluator *evaluator = &work->arms[a].evaluator;
        const struct preprocess *preprocess = &work->arms[a].stock.images.preprocess;
        data->whole[a][0] = preprocess->crop_height;
        data->whole[a][1] = preprocess->crop_width;
        data->size[a][0] = evaluator->masks.height;
        data->size[a][1] = evaluator->masks.width;
        memcpy(data->enlarged[a], evaluator->enlarged, sizeof data->enlarged[a]);
        data->metrics[a] = metrics_summarise(metrics, work->masks);
        if (data_keep_classes(work->arena, work->dataset, &work->names, metrics, work->arms[a].evaluator.classes,
                              &data->classes[a], error))
            return -1;
    }
    data->left_out += loader_skipped(work->arms[0].loader);
    return 0;
}

static int describe(struct eval_work *work, struct error *error)
{
    struct fovea_eval *result = work->result;
    const struct eval_arm *first = &work->arms[0];
    result->rows = arena_allocate(work->arena, (size_t)work->change_count, sizeof *result->rows, error);
    if (!result->rows)
        return -1;
    result->row_count = work->change_count;
    for (int i = 0; i < work->change_count; i++)
        describe_row(work, i, &result->rows[i]);
    result->models = work->arm_count;
    for (int a = 0; a < work->arm_count; a++) {
        char words[HEAD_WORDS_SIZE];
        const struct evaluator *evaluator = &work->arms[a].evaluator;
        const char *reading = head_words(&evaluator->head, &evaluator->scores, words);
        result->paths[a] = work->arms[a].model->model->path;
        result->readings[a] = arena_copy_string(work->arena, reading, strlen(reading), error);
        if (!result->readings[a])
            return -1;
    }
    result->images = work->evaluated;
    result->labelled = work->masks ? work->evaluated : metrics_summarise(first->tallies[0].metrics, false).counted;
    result->units = first->evaluator.units;
    result->classes = first->evaluator.classes;
    result->labels_of_folders = !work->data && work->labelled && dataset_labels_by_folders(first->stock.images.dataset);
    result->same_prediction = work->compared > 0 ? (double)work->same / (double)work->compared : -1;
    if (work->data && describe_data(work, error))
        return -1;
    const struct fovea_eval_data *data = &result->data;
    result->files_left_out = data_left_out(work->arena, work->data ? work->dataset : first->stock.images.dataset,
                                           data->left_out, data->broken_count > 0 ? data->broken[0] : "", error);
    return result->files_left_out ? 0 : -1;
}

static int evaluate_all(struct eval_work *work, struct error *error)
{
    return prepare(work, error) || run_batches(work, error) || describe(work, error) ||
                   context_poll(work->arms[0].model->context, error)
               ? -1
               : 0;
}

int fovea_eval(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
               struct fovea_eval *result, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "eval", result, sizeof *result) || entry_model(&entry, model) ||
        (other && entry_model(&entry, other)) || entry_options(&entry, "options", options, entry_eval_options))
        return entry_refuse(&entry, report);
    struct arena *arena = arena_create(model->context->memory, &entry.error);
    *result = (struct fovea_eval){
        .storage = arena, .half_weights = model->context->half_weights, .no_winograd = model->context->direct};
    struct eval_work work = {
        .options = options,
        .data = options->data,
        .result = result,
        .arena = arena,
        .split = FOVEA_SPLIT_TRAIN, /* all images are */
        .ignored = options->data ? data_ignored(options->data) : -1,
        .arms = {{.model = model, .stock = {.model = model}}, {.model = other, .stock = {.model = other}}},
        .arm_count = other ? 2 : 1};
    int code = arena ? evaluate_all(&work, &entry.error) : -1;
    for (int a = 0; a < work.arm_count; a++)
        eval_close_arm(&work, &work.arms[a]);
    dataset_close(work.dataset);
    class_names_release(&work.names);
    if (code == 0)
        return 0;
    fovea_eval_free(result);
    return entry_refuse(&entry, report);
}

void fovea_eval_free(struct fovea_eval *eval)
{
    if (!eval)
        return;
    arena_destroy(eval->storage);
    *eval = (struct fovea_eval){0};
}

int fovea_output_claim(const char *path, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    return result_claim_file(path, force, &entry.error) ? entry_refuse(&entry, report) : 0;
}

int fovea_folder_claim(const char *path, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    return result_check_folder(path, &entry.error) ? entry_refuse(&entry, report) : 0;
}

int fovea_eval_write(struct fovea_model *model, const struct fovea_eval *eval, const char *path, bool force,
                     struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "eval", eval) || entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    const struct report_run run = result_run(model);
    if (result_claim_file(path, force, &entry.error) ||
        report_eval_json(model->context->memory, path, &run, eval, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}
