/* Effective receptive fields over a set of images. */
#include "api/entry.h"
#include "api/erf_work.h"

#include <string.h>

#include "analysis/correlation.h"
#include "analysis/erf.h"
#include "analysis/gaussian_fit.h"
#include "analysis/imbalance.h"
#include "analysis/perturbation.h"
#include "analysis/position_maps.h"
#include "api/data.h"

struct erf_work {
    struct fovea_model *model;
    const struct fovea_erf_options *options;
    enum fovea_score score;
    struct stock stock;
    struct probe probe;
    double *map;
    bool random_positions;       /* of a transformer */
    struct progress_whole whole; /* where pixels are changed too */
};

int erf_randomise_positions(void *user, struct graph *graph, const struct value *image, struct error *error)
{
    int changed;
    return position_randomise(graph, image, *(const uint64_t *)user, &changed, error);
}

static int make_probe(struct erf_work *work, enum probe_source source, struct probe *probe, struct error *error)
{
    const struct fovea_erf_options *options = work->options;
    const char *usual = work->score == FOVEA_SCORE_MARGIN ? "before-resize" : "logits";
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target =
                                        options->target || work->score == FOVEA_SCORE_MEAN ? options->target : usual,
                                    .kind = work->score,
                                    .place = FOVEA_PLACE_UNIT,
                                    .unit = {options->unit[0], options->unit[1]},
                                    .source = source,
                                    .pixel_sums = true,
                                    .edit = work->random_positions ? erf_randomise_positions : NULL,
                                    .user = &work->model->context->seed};
    if (probe_create(probe, work->model->model, &request, error))
        return -1;
    return stock_begin(&work->stock, probe->graph, probe->session, probe_images(probe), error);
}

static int prepare(struct erf_work *work, struct error *error)
{
    const struct fovea_erf_options *options = work->options;
    bool class = options->class_index != FOVEA_CLASS_NONE;
    struct probe *probe = &work->probe;
    work->score = class && options->score == FOVEA_SCORE_MEAN ? FOVEA_SCORE_CLASS : options->score;
    if (make_probe(work, PROBE_IMAGE, probe, error) ||
        (probe->of_classes && stock_check_names(&work->stock, class_scores_count(&probe->scores), error)) ||
        (options->class_index == FOVEA_CLASS_LABEL &&
         stock_check_labels(&work->stock, class_scores_count(&probe->scores), error)))
        return -1;
    work->map =
        memory_allocate(work->model->context->memory, (size_t)(probe->height * probe->width), sizeof *work->map, error);
    return work->map ? 0 : -1;
}

static int run_images(struct erf_work *work, struct error *error)
{
    const struct progress *progress = &work->model->context->progress;
    struct probe *probe = &work->probe;
    struct probe_result result;
    for (int64_t first = 0; first < work->stock.count; first += probe->batch) {
        int64_t left = work->stock.count - first, images = left < probe->batch ? left : probe->batch;
        /* Places behind a last, smaller batch keep what they held: their gradients are not read. */
        if (stock_read(&work->stock, first, images, probe_images(probe), error) ||
            stock_classes(&work->stock, work->options->class_index, 0, first, images, probe_classes(probe), error) ||
            probe_run(probe, &result, error))
            return -1;
        erf_accumulate(probe, result.gradient, images, work->map);
        progress_step(progress, "images", (size_t)(first + images), (size_t)work->stock.count);
    }
    for (int64_t i = 0; i < probe->height * probe->width; i++)
        work->map[i] /= (double)work->stock.count;
    return 0;
}

/* What the unit looks at: the middle of its theoretical field, or of the input where that is not local. */
static void describe_place(const struct erf_work *work, struct fovea_erf *result)
{
    const struct probe *probe = &work->probe;
    const struct reads *reads = &probe->unit_reads;
    int spatial = probe->channels_last ? 1 : 2;
    result->field = probe->field;
    result->centre[0] = (double)(probe->height / 2);
    result->centre[1] = (double)(probe->width / 2);
    result->half_weights = work->model->context->half_weights;
    result->no_winograd = work->model->context->direct;
    result->target_size[0] = probe->target_grid.height;
    result->target_size[1] = probe->target_grid.width;
    result->prefix_tokens = probe->target_grid.prefix;
    for (int axis = 0; axis < 2; axis++) {
        result->unit[axis] = probe->unit[axis];
        if (!reads->local)
            continue;
        const struct interval *interval = &reads->axes[spatial + axis];
        result->centre[axis] = ((double)interval->low + (double)interval->high) / 2;
        result->box[axis] = interval->low;
        result->box[2 + axis] = interval->high;
    }
}

