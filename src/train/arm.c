#include "train/arm.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "train/evaluation.h"

struct arm {
    struct model *model;
    const struct dataset *dataset;
    const struct arm_options *options;
    const struct arm_calls *calls;
    struct memory *memory;
    struct training_graph training;
    struct trainer *trainer;
    int segments;
    size_t evaluation_memory; /* bytes, on top of what training takes */
    struct loader *batches, *validation;
    struct mask_size masks;
    struct metrics *metrics;
    struct evaluator teacher;
    float *probabilities; /* the teacher's, of the logits' shape */
    float *class_weights; /* or NULL */
    struct schedule schedule;
    int64_t samples;
    struct arm_position at;
    struct sample_scores latest;
    float *scores; /* of the best epoch, or NULL */
};

/* ---- preparing ---- */

/* Into how many parts the network is cut, until it fits into the memory: see pass_recompute. */
static const int segment_counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24};

static int open_trainer(struct arm *arm, int segments, struct error *error)
{
    const struct arm_options *options = arm->options;
    struct training_request request = {.model = arm->model,
                                       .bindings = options->bindings,
                                       .binding_count = options->binding_count,
                                       .loss = options->loss,
                                       .masks = arm->masks,
                                       .freeze_statistics = options->freeze_statistics,
                                       .segments = segments,
                                       .configure = options->configure,
                                       .user = options->user};
    if (training_graph_create(&arm->training, &request, error))
        return -1;
    arm->trainer = trainer_create(&arm->training, &options->trainer, error);
    return arm->trainer ? 0 : -1;
}

static int open_evaluator(const struct arm *arm, struct evaluator *evaluator, const struct model *model,
                          struct error *error)
{
    return evaluator_create(evaluator, model, arm->options->bindings, arm->options->binding_count, NULL, &arm->masks,
                            error);
}

#define RESERVE ((size_t)4 << 20) /* bytes for what is small: results, the file that is written */

/* Evaluation comes on top of training: what it takes is known before. */
static int measure_evaluation(struct arm *arm, struct error *error)
{
    struct evaluator evaluator;
    size_t before = memory_in_use(arm->memory);
    void *reserve = memory_allocate_uninitialised(arm->memory, RESERVE, 1, error);
    int result = reserve ? 0 : -1;
    if (reserve && arm->options->validate)
        result = open_evaluator(arm, &evaluator, arm->model, error);
    arm->evaluation_memory = memory_in_use(arm->memory) - before;
    if (result == 0 && arm->options->validate)
        evaluator_destroy(&evaluator);
    memory_release(arm->memory, reserve);
    return result;
}

static int open_teacher(struct arm *arm, struct error *error)
{
    const struct arm_options *options = arm->options;
    if (!options->teacher)
        return 0;
    if (open_evaluator(arm, &arm->teacher, options->teacher, error))
        return error_prefix(error, "the teacher");
    return 0;
}

/* Scores of the same classes at the same places, which the file itself reads as the loss does. */
static int check_teacher(const struct arm *arm, struct error *error)
{
    const struct shape *logits = &arm->training.logits;
    const struct head *head = &arm->teacher.head;
    const struct unit_view *view = &arm->teacher.scores.view;
    bool sigmoids = arm->teacher.scores.activation == CLASS_SIGMOID;
    int64_t units = shape_product(logits, 2, logits->rank);
    if (head->kind != HEAD_VECTOR && head->kind != HEAD_MAP)
        return error_set(error, ERROR_INPUT, "the teacher is no classifier and no segmentation network");
    if (view->images != logits->dims[0] || view->units != units || view->channels != logits->dims[1])
        return error_set(error, ERROR_INPUT,
                         "the teacher has %" PRId64 " scores at %" PRId64 " places of %" PRId64
                         " images, the model %" PRId64 " at %" PRId64 " of %" PRId64,
                         view->channels, view->units, view->images, logits->dims[1], units, logits->dims[0]);
    if (head->told == HEAD_TOLD_BY_FILE && arm->training.loss.kind != FOVEA_SQUARES &&
        sigmoids != (arm->training.loss.kind == FOVEA_BINARY))
        return error_set(error, ERROR_INPUT, "the teacher's file ends in %s, the loss is %s",
                         sigmoids ? "sigmoids" : "a softmax", loss_name(arm->training.loss.kind));
    return 0;
}

