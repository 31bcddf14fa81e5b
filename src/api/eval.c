/* Accuracy and agreement over a set of images, as they are and changed in many ways, of one model or of two. */
#include <inttypes.h>
#include <string.h>

#include "analysis/prediction.h"
#include "api/eval_work.h"
#include "api/result_folder.h"
#include "api/stock.h"
#include "base/file.h"
#include "data/paired.h"
#include "report/eval.h"

/* Sums over the images for one change. */
struct tally {
    int64_t top1, top5;
    double agreement, confidence;
    bool changed; /* an image at least */
};

/* One model on its way through the images. */
struct arm {
    struct fovea_model *model;
    struct stock stock;
    struct probe probe;
    struct image *crops; /* [batch], of the images at hand */
    int64_t *clean;      /* [batch, units]: predictions for them unchanged */
    double *gains;       /* [batch]: right or not, or agreement, under the change at hand */
    struct tally *tallies;
};

struct eval_work {
    const struct fovea_eval_options *options;
    struct fovea_eval *result;
    struct arm arms[2];
    int arm_count;
    struct eval_changes changes;
    struct paired *paired; /* [changes.count] */
    double same;
    int64_t labelled;
};

/* ---- what is to be done ---- */

int eval_list_changes(const struct fovea_eval_options *options, uint32_t corruptions, struct arena *arena,
                      struct eval_changes *changes, struct error *error)
{
    unsigned severities = options->severities ? options->severities : ~0u;
    size_t most = 1 + CORRUPTION_COUNT * CORRUPTION_SEVERITIES + (size_t)options->scale_count;
    struct eval_change *list = arena_allocate(arena, most, sizeof *list, error);
    if (!list)
        return -1;
    *changes = (struct eval_changes){list, 1};
    list[0].strength = 1;
    for (int c = 0; c < CORRUPTION_COUNT; c++) {
        for (int severity = 1; severity <= CORRUPTION_SEVERITIES; severity++) {
            if (corruptions >> c & 1 && severities >> severity & 1)
                list[changes->count++] = (struct eval_change){CHANGE_CORRUPTION, (enum corruption)c, severity,
                                                              corruption_strength((enum corruption)c, severity)};
        }
    }
    for (int i = 0; i < options->scale_count; i++)
        list[changes->count++] = (struct eval_change){.kind = CHANGE_SCALE, .strength = options->scales[i]};
    return 0;
}

