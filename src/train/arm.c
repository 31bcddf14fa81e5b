#include "train/arm_work.h"

#include <inttypes.h>
#include <string.h>

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

int arm_open_evaluator(const struct arm *arm, struct evaluator *evaluator, const struct model *model,
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
        result = arm_open_evaluator(arm, &evaluator, arm->model, error);
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
    if (arm_open_evaluator(arm, &arm->teacher, options->teacher, error))
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

int64_t arm_batches_per_epoch(const struct arm *arm)
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

static void add_parameter(struct fovea_tune_plan *told, const struct parameter *parameter)
{
    struct fovea_tune_decay *decay = &told->decays[parameter->decay_class];
    bool trained = !parameter->frozen && parameter->output >= 0;
    told->frozen += parameter->frozen;
    told->frozen_elements += parameter->frozen ? parameter->count : 0;
    if (!trained)
        return;
    told->trained++;
    told->trained_elements += parameter->count;
    decay->factor = decay->parameters++ == 0 ? (double)parameter->decay : decay->factor;
    decay->elements += parameter->count;
}

static int announce(struct arm *arm, struct error *error)
{
    const struct arm_options *options = arm->options;
    int64_t per_epoch = arm_batches_per_epoch(arm) / options->trainer.accumulate;
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
                                     .batch = options->training.batch,
                                     .batches = arm_batches_per_epoch(arm),
                                     .epochs = options->epochs,
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
    for (int i = 0; i < set->count; i++)
        add_parameter(&plan.told, &set->list[i]);
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
                         announce(&arm, error) ||
                         (options->times ? arm_rehearse(&arm, options->times, error) : arm_run_epochs(&arm, error))
                     ? -1
                     : 0;
    close_arm(&arm);
    return result;
}
