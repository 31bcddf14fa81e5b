#include "train/evaluation.h"
#include "base/number.h"
#include "graph/match.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/preprocess.h"
#include "op/emit.h"
#include "runtime/session.h"
#include "structure/image_input.h"

/* [N,H,W] as [N,1,H,W]. */
static int add_channel_axis(struct graph *graph, struct target *target, struct error *error)
{
    const int64_t *from = target->value->shape.dims, dims[4] = {from[0], 1, from[1], from[2]};
    struct value *list = emit_int_list(graph, dims, 4, error);
    target->value = list ? emit(graph, "Reshape", EMIT_INPUTS(target->value, list), EMIT_NO_ATTRIBUTES, error) : NULL;
    target->grid.row_axis = 2;
    return target->value ? 0 : -1;
}

/* A map of scores of another size than the masks. Boxes are no map. */
static int enlarge(struct evaluator *evaluator, struct graph *graph, const struct value *image, struct target *target,
                   struct error *error)
{
    struct unit_grid *grid = &target->grid;
    bool is_map = (grid->layout == UNITS_MAP || grid->layout == UNITS_MAP_CHANNELS_LAST) && !target->head.boxes;
    if (!is_map || !mask_map_differs(&evaluator->masks, grid->height, grid->width))
        return 0;
    if (mask_map_part(graph, target->value, grid->row_axis, image, &evaluator->masks, error))
        return -1;
    if (!mask_map_differs(&evaluator->masks, grid->height, grid->width))
        return 0;
    evaluator->enlarged[0] = grid->height;
    evaluator->enlarged[1] = grid->width;
    if (target->value->shape.rank == 3 && add_channel_axis(graph, target, error))
        return -1;
    target->value = mask_map_emit(graph, target->value, grid->row_axis, &evaluator->masks, error);
    if (!target->value || unit_grid_of_value(graph, target->value, image, grid, error))
        return -1;
    target->classes.view = grid->view;
    return 0;
}