/* The divisors of the target's stride are the strides of the layers in front of it. */
static void describe_phases(const struct erf_work *work, struct fovea_erf *result)
{
    const struct fovea_receptive_field *field = &result->field;
    int64_t stride = field->axes == 2 && field->stride[0] == field->stride[1] ? (int64_t)field->stride[0] : 0;
    for (int64_t s = 2; s <= stride && result->phase_count < FOVEA_ERF_STRIDES; s++) {
        result->phase_count += stride % s == 0 && phase_imbalance_measure(work->map, result->height, result->width, s,
                                                                          &result->phases[result->phase_count]);
    }
}

static int describe_shape(const struct erf_work *work, struct fovea_erf *result, struct error *error)
{
    imbalance_measure(work->map, result->height, result->width, result->imbalance);
    if (gaussian_fit(work->model->context->memory, work->map, result->height, result->width, &result->gaussian, error))
        return -1;
    describe_phases(work, result);
    return 0;
}

static int compare(const struct erf_work *work, struct fovea_erf *result, struct error *error)
{
    const struct fovea_erf_options *options = work->options;
    struct memory *memory = work->model->context->memory;
    if (options->compare && options->compare_with)
        return error_set(error, ERROR_INPUT, "the field to compare with is in a file or at hand, not both");
    if (options->compare_with)
        return erf_compare_field(memory, result, options->compare_with, error);
    return options->compare ? erf_compare(memory, result, options->compare, error) : 0;
}

/* ---- the dead-pixel test ---- */

/* In forward runs, of an image: with the gradient; once as it is, and once for each pixel. */
#define FIELD_COST 2.
#define PERTURBED_COST(pixels) (1. + (double)(pixels))

#define STEP 1.0 /* one standard deviation of most presets */

static int perturb_images(struct erf_work *work, struct probe *forward, struct fovea_perturbation *made,
                          struct error *error)
{
    struct memory *memory = work->model->context->memory;
    const struct tensor *images = probe_images(forward);
    int64_t elements = forward->channels * forward->height * forward->width;
    struct tensor one = {.dtype = images->dtype, .shape = work->stock.shape};
    float *image = memory_allocate(memory, (size_t)elements, sizeof *image, error);
    int result = image ? 0 : -1;
    one.data = image;
    for (int64_t i = 0; result == 0 && i < work->stock.count; i++) {
        int64_t class_index;
        result = stock_read(&work->stock, i, 1, &one, error) ||
                         stock_classes(&work->stock, work->options->class_index, 0, i, 1, &class_index, error) ||
                         perturbation_measure(forward, image, class_index, (const int64_t(*)[2])made->at, made->points,
                                              made->step, made->change, error)
                     ? -1
                     : 0;
        progress_step(&work->model->context->progress, "changed pixels", (size_t)(i + 1), (size_t)work->stock.count);
    }
    memory_release(memory, image);
    return result;
}

static int correlate(struct erf_work *work, struct fovea_perturbation *made, struct error *error)
{
    for (int64_t i = 0; i < made->points; i++) {
        made->change[i] /= (double)work->stock.count;
        made->expected[i] = work->map[made->at[i][0] * work->probe.width + made->at[i][1]];
    }
    made->pearson = correlation_pearson(made->change, made->expected, made->points);
    return correlation_spearman(work->model->context->memory, made->change, made->expected, made->points,
                                &made->spearman, error);
}

static int64_t perturbed_pixels(const struct erf_work *work)
{
    int64_t pixels = work->probe.height * work->probe.width, most = work->options->perturbed_pixels;
    return most < pixels ? most : pixels;
}

