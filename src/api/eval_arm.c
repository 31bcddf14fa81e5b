/* One model of an evaluation: opened, and run over its batches under every change. */
#include <inttypes.h>
#include <string.h>

#include "api/eval_work.h"
#include "runtime/session.h"

#define USUAL_PIXELS (4 * 224 * 224) /* of a batch: beyond, memory grows and time does not fall */
#define MOST_USUAL_BATCH 32

/* ---- opening ---- */

/* The folders of images may be no classes at all. */
static int check_image_labels(const struct eval_arm *arm, struct error *error)
{
    struct error problem = ERROR_INITIALISER;
    if (dataset_check_labels(arm->stock.images.dataset, arm->evaluator.classes, &problem) == 0)
        return 0;
    return error_set(error, problem.kind, "%s; `eval.no_labels` takes them for none", problem.message);
}

/* Of images single units of many have no labels. */
static int check_labels(const struct eval_work *work, const struct eval_arm *arm, struct error *error)
{
    const struct mask_size *masks = &arm->evaluator.masks;
    if (!work->data)
        return work->options->no_labels || arm->evaluator.units > 1 ? 0 : check_image_labels(arm, error);
    int64_t labels = work->masks ? masks->height * masks->width : 1;
    return evaluation_check_units(labels, arm->evaluator.units, error)
               ? -1
               : dataset_check_labels(work->dataset, arm->evaluator.classes, error);
}

/* Of data the first model's names count for both. */
static int check_names(struct eval_work *work, struct eval_arm *arm, struct error *error)
{
    int64_t classes = arm->evaluator.classes;
    if (!work->data)
        return stock_check_names(&arm->stock, classes, error);
    return (arm == &work->arms[0] || work->data->names) &&
                   data_check_names(arm->model, work->data->names, &work->names, classes, error)
               ? -1
               : dataset_check_labels(work->dataset, classes, error);
}

