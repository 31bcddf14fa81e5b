/* What a model says of images. */
#include <math.h>
#include <string.h>

#include "api/detections.h"
#include "api/entry.h"
#include "api/result_folder.h"
#include "api/stock.h"
#include "report/prediction.h"

#define USUAL_TOP 5

struct predict_work {
    struct fovea_model *model;
    const struct fovea_predict_options *options;
    fovea_predict_each *each;
    void *user;
    struct stock stock;
    struct probe probe;
    enum fovea_prediction_kind kind;
    char reading[HEAD_WORDS_SIZE];
    struct fovea_predicted_class *classes; /* [all]: ranked in place */
    int64_t count;
    int64_t *strongest; /* [units] */
    float *image;
    uint8_t *picture;
    struct detections boxes; /* of rows */
};

static int prepare(struct predict_work *work, struct error *error)
{
    const struct probe_request request = {.bindings = work->stock.bindings,
                                          .binding_count = work->stock.binding_count,
                                          .target = "logits",
                                          .kind = FOVEA_SCORE_CLASS,
                                          .unit = {-1, -1},
                                          .source = PROBE_NO_GRADIENT};
    struct memory *memory = work->model->context->memory;
    struct probe *probe = &work->probe;
    if (probe_create(probe, work->model->model, &request, error) ||
        stock_begin(&work->stock, probe->graph, probe->session, probe_images(probe), error))
        return -1;
    if (!probe->of_classes)
        return error_set(error, ERROR_INPUT, "'%s' holds no scores of classes", probe->target);
    if (stock_check_names(&work->stock, class_scores_count(&probe->scores), error))
        return -1;
    work->kind = probe->place == FOVEA_PLACE_REGION ? FOVEA_PREDICTION_REGIONS
                 : probe->place == FOVEA_PLACE_BEST ? FOVEA_PREDICTION_ROWS
                                                    : FOVEA_PREDICTION_CLASSES;
    head_words(&probe->head, &probe->scores, work->reading);
    size_t pixels = (size_t)(probe->height * probe->width);
    work->count = class_scores_count(&probe->scores);
    work->classes = memory_allocate(memory, (size_t)work->count, sizeof *work->classes, error);
    work->strongest = memory_allocate(memory, (size_t)probe->scores.view.units, sizeof *work->strongest, error);
    work->image = memory_allocate(memory, pixels * (size_t)probe->channels, sizeof *work->image, error);
    work->picture = memory_allocate(memory, pixels, 3, error);
    if (!work->classes || !work->strongest || !work->image || !work->picture)
        return -1;
    return work->kind == FOVEA_PREDICTION_ROWS
               ? detections_open(&work->boxes, work->model, work->stock.bindings, work->stock.binding_count, error)
               : 0;
}

static void release(struct predict_work *work)
{
    struct memory *memory = work->model->context->memory;
    detections_close(&work->boxes);
    probe_destroy(&work->probe);
    stock_release(&work->stock);
    memory_release(memory, work->classes);
    memory_release(memory, work->strongest);
    memory_release(memory, work->image);
    memory_release(memory, work->picture);
}

/* ---- one image ---- */

/* The unit where a class is strongest. */
static int64_t best_unit(const struct class_scores *scores, const float *elements, int64_t image, int64_t class_index)
{
    int64_t best = 0;
    double strongest = -HUGE_VAL;
    for (int64_t unit = 0; unit < scores->view.units; unit++) {
        double strength = class_strength(scores, elements, image, unit, class_index);
        if (strength > strongest) {
            strongest = strength;
            best = unit;
        }
    }
    return best;
}

/* Fills the class's row; returns what classes are ranked by, below every number of those that are none. */
static double describe_class(const struct predict_work *work, const float *elements, int64_t image,
                             struct fovea_predicted_class *class)
{
    const struct class_scores *scores = &work->probe.scores;
    int64_t unit = best_unit(scores, elements, image, class->class_index);
    double probability = class_probability(scores, elements, image, unit, class->class_index);
    double strength = class_strength(scores, elements, image, unit, class->class_index);
    class->score = class_score(scores, elements, image, unit, class->class_index);
    class->probability = probability < 0 ? (double)NAN : probability;
    class->share = (double)NAN;
    return class->class_index == scores->background || !isfinite(strength) ? -HUGE_VAL : strength;
}

/* Shares of the units. */
static void describe_regions(struct predict_work *work, const float *elements, int64_t image)
{
    const struct class_scores *scores = &work->probe.scores;
    int64_t units = scores->view.units;
    for (int64_t i = 0; i < work->count; i++) {
        work->classes[i].score = work->classes[i].probability = (double)NAN;
        work->classes[i].share = 0;
    }
    for (int64_t unit = 0; unit < units; unit++) {
        int64_t strongest = work->strongest[unit] = class_predicted(scores, elements, image, unit);
        if (strongest >= 0 && strongest < work->count)
            work->classes[strongest].share += 1.0 / (double)units;
    }
}