static int perturb(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    struct fovea_perturbation *made = arena_allocate(arena, 1, sizeof *made, error);
    struct probe forward = {0};
    int64_t most = perturbed_pixels(work);
    if (!made)
        return -1;
    made->step = STEP;
    made->at = arena_allocate(arena, (size_t)most, sizeof *made->at, error);
    made->change = arena_allocate(arena, (size_t)most, sizeof *made->change, error);
    made->expected = arena_allocate(arena, (size_t)most, sizeof *made->expected, error);
    if (!made->at || !made->change || !made->expected)
        return -1;
    progress_whole_part(&work->whole, "changed pixels", PERTURBED_COST(most), 1);
    made->points =
        perturbation_points(work->probe.height, work->probe.width, most, work->model->context->seed, made->at);
    int code = make_probe(work, PROBE_NO_GRADIENT, &forward, error);
    if (code == 0 && dtype_storage(probe_images(&forward)->dtype) != DTYPE_FLOAT)
        code = error_set(error, ERROR_INPUT, "'%s' takes bytes: pixels are changed in normalised images only",
                         forward.image);
    if (code == 0)
        code = perturb_images(work, &forward, made, error) || correlate(work, made, error) ? -1 : 0;
    probe_destroy(&forward);
    result->perturbation = made;
    return code;
}

/* ---- all of it ---- */

static int describe(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    const struct probe *probe = &work->probe;
    *result = (struct fovea_erf){.height = probe->height,
                                 .width = probe->width,
                                 .images = work->stock.count,
                                 .score = work->score,
                                 .of_classes = probe->of_classes,
                                 .class_index = work->options->class_index,
                                 .storage = arena};
    char words[HEAD_WORDS_SIZE];
    bool classes = work->score != FOVEA_SCORE_MEAN;
    const char *reading = head_words(&probe->head, &probe->scores, words);
    result->best = probe->place == FOVEA_PLACE_BEST;
    result->reading = classes ? arena_copy_string(arena, reading, strlen(reading), error) : NULL;
    result->target = arena_copy_string(arena, probe->target, strlen(probe->target), error);
    result->map = arena_allocate(arena, (size_t)(probe->height * probe->width), sizeof *result->map, error);
    result->files_left_out = data_left_out(arena, work->stock.images.dataset, 0, NULL, error);
    if (!result->target || !result->map || (classes && !result->reading) || !result->files_left_out)
        return -1;
    for (int64_t i = 0; i < probe->height * probe->width; i++)
        result->map[i] = (float)work->map[i];
    describe_place(work, result);
    erf_measure(work->map, result);
    if (describe_shape(work, result, error) ||
        (work->options->perturbed_pixels > 0 && perturb(work, arena, result, error)) || compare(work, result, error))
        return -1;
    return 0;
}

static void release(struct erf_work *work)
{
    probe_destroy(&work->probe);
    stock_release(&work->stock);
    memory_release(work->model->context->memory, work->map);
}

/* Both parts as one, where there are two. */
static int measure(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    if (work->options->perturbed_pixels == 0)
        return run_images(work, error) || describe(work, arena, result, error) ? -1 : 0;
    progress_whole_start(&work->whole, &work->model->context->progress, "field", 0,
                         FIELD_COST + PERTURBED_COST(perturbed_pixels(work)));
    progress_whole_part(&work->whole, "images", FIELD_COST, 1);
    int code = run_images(work, error) || describe(work, arena, result, error) ? -1 : 0;
    progress_whole_end(&work->whole);
    return code;
}

int erf_make(struct fovea_model *model, const struct fovea_erf_options *options, bool random_positions,
             struct fovea_erf *result, struct error *error)
{
    struct erf_work work = {.model = model, .options = options, .random_positions = random_positions};
    *result = (struct fovea_erf){0};
    struct arena *arena = arena_create(model->context->memory, error);
    work.stock.model = model;
    int code = arena && stock_open(&work.stock, model, &options->samples, error) == 0 && prepare(&work, error) == 0 &&
                       measure(&work, arena, result, error) == 0 && context_poll(model->context, error) == 0
                   ? 0
                   : -1;
    release(&work);
    if (code) {
        arena_destroy(arena);
        *result = (struct fovea_erf){0};
    }
    return code;
}

int fovea_erf(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_erf *result,
              struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "erf", result, sizeof *result) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_erf_options))
        return entry_refuse(&entry, report);
    return erf_make(model, options, false, result, &entry.error) ? entry_refuse(&entry, report) : 0;
}

void fovea_erf_free(struct fovea_erf *erf)
{
    if (!erf)
        return;
    arena_destroy(erf->storage);
    *erf = (struct fovea_erf){0};
}
