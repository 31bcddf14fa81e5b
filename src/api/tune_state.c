/* What a checkpoint of training holds beside the trainer: where the run stands, and its results so far. */
#include <math.h>
#include <string.h>

#include "api/data.h"
#include "api/tune_work.h"
#include "report/json.h"

/* ---- into JSON ---- */

static json_t *position_state(const struct tune_arm *arm, const struct arm_position *at)
{
    return document_object(
        "arm", json_integer(arm->is_control), "run", json_integer(arm->run), "epoch", json_integer(at->epoch),
        "batches", json_integer(at->batches), "place", json_integer(at->place), "epoch_updates",
        json_integer(at->epoch_updates), "left_out", json_integer(at->left_out), "loss", document_number(at->loss),
        "gradient_norm", document_number(at->gradient_norm), "seconds", document_number(at->seconds), "rate",
        document_number(at->rate), "updates", json_integer(at->updates), "steps", json_integer(at->trainer.steps),
        "pending", json_integer(at->trainer.pending), "best", document_number(at->best), NULL);
}

static json_t *epochs_state(const struct tune_work *work)
{
    const struct fovea_tune *result = work->result;
    json_t *epochs = json_array();
    for (int i = 0; i < result->epoch_count; i++)
        document_append(&epochs, report_tune_epoch(&result->epochs[i]));
    return epochs;
}

/* By their places: some may have no best epoch yet. */
static json_t *runs_state(const struct tune_work *work)
{
    const struct fovea_tune *result = work->result;
    json_t *runs = json_array();
    for (int i = 0; i < result->run_count; i++) {
        const struct fovea_tune_run *run = &result->runs[i];
        document_append(
            &runs, document_object("epoch", json_integer(run->best_epoch), "best", report_metrics(&run->best), NULL));
    }
    return runs;
}

static json_t *classes_state(const struct fovea_class_table *table)
{
    json_t *classes = json_array();
    for (int64_t i = 0; i < table->count; i++) {
        const struct fovea_class_metrics *of = &table->list[i];
        json_t *row = json_array();
        document_append(&row, json_integer(of->actual));
        document_append(&row, json_integer(of->predicted));
        document_append(&row, json_integer(of->correct));
        document_append(&classes, row);
    }
    return classes;
}

json_t *tune_state(const struct tune_arm *arm, const struct arm_position *at)
{
    const struct tune_work *work = arm->work;
    const struct fovea_tune *result = work->result;
    return document_object("position", position_state(arm, at), "epochs", epochs_state(work), "runs", runs_state(work),
                           "last", report_metrics(&result->last), "best", report_metrics(&result->best), "control",
                           report_metrics(&result->control), "best_epoch", json_integer(result->best_epoch), "best_run",
                           json_integer((json_int_t)(result->best_epoch > 0 ? result->best_seed - work->seed : 0)),
                           "score", document_number(work->best), "classes", classes_state(&result->classes), "written",
                           document_string(work->saving.best), NULL);
}

/* ---- and back: `good` becomes false at what no run can have written ---- */

static int64_t take_int(const json_t *object, const char *key, int64_t least, int64_t most, bool *good)
{
    const json_t *value = json_object_get(object, key);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : least;
    *good = *good && json_is_integer(value) && number >= least && number <= most;
    return *good ? number : least;
}