/* The first of `count` classes are the strongest then, equal ones by their number; returns how many are told. */
static int rank_classes(struct predict_work *work, const float *elements, int64_t image)
{
    int64_t top = work->options->top > 0 ? work->options->top : USUAL_TOP;
    bool regions = work->kind == FOVEA_PREDICTION_REGIONS;
    for (int64_t i = 0; i < work->count; i++)
        work->classes[i] = (struct fovea_predicted_class){.class_index = i, .name = stock_class_name(&work->stock, i)};
    if (regions)
        describe_regions(work, elements, image);
    int told = 0;
    for (; told < top && told < work->count; told++) {
        int64_t best = -1;
        double most = -HUGE_VAL;
        for (int64_t i = told; i < work->count; i++) {
            struct fovea_predicted_class *class = &work->classes[i];
            double rank = !regions           ? describe_class(work, elements, image, class)
                          : class->share > 0 ? class->share
                                             : -HUGE_VAL;
            bool before = rank > most || (best >= 0 && rank == most && rank > -HUGE_VAL &&
                                          class->class_index < work->classes[best].class_index);
            best = before ? i : best;
            most = before ? rank : most;
        }
        if (best < 0)
            break;
        struct fovea_predicted_class swapped = work->classes[told];
        work->classes[told] = work->classes[best];
        work->classes[best] = swapped;
    }
    return told;
}

static void keep_picture(struct predict_work *work, int64_t place)
{
    const struct probe *probe = &work->probe;
    const struct tensor *images = probe_images(&work->probe);
    const int64_t size[3] = {probe->channels, probe->height, probe->width}, count = size[0] * size[1] * size[2];
    for (int64_t i = 0; i < count; i++)
        work->image[i] = (float)tensor_number(images, place * count + i);
    preprocess_picture(stock_preprocess(&work->stock), work->image, probe->channels_last ? LAYOUT_NHWC : LAYOUT_NCHW,
                       size, work->picture);
}

/* The boxes of a detector, with the names of their classes. */
static int find_boxes(struct predict_work *work, const struct probe_result *run, int64_t place, struct error *error)
{
    const struct probe *probe = &work->probe;
    if (work->kind != FOVEA_PREDICTION_ROWS)
        return 0;
    if (detections_find(&work->boxes, work->image, probe->channels * probe->height * probe->width, &probe->scores,
                        run->target, place, error))
        return -1;
    for (int i = 0; i < work->boxes.count; i++)
        work->boxes.list[i].name = stock_class_name(&work->stock, work->boxes.list[i].class_index);
    return 0;
}

static int hand_over(struct predict_work *work, const struct probe_result *run, int64_t place, int64_t index,
                     struct error *error)
{
    const struct probe *probe = &work->probe;
    bool regions = work->kind == FOVEA_PREDICTION_REGIONS;
    struct fovea_error stopped = {0};
    keep_picture(work, place);
    if (find_boxes(work, run, place, error))
        return -1;
    const struct fovea_prediction prediction = {.model = work->model->model->path,
                                                .name = stock_name(&work->stock, index),
                                                .image = index,
                                                .kind = work->kind,
                                                .target = probe->target,
                                                .reading = work->reading,
                                                .count = rank_classes(work, run->target, place),
                                                .classes = work->classes,
                                                .grid = {probe->target_grid.height, probe->target_grid.width},
                                                .strongest = regions ? work->strongest : NULL,
                                                .height = probe->height,
                                                .width = probe->width,
                                                .picture = work->picture,
                                                .detections = work->boxes.list,
                                                .detection_count = work->boxes.count,
                                                .boxes = work->kind == FOVEA_PREDICTION_ROWS ? work->boxes.words : NULL,
                                                .boxes_told = work->boxes.form.kind != BOX_UNTOLD};
    if (work->each(work->user, &prediction, &stopped) == 0)
        return 0;
    return error_set(error, stopped.code == FOVEA_INTERNAL ? ERROR_INTERNAL : ERROR_INPUT, "%s",
                     stopped.message[0] ? stopped.message : "the callback that takes predictions failed");
}

static int run_images(struct predict_work *work, struct error *error)
{
    struct probe *probe = &work->probe;
    int64_t count = work->stock.count;
    for (int64_t first = 0; first < count; first += probe->batch) {
        int64_t some = count - first < probe->batch ? count - first : probe->batch;
        struct probe_result run;
        if (stock_read(&work->stock, first, some, probe_images(probe), error) || probe_run(probe, &run, error))
            return -1;
        for (int64_t i = 0; i < some; i++) {
            if (hand_over(work, &run, i, first + i, error))
                return -1;
        }
        progress_step(&work->model->context->progress, "images", (size_t)(first + some), (size_t)count);
    }
    return 0;
}

int fovea_predict(struct fovea_model *model, const struct fovea_predict_options *options, fovea_predict_each *each,
                  void *user, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "options", options, entry_predict_options) ||
        entry_argument(&entry, "each", each ? model : NULL))
        return entry_refuse(&entry, report);
    struct predict_work work = {.model = model, .options = options, .each = each, .user = user};
    work.stock.model = model;
    int result = stock_open(&work.stock, model, &options->samples, &entry.error) || prepare(&work, &entry.error) ||
                         run_images(&work, &entry.error) || context_poll(model->context, &entry.error)
                     ? -1
                     : 0;
    release(&work);
    return result ? entry_refuse(&entry, report) : 0;
}

int fovea_prediction_write(struct fovea *fovea, const struct fovea_prediction *prediction, const char *path, bool force,
                           struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea) || entry_argument(&entry, "prediction", prediction) ||
        entry_options(&entry, "prediction", prediction, entry_prediction) ||
        entry_argument(&entry, "picture", prediction->picture) || entry_argument(&entry, "path", path) ||
        entry_argument(&entry, "classes", prediction->classes) ||
        result_claim_picture(path, &fovea->figures, force, &entry.error) ||
        report_prediction(fovea->context->memory, path, &fovea->figures, prediction, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}