/* What goes with logits of a shape: labels that fit, the teacher's probabilities, metrics. */
static int open_targets(struct arm *arm, struct error *error)
{
    const struct shape *logits = &arm->training.logits;
    const struct mask_size *part = &arm->training.masks;
    struct loader *loaders[] = {arm->batches, arm->validation};
    for (int i = 0; i < 2 && dataset_has_masks(arm->dataset); i++) {
        if (loaders[i])
            loader_cut_masks(loaders[i], part->top, part->left, part->height, part->width);
    }
    if (evaluation_check_units(loader_units(arm->batches), shape_product(logits, 2, logits->rank), error))
        return -1;
    if (arm->options->teacher) {
        if (check_teacher(arm, error))
            return -1;
        arm->probabilities = memory_allocate(arm->memory, (size_t)shape_count(logits), sizeof(float), error);
        if (!arm->probabilities)
            return -1;
    }
    if (!arm->options->validate)
        return 0;
    arm->metrics = metrics_create(arm->memory, arm->training.classes, arm->options->loss.ignored, error);
    if (!arm->metrics || !arm->scores)
        return arm->metrics ? 0 : -1;
    return sample_scores_open(&arm->latest, arm->memory, arm->samples, arm->training.classes,
                              dataset_has_masks(arm->dataset), error);
}

static void close_training(struct arm *arm)
{
    sample_scores_close(&arm->latest);
    metrics_destroy(arm->metrics);
    arm->metrics = NULL;
    memory_release(arm->memory, arm->probabilities);
    arm->probabilities = NULL;
    trainer_destroy(arm->trainer);
    arm->trainer = NULL;
    if (arm->training.arena)
        training_graph_destroy(&arm->training);
}

static int open_training(struct arm *arm, struct error *error)
{
    int count = (int)(sizeof segment_counts / sizeof segment_counts[0]);
    struct error first = ERROR_INITIALISER;
    for (int i = 0; i < count; i++) {
        *error = (struct error)ERROR_INITIALISER;
        arm->segments = segment_counts[i];
        if (open_trainer(arm, arm->segments, error) == 0 && open_targets(arm, error) == 0 &&
            measure_evaluation(arm, error) == 0)
            return 0;
        close_training(arm);
        if (error->kind != ERROR_MEMORY || memory_failures(arm->memory) > 0) /* the cap may be kept in parts */
            return -1;
        if (i == 0)
            first = *error;
    }
    if (strcmp(first.message, error->message) == 0) /* a limit that parts do not change */
        return -1;
    return error_prefix(error,
                        "training does not fit, not even with the network computed twice in up to %d parts; take a "
                        "smaller batch (`batch`) or give more (`max_memory`)",
                        arm->segments);
}

static int open_data(struct arm *arm, struct error *error)
{
    const struct arm_options *options = arm->options;
    arm->batches = loader_open(arm->memory, arm->dataset, &options->training, error);
    if (dataset_has_masks(arm->dataset))
        arm->masks = (struct mask_size){.height = options->training.preprocess->crop_height,
                                        .width = options->training.preprocess->crop_width};
    if (!arm->batches || !options->validate)
        return arm->batches ? 0 : -1;
    arm->validation = loader_open(arm->memory, arm->dataset, &options->validation, error);
    arm->samples = dataset_count(arm->dataset, options->validation.split);
    return arm->validation ? 0 : -1;
}

static int64_t batches_per_epoch(const struct arm *arm)
{
    int64_t all = loader_batches(arm->batches), most = arm->options->epoch_batches;
    return most > 0 && most < all ? most : all;
}

static void foresee_decay(const struct arm *arm, struct fovea_tune_plan *plan)
{
    const struct optimiser_options *optimiser = &arm->options->trainer.optimiser;
    const struct parameter_set *set = &arm->training.parameters;
    const struct parameter *most = NULL;
    struct decayed decayed = {.weight = 1};
    for (int i = 0; i < set->count; i++) {
        const struct parameter *parameter = &set->list[i];
        if (!parameter->frozen && parameter->output >= 0 &&
            (!most || parameter->rate * parameter->decay > most->rate * most->decay))
            most = parameter;
    }
    double rate = most ? (double)most->rate * optimiser->rate : 0,
           decay = most ? (double)most->decay * optimiser->decay : 0;
    for (int64_t i = 0; i < arm->schedule.steps; i++) {
        double factor = schedule_factor(&arm->schedule, i);
        optimiser_decay(optimiser, factor * rate, decay, i + 1, &decayed);
        plan->decay_sum += factor * rate * decay * optimiser_gain(optimiser);
    }
    plan->kept_by_decay = decayed.weight;
}

static int open_weights(struct arm *arm, int64_t classes, struct error *error)
{
    arm->class_weights = memory_allocate(arm->memory, (size_t)classes, sizeof *arm->class_weights, error);
    for (int64_t i = 0; arm->class_weights && i < classes; i++)
        arm->class_weights[i] = 1;
    arm->training.loss.class_weights = arm->class_weights;
    return arm->class_weights ? 0 : -1;
}