static int check_arm(const struct eval_work *work, const struct arm *arm, struct error *error)
{
    const struct unit_view *view = &arm->probe.target_grid.view;
    if (work->options->corruptions && !stock_has_pictures(&arm->stock))
        return error_set(error, ERROR_INPUT, "corruptions change pictures; these images are tensors");
    if (work->options->scale_count > 0 &&
        dtype_storage(probe_images((struct probe *)&arm->probe)->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT,
                         "'%s' takes bytes: the model normalises them itself, nothing can be scaled", arm->probe.image);
    if (view->channels < 2)
        return error_set(error, ERROR_INPUT,
                         "'%s' has one channel: no class can be predicted from it; name a value "
                         "with --target",
                         arm->probe.target);
    return work->options->no_labels || view->units > 1 ? 0 : stock_check_labels(&arm->stock, view->channels, error);
}

static int open_arm(struct eval_work *work, struct arm *arm, struct error *error)
{
    const struct fovea_eval_options *options = work->options;
    struct memory *memory = arm->model->context->memory;
    if (stock_open(&arm->stock, arm->model, &options->samples, error))
        return -1;
    struct probe_request request = {.bindings = arm->stock.bindings,
                                    .binding_count = arm->stock.binding_count,
                                    .target = options->target ? options->target : "logits",
                                    .kind = SCORE_MEAN,
                                    .unit = {-1, -1},
                                    .source = PROBE_NO_GRADIENT};
    struct probe *probe = &arm->probe;
    if (probe_create(probe, arm->model->model, &request, error) ||
        stock_begin(&arm->stock, probe->graph, probe->session, probe_images(probe), error) ||
        check_arm(work, arm, error))
        return -1;
    size_t batch = (size_t)probe->batch, units = (size_t)probe->target_grid.view.units;
    arm->crops = memory_allocate(memory, batch, sizeof *arm->crops, error);
    arm->clean = memory_allocate(memory, batch * units, sizeof *arm->clean, error);
    arm->gains = memory_allocate(memory, batch, sizeof *arm->gains, error);
    arm->tallies = memory_allocate(memory, (size_t)work->changes.count, sizeof *arm->tallies, error);
    return arm->crops && arm->clean && arm->gains && arm->tallies ? 0 : -1;
}

static void close_arm(struct arm *arm)
{
    struct memory *memory = arm->model->context->memory;
    for (int64_t i = 0; arm->crops && i < arm->probe.batch; i++)
        image_release(memory, &arm->crops[i]);
    memory_release(memory, arm->crops);
    memory_release(memory, arm->clean);
    memory_release(memory, arm->gains);
    memory_release(memory, arm->tallies);
    probe_destroy(&arm->probe);
    stock_release(&arm->stock);
}

/* ---- running ---- */

static int take_crops(struct arm *arm, int64_t first, int64_t count, struct error *error)
{
    for (int64_t i = 0; i < count && stock_has_pictures(&arm->stock); i++) {
        image_release(arm->model->context->memory, &arm->crops[i]);
        if (stock_crop(&arm->stock, first + i, &arm->crops[i], error))
            return -1;
    }
    return 0;
}

static int put_corrupted(struct arm *arm, const struct eval_change *change, int64_t index, int64_t at, bool *changed,
                         struct error *error)
{
    struct context *context = arm->model->context;
    struct image image;
    if (image_copy(context->memory, &arm->crops[at], &image, error))
        return -1;
    int result = corruption_apply(context->memory, &image, change->corruption, change->severity, context->seed,
                                  (uint64_t)index, error);
    if (result == 0)
        stock_put(&arm->stock, &image, probe_images(&arm->probe), at);
    *changed = result == 0 && memcmp(image.pixels, arm->crops[at].pixels, image_bytes(&image)) != 0;
    image_release(context->memory, &image);
    return result;
}

static int put_images(struct arm *arm, const struct eval_change *change, int64_t first, int64_t count,
                      bool *any_changed, struct error *error)
{
    struct tensor *images = probe_images(&arm->probe);
    bool pictures = stock_has_pictures(&arm->stock);
    if (!pictures && stock_read(&arm->stock, first, count, images, error))
        return -1;
    for (int64_t i = 0; pictures && i < count; i++) {
        bool changed = false;
        if (change->kind != CHANGE_CORRUPTION)
            stock_put(&arm->stock, &arm->crops[i], images, i);
        else if (put_corrupted(arm, change, first + i, i, &changed, error))
            return -1;
        *any_changed |= changed;
    }
    int64_t elements = change->kind == CHANGE_SCALE ? count * shape_count(&arm->stock.shape) : 0;
    for (int64_t i = 0; i < elements; i++)
        ((float *)images->data)[i] *= (float)change->strength;
    return 0;
}

/* -1: not known. Labels say nothing about single units of many. */
static int label_of(const struct eval_work *work, const struct arm *arm, int64_t index, int64_t *label,
                    struct error *error)
{
    const struct unit_view *view = &arm->probe.target_grid.view;
    *label = work->options->no_labels || view->units > 1 ? -1 : stock_label(&arm->stock, index);
    if (*label < view->channels)
        return 0;
    return error_set(error, ERROR_INPUT, "%s: its label %" PRId64 " is not among the %" PRId64 " classes of '%s'",
                     stock_name(&arm->stock, index), *label, view->channels, arm->probe.target);
}

/* Counts image `at` of a run. */
static void count_image(struct arm *arm, const float *elements, int64_t at, int64_t label, struct tally *tally,
                        bool clean)
{
    const struct unit_view *view = &arm->probe.target_grid.view;
    double agreement = 0, confidence = 0;
    for (int64_t unit = 0; unit < view->units; unit++) {
        int64_t class = prediction_class(view, elements, at, unit), *before = &arm->clean[at * view->units + unit];
        if (clean)
            *before = class;
        agreement += class >= 0 && class == *before;
        confidence += class < 0 ? 0 : prediction_probability(view, elements, at, unit, class);
    }
    tally->agreement += agreement / (double)view->units;
    tally->confidence += confidence / (double)view->units;
    arm->gains[at] = agreement / (double)view->units;
    if (label < 0)
        return;
    int64_t rank =
        prediction_class(view, elements, at, 0) < 0 ? view->channels : prediction_rank(view, elements, at, 0, label);
    tally->top1 += rank == 0;
    tally->top5 += rank < 5;
    arm->gains[at] = rank == 0;
}

static int run_arm(struct eval_work *work, struct arm *arm, int change, int64_t first, int64_t count,
                   struct error *error)
{
    struct probe_result run;
    if (put_images(arm, &work->changes.list[change], first, count, &arm->tallies[change].changed, error) ||
        probe_run(&arm->probe, &run, error))
        return -1;
    for (int64_t i = 0; i < count; i++) {
        int64_t label;
        if (label_of(work, arm, first + i, &label, error))
            return -1;
        count_image(arm, run.target, i, label, &arm->tallies[change], change == 0);
        work->labelled += change == 0 && arm == &work->arms[0] && label >= 0;
    }
    return 0;
}

static void compare_arms(struct eval_work *work, int change, int64_t count)
{
    const struct arm *first = &work->arms[0], *second = &work->arms[1];
    int64_t units = first->probe.target_grid.view.units;
    for (int64_t i = 0; i < count; i++) {
        paired_add(&work->paired[change], second->gains[i] - first->gains[i]);
        for (int64_t unit = 0; change == 0 && units == second->probe.target_grid.view.units && unit < units; unit++)
            work->same += first->clean[i * units + unit] == second->clean[i * units + unit];
    }
}

static int run_images(struct eval_work *work, struct error *error)
{
    int64_t total = work->arms[0].stock.count, batch = work->arms[0].probe.batch;
    if (work->arm_count > 1 && work->arms[1].probe.batch < batch)
        batch = work->arms[1].probe.batch;
    for (int64_t first = 0; first < total; first += batch) {
        int64_t count = total - first < batch ? total - first : batch;
        for (int a = 0; a < work->arm_count; a++) {
            if (take_crops(&work->arms[a], first, count, error))
                return -1;
        }
        for (int change = 0; change < work->changes.count; change++) {
            for (int a = 0; a < work->arm_count; a++) {
                if (run_arm(work, &work->arms[a], change, first, count, error))
                    return -1;
            }
            if (work->arm_count > 1)
                compare_arms(work, change, count);
        }
        progress_step(&work->arms[0].model->context->progress, "images", (size_t)(first + count), (size_t)total);
    }
    return 0;
}

/* ---- results ---- */

static struct fovea_eval_score score_of(const struct eval_work *work, const struct tally *tally)
{
    double images = (double)work->arms[0].stock.count, labelled = (double)work->labelled;
    return (struct fovea_eval_score){.top1 = labelled > 0 ? (double)tally->top1 / labelled : -1,
                                     .top5 = labelled > 0 ? (double)tally->top5 / labelled : -1,
                                     .agreement = tally->agreement / images,
                                     .confidence = tally->confidence / images,
                                     .mean_iou = -1};
}

void eval_describe_change(const struct eval_change *change, struct fovea_eval_row *row)
{
    *row =
        (struct fovea_eval_row){.change = change->kind == CHANGE_CORRUPTION ? corruption_name((int)change->corruption)
                                          : change->kind == CHANGE_SCALE    ? "scale"
                                                                            : "none",
                                .severity = change->severity,
                                .strength = change->strength,
                                .no_effect = change->kind == CHANGE_CORRUPTION};
}

static void describe_row(const struct eval_work *work, int i, struct fovea_eval_row *row)
{
    eval_describe_change(&work->changes.list[i], row);
    for (int a = 0; a < work->arm_count; a++) {
        row->no_effect = row->no_effect && !work->arms[a].tallies[i].changed;
        row->scores[a] = score_of(work, &work->arms[a].tallies[i]);
    }
    if (work->arm_count > 1)
        row->difference = paired_mean(&work->paired[i], row->interval);
}

static int describe(struct eval_work *work, struct arena *arena, struct error *error)
{
    struct fovea_eval *result = work->result;
    const struct arm *first = &work->arms[0];
    const struct unit_view *view = &first->probe.target_grid.view;
    result->rows = arena_allocate(arena, (size_t)work->changes.count, sizeof *result->rows, error);
    if (!result->rows)
        return -1;
    result->models = work->arm_count;
    result->images = first->stock.count;
    result->labelled = work->labelled;
    result->units = view->units;
    result->classes = view->channels;
    result->labels_of_folders = work->labelled > 0 && dataset_labels_by_folders(first->stock.images.dataset);
    bool comparable = work->arm_count > 1 && work->arms[1].probe.target_grid.view.units == view->units;
    result->same_prediction = comparable ? work->same / (double)(first->stock.count * view->units) : -1;
    for (int a = 0; a < work->arm_count; a++)
        result->paths[a] = work->arms[a].model->model->path;
    result->row_count = work->changes.count;
    for (int i = 0; i < work->changes.count; i++)
        describe_row(work, i, &result->rows[i]);
    return 0;
}

static int evaluate_images(struct eval_work *work, struct arena *arena, struct error *error)
{
    if (eval_list_changes(work->options, work->options->corruptions, arena, &work->changes, error))
        return -1;
    work->paired = arena_allocate(arena, (size_t)work->changes.count, sizeof *work->paired, error);
    if (!work->paired)
        return -1;
    for (int a = 0; a < work->arm_count; a++) {
        if (open_arm(work, &work->arms[a], error))
            return error_prefix(error, "%s", work->arms[a].model->model->path);
    }
    return run_images(work, error) || describe(work, arena, error) ? -1 : 0;
}

static int eval_images(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
                       struct fovea_eval *result, struct arena *arena, struct error *error)
{
    struct eval_work work = {.options = options, .result = result, .arm_count = other ? 2 : 1};
    for (int a = 0; a < work.arm_count; a++) {
        work.arms[a].model = a ? other : model;
        work.arms[a].stock.model = work.arms[a].model;
    }
    int code = evaluate_images(&work, arena, error);
    for (int a = 0; a < work.arm_count; a++)
        close_arm(&work.arms[a]);
    return code;
}

int fovea_eval(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
               struct fovea_eval *result, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    *result = (struct fovea_eval){0};
    struct arena *arena = arena_create(model->context->memory, &error);
    int code = -1;
    if (arena && options->data)
        code = eval_data(model, other, options, result, arena, &error);
    else if (arena)
        code = eval_images(model, other, options, result, arena, &error);
    result->storage = arena;
    if (code == 0)
        return 0;
    fovea_eval_free(model, result);
    return api_fail(&error, report);
}

void fovea_eval_free(struct fovea_model *model, struct fovea_eval *eval)
{
    (void)model;
    arena_destroy(eval->storage);
    *eval = (struct fovea_eval){0};
}

static int claim(const char *path, bool force, struct error *error)
{
    char folder[4096];
    size_t length = (size_t)(file_base_name(path) - path);
    if (!force && file_exists(path))
        return error_set(error, ERROR_INPUT, "%s exists already; --force replaces it", path);
    if (file_is_folder(path) || length >= sizeof folder)
        return error_set(error, ERROR_INPUT, "%s: name a file to write", path);
    memcpy(folder, path, length);
    folder[length] = 0;
    if (length > 0 && !file_is_folder(folder))
        return error_set(error, ERROR_INPUT, "%s: the folder %s is not there", path, folder);
    return result_check_folder(folder, error);
}

int fovea_output_claim(struct fovea_model *model, const char *path, bool force, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    (void)model;
    return claim(path, force, &error) ? api_fail(&error, report) : 0;
}

int fovea_eval_write(struct fovea_model *model, const struct fovea_eval *eval, const char *path, bool force,
                     struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    int result = claim(path, force, &error)
                     ? -1
                     : report_eval_json(model->context->memory, path, model->context->seed, eval, &error);
    return result ? api_fail(&error, report) : 0;
}
