/* Epoch by epoch: steps, validation, what is told of them. */
#include "train/arm_work.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

/* ---- progress ---- */

/* A training step takes about three evaluations' time: forward, and backward to values and to weights. */
#define STEP_COST 3

/* How far all runs are, in evaluated samples' time. */
static void tell(const struct arm *arm, int64_t trained, int64_t evaluated, const char *text)
{
    const struct arm_options *options = arm->options;
    int64_t training = STEP_COST * arm_batches_per_epoch(arm) * options->training.batch;
    int64_t per_epoch = training + (options->validate ? arm->samples : 0), per_run = per_epoch * options->epochs;
    int64_t done = options->run * per_run + (arm->at.epoch - 1) * per_epoch + STEP_COST * trained + evaluated;
    progress_tell(&arm->model->context->progress, "training", (size_t)done, (size_t)(per_run * options->runs), text);
}

static void tell_training(const struct arm *arm)
{
    char text[160];
    const struct arm_position *at = &arm->at;
    double samples = (double)(at->batches * arm->options->training.batch);
    double pace = at->seconds > 0 ? samples / at->seconds : 0;
    int length = text_format(text, sizeof text, "%sepoch %" PRId64 "/%" PRId64, arm->options->label, at->epoch,
                             arm->options->epochs);
    if (at->batches > 0)
        text_format(text + length, sizeof text - (size_t)length, ", loss %.4f, rate %.3g, %.*g images/s",
                    at->loss / (double)at->batches, at->rate, pace < 10 ? 2 : 9, pace < 10 ? pace : round(pace));
    tell(arm, at->batches * arm->options->training.batch, 0, text);
}

/* By which epochs are compared. */
static double score_of(const struct arm *arm)
{
    struct fovea_metrics summary = metrics_summarise(arm->metrics, dataset_has_masks(arm->dataset));
    return summary.pixels ? summary.mean_iou : summary.top1;
}

static int pause_run(struct arm *arm, struct error *error)
{
    arm->at.trainer = trainer_position(arm->trainer);
    return arm->calls->pause ? arm->calls->pause(arm->calls->user, &arm->at, arm->trainer, error) : 0;
}

static int tell_validation(void *user, int64_t done, struct error *error)
{
    struct arm *arm = user;
    char text[160];
    text_format(text, sizeof text, "%sepoch %" PRId64 "/%" PRId64 ", validation: %s %.2f %%", arm->options->label,
                arm->at.epoch, arm->options->epochs, dataset_has_masks(arm->dataset) ? "mean IoU" : "top 1",
                100 * score_of(arm));
    tell(arm, arm_batches_per_epoch(arm) * arm->options->training.batch, done, text);
    return pause_run(arm, error);
}

/* ---- an epoch ---- */

static void softmax_of(float *to, int64_t count, int64_t step)
{
    float largest = to[0], sum = 0;
    for (int64_t k = 1; k < count; k++)
        largest = fmaxf(largest, to[k * step]);
    for (int64_t k = 0; k < count; k++)
        sum += to[k * step] = expf(to[k * step] - largest);
    for (int64_t k = 0; k < count; k++)
        to[k * step] /= sum;
}

/* Of every unit what the loss makes of scores: sigmoids, or the softmax over its channels. [N,K,units] whatever the
 * order in the teacher. */
static void to_probabilities(const struct arm *arm, const float *logits)
{
    const struct unit_view *view = &arm->teacher.scores.view;
    int64_t classes = view->channels, units = view->units;
    for (int64_t i = 0; i < view->images * units; i++) {
        float *to = arm->probabilities + i / units * classes * units + i % units;
        for (int64_t k = 0; k < classes; k++)
            to[k * units] = logits[unit_view_at(view, i / units, i % units, k)];
        for (int64_t k = 0; k < classes && arm->training.loss.kind == FOVEA_BINARY; k++)
            to[k * units] = 1 / (1 + expf(-to[k * units]));
        if (arm->training.loss.kind == FOVEA_CROSS_ENTROPY)
            softmax_of(to, classes, units);
    }
}

int arm_step(struct arm *arm, const struct loader_batch *batch, double rate, struct trainer_result *result,
             struct error *error)
{
    const struct shape *logits = &arm->training.logits;
    struct tensor *images = trainer_images(arm->trainer);
    struct loss_labels labels = {.images = batch->count,
                                 .classes = logits->dims[1],
                                 .units = shape_product(logits, 2, logits->rank),
                                 .labels = batch->masks ? batch->masks : batch->labels,
                                 .second = batch->second,
                                 .share = batch->weights,
                                 .teacher_weight = arm->options->teacher_weight};
    size_t bytes = tensor_bytes(images) / (size_t)images->shape.dims[0];
    memcpy(images->data, batch->images, bytes * (size_t)batch->count);
    /* Where broken files were left out, images come a second time, for BatchNormalization, without a label. */
    for (int64_t i = batch->count; i < images->shape.dims[0]; i++)
        memcpy((char *)images->data + (size_t)i * bytes, batch->images, bytes);
    if (arm->options->teacher) {
        const float *teacher;
        if (evaluator_run(&arm->teacher, batch->images, batch->count, &teacher, error))
            return -1;
        to_probabilities(arm, teacher);
        labels.teacher = arm->probabilities;
    }
    return trainer_step(arm->trainer, &labels, rate, result, error);
}