/* null: what is not finite. */
static double take_number(const json_t *object, const char *key, bool *good)
{
    const json_t *value = json_object_get(object, key);
    *good = *good && (json_is_number(value) || json_is_null(value));
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static struct fovea_metrics take_metrics(const json_t *value, bool *good)
{
    bool pixels = json_object_get(value, "pixel_accuracy") != NULL;
    struct fovea_metrics metrics = metrics_none(pixels);
    metrics.counted = take_int(value, "counted", 0, INT64_MAX, good);
    metrics.top1 = take_number(value, pixels ? "pixel_accuracy" : "top1", good);
    metrics.mean_accuracy = take_number(value, "mean_accuracy", good);
    if (pixels) {
        metrics.mean_iou = take_number(value, "mean_iou", good);
        metrics.mean_dice = take_number(value, "mean_dice", good);
    } else {
        metrics.top5 = take_number(value, "top5", good);
    }
    return metrics;
}

static void take_position(struct tune_work *work, const json_t *value, bool *good)
{
    struct tune_saving *saving = &work->saving;
    struct arm_position *at = &saving->at;
    int accumulate = work->options->accumulate > 1 ? work->options->accumulate : 1;
    saving->arm = (int)take_int(value, "arm", 0, work->control ? 1 : 0, good);
    saving->run = (int)take_int(value, "run", 0, work->seeds - 1, good);
    *at = (struct arm_position){.epoch = take_int(value, "epoch", 1, work->options->epochs + 1, good),
                                .batches = take_int(value, "batches", 0, DATASET_MAX_SAMPLES, good),
                                .place = take_int(value, "place", 0, DATASET_MAX_SAMPLES, good),
                                .epoch_updates = take_int(value, "epoch_updates", 0, DATASET_MAX_SAMPLES, good),
                                .left_out = take_int(value, "left_out", 0, DATASET_MAX_SAMPLES, good),
                                .loss = take_number(value, "loss", good),
                                .gradient_norm = take_number(value, "gradient_norm", good),
                                .seconds = take_number(value, "seconds", good),
                                .rate = take_number(value, "rate", good),
                                .updates = take_int(value, "updates", 0, INT64_MAX / 65536, good),
                                .trainer = {.steps = take_int(value, "steps", 0, INT64_MAX / 65536, good),
                                            .pending = take_int(value, "pending", 0, accumulate - 1, good)},
                                .best = take_number(value, "best", good)};
}

/* Of the arm and run that the epoch's place among all tells. */
static void take_epoch(struct tune_work *work, const json_t *value, bool *good)
{
    struct fovea_tune *result = work->result;
    const json_t *validation = json_object_get(value, "validation");
    int64_t epochs = work->options->epochs, place = result->epoch_count / epochs;
    bool control = place >= work->seeds;
    struct fovea_tune_epoch *epoch = &result->epochs[result->epoch_count++];
    *epoch = (struct fovea_tune_epoch){.model = control ? work->control_name : work->model->model->path,
                                       .control = control,
                                       .seed = work->seed + (uint64_t)(place % work->seeds),
                                       .epoch = (result->epoch_count - 1) % epochs + 1,
                                       .epochs = epochs,
                                       .loss = take_number(value, "loss", good),
                                       .rate = take_number(value, "rate", good),
                                       .gradient_norm = take_number(value, "gradient_norm", good),
                                       .seconds = take_number(value, "seconds", good),
                                       .images_per_second = take_number(value, "images_per_second", good),
                                       .left_out = take_int(value, "left_out", 0, INT64_MAX, good),
                                       .evaluated = json_is_object(validation),
                                       .best = json_is_true(json_object_get(value, "best")),
                                       .validation = metrics_none(dataset_has_masks(work->dataset))};
    if (epoch->evaluated)
        epoch->validation = take_metrics(validation, good);
}

static void take_run(struct tune_work *work, const json_t *value, bool *good)
{
    struct fovea_tune *result = work->result;
    int place = result->run_count++;
    bool control = place >= work->seeds;
    result->runs[place] = (struct fovea_tune_run){.model = control ? work->control_name : work->model->model->path,
                                                  .control = control,
                                                  .seed = work->seed + (uint64_t)(place % work->seeds),
                                                  .best_epoch = take_int(value, "epoch", 0, 100000, good),
                                                  .best = take_metrics(json_object_get(value, "best"), good)};
}

static void take_lists(struct tune_work *work, const json_t *state, bool *good)
{
    const struct tune_saving *saving = &work->saving;
    const json_t *epochs = json_object_get(state, "epochs"), *runs = json_object_get(state, "runs"), *value;
    size_t index;
    int64_t place = saving->arm * work->seeds + saving->run;
    int64_t before = place * work->options->epochs + saving->at.epoch - 1; /* epochs that are over */
    *good = *good && (int64_t)json_array_size(epochs) == before &&
            (int64_t)json_array_size(runs) == place + (saving->at.epoch > 1);
    if (!*good)
        return;
    json_array_foreach(epochs, index, value) take_epoch(work, value, good);
    json_array_foreach(runs, index, value) take_run(work, value, good);
}

/* The SHA-256 of the best epoch's file; "" where its weights are those of this checkpoint, behind that epoch. */
static void take_best(struct tune_work *work, const json_t *state, bool *good)
{
    struct tune_saving *saving = &work->saving;
    struct fovea_tune *result = work->result;
    const char *written = json_string_value(json_object_get(state, "written"));
    int64_t run = take_int(state, "best_run", 0, work->seeds - 1, good);
    result->best_epoch = take_int(state, "best_epoch", 0, work->options->epochs, good);
    result->best_seed = work->seed + (uint64_t)run;
    result->last = take_metrics(json_object_get(state, "last"), good);
    result->best = take_metrics(json_object_get(state, "best"), good);
    result->control = take_metrics(json_object_get(state, "control"), good);
    work->best = take_number(state, "score", good);
    bool here =
        saving->arm == 0 && saving->run == run && saving->at.epoch == result->best_epoch + 1 && saving->at.batches == 0;
    *good = *good && written && (strlen(written) == 64 || (!written[0] && (result->best_epoch == 0 || here)));
    if (*good)
        memcpy(saving->best, written, strlen(written) + 1);
    if (result->best_epoch == 0)
        result->best_seed = 0;
}

int tune_take_state(struct tune_work *work, const json_t *state, struct error *error)
{
    bool good = true;
    take_position(work, json_object_get(state, "position"), &good);
    take_lists(work, state, &good);
    take_best(work, state, &good);
    return good ? 0
                : error_set(error, ERROR_INPUT, "%s: is damaged: no run of these options is where it says",
                            work->saving.path);
}

/* ---- blocks ---- */

static int take_classes(struct tune_work *work, const struct checkpoint_walk *walk, struct error *error)
{
    const json_t *state = json_object_get(checkpoint_head(work->saving.from), "state");
    const json_t *rows = json_object_get(state, "classes"), *row;
    struct fovea_class_table *table = &work->result->classes;
    int64_t count = (int64_t)json_array_size(rows);
    size_t index;
    if (count == 0)
        return 0;
    if (count != work->arms[0].classes)
        return error_set(error, ERROR_INPUT, "%s: is damaged: it has other classes", work->saving.path);
    struct metrics *metrics = metrics_create(work->model->context->memory, count, -1, error);
    if (!metrics)
        return error_prefix(error, "%s", work->saving.path);
    json_array_foreach(rows, index, row)
    {
        const struct fovea_class_metrics counts = {.actual = json_integer_value(json_array_get(row, 0)),
                                                   .predicted = json_integer_value(json_array_get(row, 1)),
                                                   .correct = json_integer_value(json_array_get(row, 2))};
        metrics_set_class(metrics, (int64_t)index, &counts);
    }
    int64_t *cells = metrics_cells(metrics);
    int result = cells ? walk->block(walk->user, cells, (size_t)(count * count) * sizeof *cells, error) : 0;
    if (result == 0)
        result = data_keep_classes(work->result->storage, work->dataset, &work->names, metrics, count, table, error);
    metrics_destroy(metrics);
    return result;
}

int tune_walk_state(struct tune_work *work, const struct checkpoint_walk *walk, bool reading, struct error *error)
{
    const struct fovea_class_table *table = &work->result->classes;
    for (int i = 0; work->control && i < 2 * work->seeds; i++) {
        float *scores = work->scores[i / work->seeds][i % work->seeds];
        if (walk->block(walk->user, scores, (size_t)work->validation_count * sizeof *scores, error))
            return -1;
    }
    if (reading)
        return take_classes(work, walk, error);
    size_t cells = table->confusion ? (size_t)table->count * (size_t)table->count : 0;
    return cells > 0
               ? walk->block(walk->user, (void *)(uintptr_t)table->confusion, cells * sizeof *table->confusion, error)
               : 0;
}
