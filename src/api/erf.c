/* Effective receptive fields over a set of images, and the folder of results. */
#include <string.h>

#include "analysis/erf.h"
#include "analysis/gaussian_fit.h"
#include "analysis/imbalance.h"
#include "api/stock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "report/erf.h"
#include "tensor/npy.h"

struct erf_work {
    struct fovea_model *model;
    const struct fovea_erf_options *options;
    enum fovea_score score;
    struct stock stock;
    struct probe probe;
    double *map;
};

static int prepare(struct erf_work *work, struct error *error)
{
    static const enum score_kind kinds[] = {SCORE_MEAN, SCORE_CLASS, SCORE_MARGIN};
    const struct fovea_erf_options *options = work->options;
    bool class = options->class_index != FOVEA_CLASS_NONE;
    work->score = class && options->score == FOVEA_SCORE_MEAN ? FOVEA_SCORE_CLASS : options->score;
    const char *usual = work->score == FOVEA_SCORE_MARGIN ? "before-resize" : "logits";
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target =
                                        options->target || work->score == FOVEA_SCORE_MEAN ? options->target : usual,
                                    .kind = kinds[work->score],
                                    .unit = {options->unit[0], options->unit[1]},
                                    .source = PROBE_IMAGE};
    struct probe *probe = &work->probe;
    if (probe_create(probe, work->model->model, &request, error) ||
        stock_begin(&work->stock, probe->graph, probe->session, probe_images(probe), error))
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
    result->field = api_field(&probe->field);
    result->centre[0] = (double)(probe->height / 2);
    result->centre[1] = (double)(probe->width / 2);
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
        struct phase_imbalance phase;
        if (stride % s == 0 && phase_imbalance_measure(work->map, result->height, result->width, s, &phase))
            result->phases[result->phase_count++] = (struct fovea_phases){
                s, {phase.largest[0], phase.largest[1]}, {phase.smallest[0], phase.smallest[1]}, phase.ratio};
    }
}

static int describe_shape(const struct erf_work *work, struct fovea_erf *result, struct error *error)
{
    struct gaussian_fit fit;
    struct imbalance imbalance = imbalance_measure(work->map, result->height, result->width);
    if (gaussian_fit(work->model->context->memory, work->map, result->height, result->width, &fit, error))
        return -1;
    result->gaussian = (struct fovea_gaussian){
        fit.converged, fit.amplitude, {fit.centre[0], fit.centre[1]}, {fit.sigma[0], fit.sigma[1]}, fit.r_squared};
    result->imbalance[0] = imbalance.first;
    result->imbalance[1] = imbalance.second;
    describe_phases(work, result);
    return 0;
}

static int describe(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    const struct probe *probe = &work->probe;
    struct erf_metrics metrics;
    *result = (struct fovea_erf){.height = probe->height,
                                 .width = probe->width,
                                 .images = work->stock.count,
                                 .score = work->score,
                                 .class_index = work->options->class_index,
                                 .storage = arena};
    result->target = arena_copy_string(arena, probe->target, strlen(probe->target), error);
    result->map = arena_allocate(arena, (size_t)(probe->height * probe->width), sizeof *result->map, error);
    if (!result->target || !result->map)
        return -1;
    for (int64_t i = 0; i < probe->height * probe->width; i++)
        result->map[i] = (float)work->map[i];
    describe_place(work, result);
    erf_measure(work->map, probe->height, probe->width, result->centre, &metrics);
    result->sum = metrics.sum;
    result->min = metrics.min;
    result->max = metrics.max;
    result->centre_value = metrics.centre_value;
    result->border_share = metrics.border_share;
    memcpy(result->argmax, metrics.argmax, sizeof result->argmax);
    memcpy(result->centre_of_mass, metrics.centre_of_mass, sizeof result->centre_of_mass);
    memcpy(result->radii, metrics.radii, sizeof result->radii);
    memcpy(result->mass_within, metrics.mass_within, sizeof result->mass_within);
    return describe_shape(work, result, error);
}

static void release(struct erf_work *work)
{
    probe_destroy(&work->probe);
    stock_release(&work->stock);
    memory_release(work->model->context->memory, work->map);
}

int fovea_erf(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_erf *result,
              struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct erf_work work = {.model = model, .options = options};
    *result = (struct fovea_erf){0};
    struct arena *arena = arena_create(model->context->memory, &error);
    work.stock.model = model;
    int code = arena && stock_open(&work.stock, model, &options->samples, &error) == 0 && prepare(&work, &error) == 0 &&
                       run_images(&work, &error) == 0 && describe(&work, arena, result, &error) == 0
                   ? 0
                   : -1;
    release(&work);
    if (code == 0)
        return 0;
    arena_destroy(arena);
    *result = (struct fovea_erf){0};
    return api_fail(&error, report);
}

void fovea_erf_free(struct fovea_model *model, struct fovea_erf *erf)
{
    (void)model;
    arena_destroy(erf->storage);
    *erf = (struct fovea_erf){0};
}

enum result_file { RESULT_NPY, RESULT_PNG, RESULT_JSON, RESULT_MANIFEST, RESULT_COUNT };
static const char *const result_names[RESULT_COUNT] = {"erf.npy", "erf.png", "erf.json", "manifest.json"};

/* Paths of the result's files; existing ones are an error unless `force`. Released by the caller in every case. */
static int claim(struct memory *memory, const char *folder, bool force, char *paths[RESULT_COUNT], struct error *error)
{
    for (int i = 0; i < RESULT_COUNT; i++) {
        paths[i] = file_join(memory, folder, result_names[i], error);
        if (!paths[i])
            return -1;
        if (!force && file_exists(paths[i]))
            return error_set(error, ERROR_INPUT, "%s exists already; --force replaces it", paths[i]);
    }
    return 0;
}

static void release_paths(struct memory *memory, char *paths[RESULT_COUNT])
{
    for (int i = 0; i < RESULT_COUNT; i++)
        memory_release(memory, paths[i]);
}

int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    char *paths[RESULT_COUNT] = {NULL};
    int result = claim(model->context->memory, folder, force, paths, &error);
    release_paths(model->context->memory, paths);
    return result ? api_fail(&error, report) : 0;
}

static int write_map(struct memory *memory, const char *path, const struct fovea_erf *erf, struct error *error)
{
    const struct tensor tensor = {
        .dtype = DTYPE_FLOAT, .shape = {.rank = 2, .dims = {erf->height, erf->width}}, .data = erf->map};
    return npy_write(memory, path, &tensor, error);
}

int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *folder, bool force,
                    struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    char *paths[RESULT_COUNT] = {NULL}, digest[65];
    struct report_run run = {.model = model->model->path,
                             .model_sha256 = digest,
                             .cpu = fovea_cpu(model->fovea),
                             .threads = fovea_threads(model->fovea),
                             .seed = model->context->seed};
    int result = sha256_file(model->model->path, digest, &error) || claim(memory, folder, force, paths, &error) ||
                         file_make_folder(folder, &error) || write_map(memory, paths[RESULT_NPY], erf, &error) ||
                         report_erf_picture(memory, paths[RESULT_PNG], &run, erf, &error) ||
                         report_erf_json(memory, paths[RESULT_JSON], &run, erf, &error) ||
                         report_erf_manifest(memory, paths[RESULT_MANIFEST], &run, &error)
                     ? -1
                     : 0;
    release_paths(memory, paths);
    return result ? api_fail(&error, report) : 0;
}