static int run_batches(struct arm *arm, struct error *error)
{
    const struct loader_batch *batch;
    struct arm_position *at = &arm->at;
    int64_t all = arm_batches_per_epoch(arm), left_out = at->left_out;
    double started = clock_seconds() - at->seconds;
    loader_start_behind(arm->batches, (uint64_t)at->epoch, at->place);
    tell_training(arm);
    while (at->batches < all && at->updates < arm->schedule.steps) {
        struct trainer_result result;
        if (loader_next(arm->batches, &batch, error))
            return -1;
        if (!batch)
            break;
        at->rate = schedule_factor(&arm->schedule, at->updates) * arm->options->trainer.optimiser.rate;
        if (arm_step(arm, batch, at->rate, &result, error))
            return -1;
        at->updates += result.updated;
        at->epoch_updates += result.updated;
        at->gradient_norm += result.gradient_norm;
        at->loss += result.loss;
        at->batches++;
        at->place = loader_place(arm->batches);
        at->left_out = left_out + loader_skipped(arm->batches);
        at->seconds = clock_seconds() - started;
        tell_training(arm);
        if (pause_run(arm, error))
            return -1;
    }
    at->left_out = left_out + loader_skipped(arm->batches);
    return 0;
}

static struct fovea_tune_epoch sum_up(const struct arm *arm)
{
    const struct arm_position *at = &arm->at;
    return (struct fovea_tune_epoch){.epoch = at->epoch,
                                     .epochs = arm->options->epochs,
                                     .seed = arm->model->context->seed,
                                     .loss = at->loss / (double)int64_max(at->batches, 1),
                                     .rate = at->rate,
                                     .gradient_norm = at->gradient_norm / (double)int64_max(at->epoch_updates, 1),
                                     .seconds = at->seconds,
                                     .images_per_second =
                                         (double)(at->batches * arm->options->training.batch) / at->seconds,
                                     .left_out = at->left_out,
                                     .validation = metrics_none(dataset_has_masks(arm->dataset))};
}

static int validate(struct arm *arm, struct fovea_tune_epoch *epoch, struct error *error)
{
    struct evaluator evaluator;
    if (!arm->options->validate)
        return 0;
    if (arm_open_evaluator(arm, &evaluator, arm->model, error))
        return -1;
    int result = evaluate(&evaluator, arm->validation, arm->metrics, arm->options->loss.ignored,
                          arm->scores ? &arm->latest : NULL, tell_validation, arm, error);
    evaluator_destroy(&evaluator);
    if (result)
        return error->kind == ERROR_CANCELLED ? -1 : error_prefix(error, "after epoch %" PRId64, epoch->epoch);
    epoch->evaluated = true;
    epoch->left_out += loader_skipped(arm->validation);
    epoch->validation = metrics_summarise(arm->metrics, dataset_has_masks(arm->dataset));
    double score = score_of(arm), *best = &arm->at.best;
    epoch->best = score > *best || (isnan(score) && *best < 0); /* NaN: nothing was counted, any may stay */
    *best = epoch->best && !isnan(score) ? score : *best;
    if (epoch->best && arm->scores)
        memcpy(arm->scores, arm->latest.list, (size_t)arm->samples * sizeof *arm->scores);
    return 0;
}

/* Behind an epoch. */
static struct arm_position next_position(const struct arm *arm)
{
    return (struct arm_position){.epoch = arm->at.epoch + 1,
                                 .updates = arm->at.updates,
                                 .trainer = trainer_position(arm->trainer),
                                 .best = arm->at.best};
}

static int restore(struct arm *arm, struct error *error)
{
    arm->at = *arm->options->from;
    trainer_go_to(arm->trainer, arm->at.trainer);
    return arm->calls->restore(arm->calls->user, arm->trainer, error);
}

int arm_run_epochs(struct arm *arm, struct error *error)
{
    arm->at = (struct arm_position){.epoch = 1, .best = -1};
    if (arm->options->plan_only)
        return 0;
    if (arm->options->from && restore(arm, error))
        return -1;
    while (arm->at.epoch <= arm->options->epochs) {
        if (run_batches(arm, error) || trainer_store(arm->trainer, error))
            return -1;
        struct arm_epoch epoch = {.told = sum_up(arm), .trainer = arm->trainer};
        if (validate(arm, &epoch.told, error))
            return -1;
        const struct arm_position next = next_position(arm);
        epoch.next = &next;
        epoch.metrics = epoch.told.evaluated ? arm->metrics : NULL;
        if (arm->calls->epoch && arm->calls->epoch(arm->calls->user, &epoch, error))
            return -1;
        arm->at = next;
    }
    return 0;
}