static int check_arm(struct eval_work *work, struct eval_arm *arm, const struct tensor *images, struct error *error)
{
    if (work->options->corruptions && !stock_has_pictures(&arm->stock))
        return error_set(error, ERROR_INPUT, "%s: corruptions change pictures; these samples are ready tensors",
                         arm->stock.path);
    if (work->options->scale_count > 0 && dtype_storage(images->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT,
                         "'%s' takes bytes: the model normalises them itself, nothing can be scaled",
                         arm->stock.input->name);
    if (!work->options->target && check_names(work, arm, error))
        return -1;
    return check_labels(work, arm, error);
}

static int64_t wanted_batch(const struct eval_work *work, const struct eval_arm *arm)
{
    int64_t pixels = shape_count(&arm->stock.shape) / 3, given = work->options->samples.batch;
    int64_t usual = pixels > 0 ? USUAL_PIXELS / pixels : MOST_USUAL_BATCH;
    usual = usual < 1 ? 1 : usual > MOST_USUAL_BATCH ? MOST_USUAL_BATCH : usual;
    int64_t wanted = given > 0 ? given : usual;
    return wanted < arm->stock.count ? wanted : arm->stock.count;
}

int eval_open_arm(struct eval_work *work, struct eval_arm *arm, struct error *error)
{
    const struct fovea_samples *samples = &work->options->samples;
    struct stock *stock = &arm->stock;
    if (work->data ? stock_take(stock, arm->model, samples, data_path(work->data), work->dataset, work->split, error)
                   : stock_open(stock, arm->model, samples, error))
        return -1;
    if (arm->stock.images.preprocess.upright != work->arms[0].stock.images.preprocess.upright)
        return error_set(error, ERROR_INPUT,
                         "one of the models turns images by their EXIF orientation, the other does "
                         "not: choose `exif` apply or stored for both");
    int64_t batch = images_batch(stock->input, &samples->shapes, wanted_batch(work, arm));
    stock->bindings[0].shape = images_shape(&stock->images, batch);
    const struct mask_size masks = {.height = stock->images.preprocess.crop_height,
                                    .width = stock->images.preprocess.crop_width};
    if (evaluator_create(&arm->evaluator, arm->model->model, stock->bindings, stock->binding_count,
                         work->options->target, work->masks ? &masks : NULL, error))
        return stock_has_pictures(stock) ? -1 : error_prefix(error, "the tensors of %s", stock->path);
    struct tensor *images = session_input(arm->evaluator.session, arm->evaluator.image_input);
    work->batch = batch > work->batch ? batch : work->batch;
    work->samples = stock->count;
    return stock_begin(stock, arm->evaluator.graph, arm->evaluator.session, images, error) ||
                   check_arm(work, arm, images, error)
               ? -1
               : 0;
}

static int open_loader(const struct eval_work *work, struct eval_arm *arm, struct error *error)
{
    const struct fovea_data none = {0};
    const struct images *images = &arm->stock.images;
    struct loader_options options = {.split = work->split,
                                     .batch = work->batch,
                                     .threads = data_threads(work->data ? work->data : &none),
                                     .skip_broken = work->data && work->data->skip_broken,
                                     .preprocess = images->pictures ? &images->preprocess : NULL,
                                     .keep_pictures = work->options->corruptions != 0,
                                     .layout = images->layout,
                                     .ignore = work->ignored,
                                     .seed = arm->model->context->seed};
    arm->loader = loader_open(arm->model->context->memory, images->dataset, &options, error);
    const struct mask_size *part = &arm->evaluator.masks;
    if (arm->loader && work->masks)
        loader_cut_masks(arm->loader, part->top, part->left, part->height, part->width);
    if (arm->loader)
        loader_start(arm->loader, 0);
    return arm->loader ? 0 : -1;
}

/* What each mask adds to the mean IoU, for differences and intervals; these alone are not worth any memory. */
static bool keeps_samples(const struct eval_work *work, const struct eval_arm *arm)
{
    const double most = 64 << 20; /* bytes */
    double bytes = 2.0 * sizeof(int32_t) * (double)work->samples * (double)arm->evaluator.classes * work->change_count;
    return work->masks && (work->arm_count > 1 || bytes <= most);
}

int eval_start_arm(struct eval_work *work, struct eval_arm *arm, struct error *error)
{
    struct memory *memory = arm->model->context->memory;
    size_t batch = (size_t)work->batch, units = (size_t)arm->evaluator.units, count = (size_t)work->change_count;
    if (open_loader(work, arm, error))
        return -1;
    arm->changed = memory_allocate(memory, batch, (size_t)shape_count(&arm->stock.shape) * sizeof *arm->changed, error);
    arm->clean = memory_allocate(memory, batch, units * sizeof *arm->clean, error);
    arm->predictions = memory_allocate(memory, batch, units * sizeof *arm->predictions, error);
    arm->correct = memory_allocate(memory, (size_t)work->samples, sizeof *arm->correct, error);
    arm->agreement = memory_allocate(memory, batch, sizeof *arm->agreement, error);
    arm->tallies = memory_allocate(memory, count, sizeof *arm->tallies, error);
    if (!arm->changed || !arm->clean || !arm->predictions || !arm->correct || !arm->agreement || !arm->tallies)
        return -1;
    for (size_t i = 0; i < count; i++) {
        arm->tallies[i].metrics =
            (i == 0 ? metrics_create : metrics_create_plain)(memory, arm->evaluator.classes, work->ignored, error);
        if (!arm->tallies[i].metrics ||
            (keeps_samples(work, arm) &&
             sample_scores_open(&arm->tallies[i].samples, memory, work->samples, arm->evaluator.classes, true, error)))
            return -1;
        if (arm->tallies[i].samples.list)
            sample_scores_reset(&arm->tallies[i].samples);
    }
    return 0;
}

void eval_close_arm(struct eval_work *work, struct eval_arm *arm)
{
    struct memory *memory = arm->model->context->memory;
    for (int i = 0; arm->tallies && i < work->change_count; i++) {
        metrics_destroy(arm->tallies[i].metrics);
        if (arm->tallies[i].samples.memory)
            sample_scores_close(&arm->tallies[i].samples);
    }
    loader_close(arm->loader);
    memory_release(memory, arm->changed);
    memory_release(memory, arm->clean);
    memory_release(memory, arm->predictions);
    memory_release(memory, arm->correct);
    memory_release(memory, arm->agreement);
    memory_release(memory, arm->tallies);
    evaluator_destroy(&arm->evaluator);
    stock_release(&arm->stock);
}

/* ---- running ---- */

struct corrupting {
    struct eval_arm *arm;
    const struct eval_change *change;
    int64_t elements;
    bool *changed;        /* [batch] */
    struct error *errors; /* [batch] */
};

static void corrupt_image(void *argument, size_t i, int thread)
{
    struct corrupting *task = argument;
    struct context *context = task->arm->model->context;
    const struct image *picture = &task->arm->batch->pictures[i];
    const struct images *images = &task->arm->stock.images;
    struct error *error = &task->errors[i];
    struct image image;
    (void)thread;
    if (image_copy(context->memory, picture, &image, error))
        return;
    if (corruption_apply(context->memory, &image, task->change->corruption, task->change->severity, context->seed,
                         (uint64_t)task->arm->batch->samples[i], error) == 0)
        preprocess_normalise(&images->preprocess, &image, images->layout,
                             task->arm->changed + (int64_t)i * task->elements);
    task->changed[i] = memcmp(image.pixels, picture->pixels, image_bytes(&image)) != 0;
    image_release(context->memory, &image);
}

/* Every image by itself, so that threads do not matter. */
static int corrupt(struct eval_arm *arm, const struct eval_change *change, int64_t elements, bool *any,
                   struct error *error)
{
    struct context *context = arm->model->context;
    size_t count = (size_t)arm->batch->count;
    struct corrupting task = {.arm = arm, .change = change, .elements = elements};
    task.changed = memory_allocate(context->memory, count, sizeof *task.changed, error);
    task.errors = memory_allocate(context->memory, count, sizeof *task.errors, error);
    int result = task.changed && task.errors ? 0 : -1;
    if (result == 0)
        thread_pool_run(context->pool, corrupt_image, &task, count);
    for (size_t i = 0; result == 0 && i < count; i++) {
        *any = *any || task.changed[i];
        if (task.errors[i].kind != ERROR_NONE)
            result = error_set(error, task.errors[i].kind, "%s", task.errors[i].message);
    }
    memory_release(context->memory, task.changed);
    memory_release(context->memory, task.errors);
    return result;
}

/* The batch as it is under a change. */
static int change_images(struct eval_arm *arm, const struct eval_change *change, bool *changed, float **images,
                         struct error *error)
{
    int64_t elements = shape_count(&arm->stock.shape);
    *images = change->kind == CHANGE_NONE ? arm->batch->images : arm->changed;
    if (change->kind == CHANGE_CORRUPTION)
        return corrupt(arm, change, elements, changed, error);
    for (int64_t i = 0; change->kind == CHANGE_SCALE && i < arm->batch->count * elements; i++)
        arm->changed[i] = arm->batch->images[i] * (float)change->strength;
    return 0;
}

static void count_agreement(struct eval_arm *arm, struct eval_tally *tally)
{
    int64_t units = arm->evaluator.units;
    for (int64_t i = 0; i < arm->batch->count; i++) {
        int64_t agreed = 0;
        for (int64_t unit = i * units; unit < (i + 1) * units; unit++)
            agreed += arm->predictions[unit] >= 0 && arm->predictions[unit] == arm->clean[unit];
        tally->agreed += agreed;
        arm->agreement[i] = (double)agreed / (double)units;
        paired_add(&tally->agreement, arm->agreement[i]);
    }
}

int eval_run_arm(const struct eval_work *work, struct eval_arm *arm, int change, struct error *error)
{
    struct eval_tally *tally = &arm->tallies[change];
    struct loader_batch batch = *arm->batch;
    struct sample_scores *samples = tally->samples.list ? &tally->samples : NULL;
    const struct evaluated out = {.correct = samples ? samples->list : arm->correct,
                                  .samples = samples,
                                  .predictions = arm->predictions,
                                  .confidence = &tally->confidence,
                                  .not_finite = change > 0};
    if (!work->labelled)
        batch.labels = NULL;
    if (change_images(arm, &work->changes[change], &tally->changed, &batch.images, error) ||
        evaluate_batch(&arm->evaluator, arm->loader, &batch, tally->metrics, work->ignored, &out, error))
        return error_prefix(error, "%s", arm->model->model->path);
    if (change == 0)
        memcpy(arm->clean, arm->predictions, (size_t)(batch.count * arm->evaluator.units) * sizeof *arm->clean);
    count_agreement(arm, tally);
    return 0;
}