static int find_scores(struct evaluator *evaluator, struct graph *graph, const struct value *image,
                       struct value **logits, struct error *error)
{
    struct target target;
    if (target_find(evaluator->model, graph, image, evaluator->target ? evaluator->target : "logits", &target, error))
        return -1;
    if (dtype_storage(target.value->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_UNSUPPORTED, "'%s' does not hold floats: it is no score of classes",
                         target.value->name);
    if (target.grid.layout == UNITS_NONE)
        return error_set(error, ERROR_UNSUPPORTED,
                         "'%s' is no map [N,C,H,W], no tokens [N,L,C] and no vector [N,K] over the images; choose "
                         "another `target`",
                         target.value->name);
    if (enlarge(evaluator, graph, image, &target, error))
        return -1;
    *logits = target.value;
    evaluator->scores = target.classes;
    evaluator->head = target.head;
    evaluator->classes = class_scores_count(&target.classes);
    evaluator->units = target.head.boxes ? 1 : target.classes.view.units;
    return 0;
}

/* Only the logits are wanted, Dropout as in inference. */
static int select_logits(void *user, struct graph *graph, struct error *error)
{
    struct evaluator *evaluator = user;
    struct value *logits;
    const struct value *image = image_input(graph, &evaluator->image_input);
    if (!image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    for (struct node *node = graph->first; node; node = node->next) {
        if (match_operator(node, "Dropout") && value_replace(node->outputs[0], node->inputs[0], error))
            return -1;
    }
    return find_scores(evaluator, graph, image, &logits, error) ? -1 : graph_set_outputs(graph, &logits, 1, error);
}

/* Images go in as floats or as bytes. */
static int check_input(const struct tensor *input, struct error *error)
{
    enum dtype storage = dtype_storage(input->dtype);
    return storage == DTYPE_FLOAT || storage == DTYPE_UINT8
               ? 0
               : error_set(error, ERROR_UNSUPPORTED, "the image input holds %s, not floats or bytes",
                           dtype_name(input->dtype));
}

int evaluator_create(struct evaluator *evaluator, const struct model *model, const struct shape_binding *bindings,
                     int binding_count, const char *target, const struct mask_size *masks, struct error *error)
{
    struct pipeline_request request = {
        .bindings = bindings, .binding_count = binding_count, .select = select_logits, .user = evaluator};
    *evaluator = (struct evaluator){.target = target, .masks = masks ? *masks : (struct mask_size){0}, .model = model};
    evaluator->graph = pipeline_run(model, &request, error);
    evaluator->session = evaluator->graph ? session_create(evaluator->graph, error) : NULL;
    struct tensor *input = evaluator->session ? session_input(evaluator->session, evaluator->image_input) : NULL;
    if (!input || check_input(input, error)) {
        evaluator_destroy(evaluator);
        return -1;
    }
    evaluator->batch = input->shape.rank == 4 ? input->shape.dims[0] : 1;
    memset(input->data, 0, tensor_bytes(input)); /* the last batch may leave places empty */
    evaluator->gathered = memory_allocate(evaluator->graph->context->memory, (size_t)evaluator->classes,
                                          (size_t)evaluator->units * sizeof *evaluator->gathered, error);
    if (evaluator->gathered)
        return 0;
    evaluator_destroy(evaluator);
    return -1;
}

void evaluator_destroy(struct evaluator *evaluator)
{
    if (evaluator->graph)
        memory_release(evaluator->graph->context->memory, evaluator->gathered);
    session_destroy(evaluator->session);
    graph_destroy(evaluator->graph);
    *evaluator = (struct evaluator){0};
}

int evaluator_run(struct evaluator *evaluator, const float *images, int64_t count, const float **logits,
                  struct error *error)
{
    struct tensor *input = session_input(evaluator->session, evaluator->image_input);
    int64_t elements = shape_count(&input->shape) / evaluator->batch * count;
    if (dtype_storage(input->dtype) == DTYPE_FLOAT)
        memcpy(input->data, images, (size_t)elements * sizeof *images);
    else
        preprocess_to_bytes(images, elements, input->data);
    if (session_run(evaluator->session, error))
        return -1;
    *logits = session_output(evaluator->session, 0)->data;
    return 0;
}

int evaluation_check_units(int64_t labels, int64_t units, struct error *error)
{
    if (labels == units)
        return 0;
    if (labels == 1)
        return error_set(error, ERROR_INPUT,
                         "each image has one label, the logits have %" PRId64 " units: give `masks` DIR", units);
    if (units == 1)
        return error_set(error, ERROR_INPUT, "there are masks, but the model gives one prediction for an image");
    return error_set(error, ERROR_INPUT,
                     "masks have %" PRId64 " pixels, the logits %" PRId64
                     " units that are no map [N,K,H,W]: they cannot be enlarged to the masks",
                     labels, units);
}

/* ---- samples ---- */

/* The row in which a class is strongest. */
static int64_t best_row(const struct evaluator *evaluator, const float *logits, int64_t place, int64_t class)
{
    int64_t best = 0;
    double strongest = -HUGE_VAL;
    for (int64_t row = 0; row < evaluator->scores.view.units; row++) {
        double strength = class_strength(&evaluator->scores, logits, place, row, class);
        if (strength > strongest) {
            best = row;
            strongest = strength;
        }
    }
    return best;
}

/* Of the sample at a place of the last run: its scores [classes, units]. */
static const float *scores_of(const struct evaluator *evaluator, const float *logits, int64_t place)
{
    const struct class_scores *scores = &evaluator->scores;
    const struct unit_view *view = &scores->view;
    bool plain = !evaluator->head.boxes && !scores->binary && scores->objectness == 0 && scores->background < 0;
    if (plain && view->unit_step == 1 && view->channel_step == view->units)
        return logits + unit_view_at(view, place, 0, 0);
    for (int64_t k = 0; k < evaluator->classes; k++) {
        float *to = evaluator->gathered + k * evaluator->units;
        if (evaluator->head.boxes)
            to[0] = (float)class_strength(scores, logits, place, best_row(evaluator, logits, place, k), k);
        for (int64_t unit = 0; !evaluator->head.boxes && unit < view->units; unit++)
            to[unit] = (float)class_score(scores, logits, place, unit, k);
        for (int64_t unit = 0; k == scores->background && unit < evaluator->units; unit++)
            to[unit] = -FLT_MAX;
    }
    return evaluator->gathered;
}

/* The probability of a class at a unit; NAN: scores that are no logits (--activation none) have none. */
static double confidence_in(const struct evaluator *evaluator, const float *logits, int64_t place, int64_t unit,
                            int64_t class)
{
    int64_t row = evaluator->head.boxes ? best_row(evaluator, logits, place, class) : unit;
    double probability = class_probability(&evaluator->scores, logits, place, row, class);
    return probability < 0 ? (double)NAN : probability;
}

static bool all_finite(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return false;
    }
    return true;
}

/* Of scores that are not finite nothing is predicted. */
static const float *no_scores(const struct evaluator *evaluator)
{
    for (int64_t i = 0; i < evaluator->classes * evaluator->units; i++)
        evaluator->gathered[i] = NAN;
    return evaluator->gathered;
}

/* One sample of a run: its scores [classes, units], made of the logits at a place; `labels` [units] or NULL. */
struct told_sample {
    const float *scores, *logits;
    int64_t place;
    const int64_t *labels;
    int64_t ignored;
    struct sample_scores *samples; /* or NULL */
    int64_t number;                /* of the sample among them */
};

static void tell_sample(const struct evaluator *evaluator, const struct told_sample *sample, float *correct,
                        int64_t *predictions, double *confidence)
{
    const int64_t *labels = sample->labels;
    int64_t right = 0, counted = 0;
    double sum = 0;
    for (int64_t unit = 0; unit < evaluator->units; unit++) {
        int64_t class = metrics_predict(sample->scores + unit, evaluator->units, evaluator->classes);
        if (confidence && class >= 0)
            sum += confidence_in(evaluator, sample->logits, sample->place, unit, class);
        if (predictions)
            predictions[unit] = class;
        counted += labels && labels[unit] != sample->ignored;
        right += labels && labels[unit] != sample->ignored && class == labels[unit];
        if (sample->samples && labels && labels[unit] != sample->ignored)
            sample_scores_pixel(sample->samples, sample->number, labels[unit], class);
    }
    if (correct)
        *correct = counted > 0 ? (float)right / (float)counted : -1;
    if (confidence)
        *confidence += sum / (double)evaluator->units;
}

int evaluate_batch(struct evaluator *evaluator, const struct loader *loader, const struct loader_batch *batch,
                   struct metrics *metrics, int64_t ignored, const struct evaluated *out, struct error *error)
{
    const int64_t *all_labels = batch->masks ? batch->masks : batch->labels;
    int64_t units = evaluator->units, values = shape_count(loader_shape(loader));
    const float *logits = NULL;
    for (int64_t i = 0; i < batch->count; i++) {
        int64_t place = i % evaluator->batch, left = batch->count - i;
        const int64_t *labels = all_labels ? all_labels + i * units : NULL;
        if (place == 0 &&
            evaluator_run(evaluator, batch->images + i * values, int64_min(left, evaluator->batch), &logits, error))
            return -1;
        const float *scores = scores_of(evaluator, logits, place);
        if (!all_finite(scores, evaluator->classes * units)) {
            if (!out->not_finite)
                error_set(error, ERROR_INPUT, "the model's scores for it are not finite: nothing can be counted");
            scores = no_scores(evaluator);
        }
        if (error->kind != ERROR_NONE || (labels && metrics_add(metrics, scores, labels, 1, units, error))) {
            char name[DATASET_NAME_SIZE];
            return error_prefix(error, "%s", loader_sample_name(loader, batch->samples[i], name));
        }
        const struct told_sample sample = {scores, logits, place, labels, ignored, out->samples, batch->samples[i]};
        tell_sample(evaluator, &sample, out->correct ? out->correct + batch->samples[i] : NULL,
                    out->predictions ? out->predictions + i * units : NULL, out->confidence);
    }
    return 0;
}

int evaluate(struct evaluator *evaluator, struct loader *loader, struct metrics *metrics, int64_t ignored,
             struct sample_scores *samples, int (*step)(void *user, int64_t done, struct error *error), void *user,
             struct error *error)
{
    const struct loader_batch *batch;
    const struct evaluated out = {.correct = samples ? samples->list : NULL,
                                  .samples = samples && samples->counts ? samples : NULL};
    int64_t done = 0;
    metrics_reset(metrics);
    if (samples)
        sample_scores_reset(samples);
    if (evaluation_check_units(loader_units(loader), evaluator->units, error))
        return -1;
    loader_start(loader, 0);
    for (;;) {
        if (loader_next(loader, &batch, error))
            return -1;
        if (!batch)
            break;
        if (evaluate_batch(evaluator, loader, batch, metrics, ignored, &out, error))
            return -1;
        done += batch->count;
        if (step && step(user, done, error))
            return -1;
    }
    if (samples)
        sample_scores_finish(samples);
    return 0;
}
