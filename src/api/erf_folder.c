/* The folder of an effective receptive field's results. */
#include "api/api.h"
#include "base/file.h"
#include "base/sha256.h"
#include "report/erf.h"
#include "tensor/npy.h"

enum result_file {
    RESULT_NPY,
    RESULT_PNG,
    RESULT_JSON,
    RESULT_DIFFERENCE_NPY,
    RESULT_DIFFERENCE_PNG,
    RESULT_MANIFEST,
    RESULT_COUNT
};
static const char *const result_names[RESULT_COUNT] = {"erf.npy",        "erf.png",        "erf.json",
                                                       "difference.npy", "difference.png", "manifest.json"};

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

static int write_map(struct memory *memory, const char *path, const struct fovea_erf *erf, float *map,
                     struct error *error)
{
    const struct tensor tensor = {
        .dtype = DTYPE_FLOAT, .shape = {.rank = 2, .dims = {erf->height, erf->width}}, .data = map};
    return npy_write(memory, path, &tensor, error);
}

static int write_difference(struct memory *memory, char *paths[RESULT_COUNT], const struct report_run *run,
                            const struct fovea_erf *erf, struct error *error)
{
    if (!erf->comparison)
        return 0;
    return write_map(memory, paths[RESULT_DIFFERENCE_NPY], erf, erf->comparison->difference, error) ||
                   report_erf_difference(memory, paths[RESULT_DIFFERENCE_PNG], run, erf, error)
               ? -1
               : 0;
}

int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *folder, bool force,
                    bool log_scale, struct fovea_error *report)
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
                         file_make_folder(folder, &error) ||
                         write_map(memory, paths[RESULT_NPY], erf, erf->map, &error) ||
                         report_erf_picture(memory, paths[RESULT_PNG], &run, erf, log_scale, &error) ||
                         report_erf_json(memory, paths[RESULT_JSON], &run, erf, &error) ||
                         write_difference(memory, paths, &run, erf, &error) ||
                         report_erf_manifest(memory, paths[RESULT_MANIFEST], &run, erf, &error)
                     ? -1
                     : 0;
    release_paths(memory, paths);
    return result ? api_fail(&error, report) : 0;
}