static int announce(struct arm *arm, struct error *error)
{
    const struct arm_options *options = arm->options;
    int64_t per_epoch = batches_per_epoch(arm) / options->trainer.accumulate;
    arm->schedule = options->schedule;
    arm->schedule.steps = per_epoch * options->epochs;
    arm->schedule.warmup = (int64_t)(options->warmup_epochs * (double)per_epoch);
    if (per_epoch == 0)
        return error_set(error, ERROR_INPUT, "there are fewer training samples than one update takes");
    const struct parameter_set *set = &arm->training.parameters;
    if (options->weigh_classes && open_weights(arm, arm->training.classes, error))
        return -1;
    const struct training_graph *training = &arm->training;
    struct arm_plan plan = {.told = {.classes = training->classes,
                                     .loss = loss_name(training->loss.kind),
                                     .unlike_file = training->unlike_file,
                                     .masks = {training->masks.height, training->masks.width},
                                     .whole_masks = {arm->masks.height, arm->masks.width},
                                     .enlarged = {training->enlarged[0], training->enlarged[1]},
                                     .parameters = set->count + set->still_count,
                                     .elements = set->elements,
                                     .updates = arm->schedule.steps,
                                     .norms = training->norm_count,
                                     .norms_kept = training->norms_kept,
                                     .dropouts = training->dropouts,
                                     .segments = arm->segments,
                                     .memory = memory_in_use(arm->memory) + arm->evaluation_memory},
                            .loss = training->loss.kind,
                            .class_weights = arm->class_weights,
                            .set = set};
    foresee_decay(arm, &plan.told);
    for (int i = 0; i < set->still_count; i++)
        plan.told.elements += set->stills[i].elements;
    for (int i = 0; i < set->count; i++) {
        const struct parameter *parameter = &set->list[i];
        bool trained = !parameter->frozen && parameter->output >= 0;
        plan.told.trained += trained;
        plan.told.trained_elements += trained ? parameter->count : 0;
    }
    return arm->calls->planned ? arm->calls->planned(arm->calls->user, &plan, error) : 0;
}

static void close_arm(struct arm *arm)
{
    loader_close(arm->batches);
    loader_close(arm->validation);
    close_training(arm);
    evaluator_destroy(&arm->teacher);
    memory_release(arm->memory, arm->class_weights);
}

/* ---- progress ---- */

/* A training step takes about three evaluations' time: forward, and backward to values and to weights. */
#define STEP_COST 3

/* How far all runs are, in evaluated samples' time. */
static void tell(const struct arm *arm, int64_t trained, int64_t evaluated, const char *text)
{
    const struct arm_options *options = arm->options;
    int64_t training = STEP_COST * batches_per_epoch(arm) * options->training.batch;
    int64_t per_epoch = training + (options->validate ? arm->samples : 0), per_run = per_epoch * options->epochs;
    int64_t done = options->run * per_run + (arm->at.epoch - 1) * per_epoch + STEP_COST * trained + evaluated;
    progress_tell(&arm->model->context->progress, "training", (size_t)done, (size_t)(per_run * options->runs), text);
}

static void tell_training(const struct arm *arm)
{
    char text[160];
    const struct arm_position *at = &arm->at;
    double samples = (double)(at->batches * arm->options->training.batch);
    text_format(text, sizeof text, "%sepoch %" PRId64 "/%" PRId64 ", loss %.4f, rate %.3g, %.0f images/s",
                arm->options->label, at->epoch, arm->options->epochs, at->loss / (double)at->batches, at->rate,
                at->seconds > 0 ? samples / at->seconds : 0);
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
    tell(arm, batches_per_epoch(arm) * arm->options->training.batch, done, text);
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

static int step(struct arm *arm, const struct loader_batch *batch, double rate, struct trainer_result *result,
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
    int64_t all = batches_per_epoch(arm), left_out = at->left_out;
    double started = clock_seconds() - at->seconds;
    loader_start_behind(arm->batches, (uint64_t)at->epoch, at->place);
    while (at->batches < all && at->updates < arm->schedule.steps) {
        struct trainer_result result;
        if (loader_next(arm->batches, &batch, error))
            return -1;
        if (!batch)
            break;
        at->rate = schedule_factor(&arm->schedule, at->updates) * arm->options->trainer.optimiser.rate;
        if (step(arm, batch, at->rate, &result, error))
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
    if (open_evaluator(arm, &evaluator, arm->model, error))
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

static int run_epochs(struct arm *arm, struct error *error)
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

int arm_run(struct model *model, const struct dataset *dataset, const struct arm_options *options,
            const struct arm_calls *calls, float *scores, struct error *error)
{
    struct arm arm = {.model = model,
                      .dataset = dataset,
                      .options = options,
                      .calls = calls,
                      .memory = model->context->memory,
                      .scores = scores};
    int result = open_data(&arm, error) || open_teacher(&arm, error) || open_training(&arm, error) ||
                         announce(&arm, error) || run_epochs(&arm, error)
                     ? -1
                     : 0;
    close_arm(&arm);
    return result;
}
